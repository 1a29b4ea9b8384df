import { type CallOptions, maxTtlSeconds, type Store, type Tombstone } from '../../../src/store.ts'
import { type Asking, hasRunOut, inBackground } from './asking.ts'
import { Handover, type Missed } from './handover.ts'
import { Member } from './member.ts'

/** What makes a cluster out of stores. */
export interface ClusterOptions {
  readonly members: readonly { readonly name: string; readonly store: Store }[]
  /** The names of a key's owners, its home first; every process must give the same. Default: all members, as listed. */
  readonly ownersOf?: ((key: string) => readonly string[]) | undefined
  /** After so long a member that is away counts as having lost what it held. */
  readonly giveUpSeconds: number
  /** The members in force and the copies of each key, where former members are kept too. Default: all members, as many copies as owners. */
  readonly inForce?: (() => { readonly names: ReadonlySet<string>; readonly copies: number }) | undefined
  /** Told of every call that failed, so that a list of servers can be looked up again. */
  readonly onFailure?: (() => void) | undefined
  /** The clock of revisions, in milliseconds. */
  readonly now: () => number
  /** For the simulation only, which shows what the default is for. */
  readonly failoverMs?: number | undefined
}

/** Without a hint a tombstone that is passed on lives for a day: longer than idle times usually are. */
const tombstoneSeconds = 86_400
/** As in the core: a tombstone outlives every record by this, for clock differences. */
const marginSeconds = 60

/** Brings the copies of a key together again, so that this member has its own; false where that failed. */
export type RepairRecord = (cluster: Cluster, key: string, member: Member, seconds?: number) => Promise<boolean>

/** The members, who owns what, and what is still to be handed over. Shared by reading and writing. */
export class Cluster {
  readonly handover: Handover
  readonly options: ClusterOptions
  readonly #repairRecord: RepairRecord
  readonly #byName: Map<string, Member> = new Map()
  #longestSeconds = 0

  constructor(options: ClusterOptions, repairRecord: RepairRecord) {
    this.options = options
    this.#repairRecord = repairRecord
    this.handover = new Handover((member, key, missed) => this.#repair(member, key, missed))
    for (const { name, store } of options.members) this.add(name, () => store)
  }

  get members(): readonly Member[] {
    return [...this.#byName.values()]
  }

  /** Whether at least so many members are up, as far as this request has seen. */
  hasUp(count: number, call: CallOptions = {}): boolean {
    let up = 0
    for (const member of this.#byName.values())
      if (member.isUp && !hasRunOut(member, call) && ++up >= count) return true
    return false
  }

  /** A member that is there already keeps its store and what is known of its health. */
  add(name: string, createStore: () => Store): void {
    if (this.#byName.has(name)) return
    const member: Member = new Member(name, createStore(), {
      onBack: () => void this.handover.run(member),
      onFailure: () => this.options.onFailure?.(),
      hasWork: () => this.handover.hasWork(member),
    })
    this.#byName.set(name, member)
  }

  /** Lets go of the members that no ring knows any more. */
  keepOnly(names: ReadonlySet<string>): void {
    for (const [name, member] of this.#byName) {
      if (names.has(name)) continue
      this.#byName.delete(name)
      this.handover.forget(member)
      member.close().catch(() => {})
    }
  }

  /** The owners of a key, its home first. */
  ownersOf(key: string): readonly Member[] {
    const names = this.options.ownersOf?.(key)
    return names ? names.flatMap((name) => this.#byName.get(name) ?? []) : this.members
  }

  /** Whose being down counts for whether the cluster is ready. */
  get inForce(): { readonly names: ReadonlySet<string>; readonly copies: number } {
    const { inForce } = this.options
    return inForce?.() ?? { names: new Set(this.#byName.keys()), copies: this.ownersOf('claimcheck').length }
  }

  /** Every time that passes here bounds how long a stale copy can live, and so how long a tombstone must. */
  sawSeconds(seconds: number | undefined): void {
    if (seconds !== undefined) this.#longestSeconds = Math.max(this.#longestSeconds, seconds)
  }

  /** For a copy that is written again without its own time at hand: as long as any record lives here. */
  get recordSeconds(): number {
    return this.#longestSeconds > 0 ? this.#longestSeconds : tombstoneSeconds
  }

  /** A tombstone found, to be passed on in full. */
  inFull(value: Uint8Array): Tombstone {
    return { value, seconds: Math.min(this.recordSeconds + marginSeconds, maxTtlSeconds) }
  }

  /** Sets a tombstone on one member; false where it could not be reached. */
  async bury(member: Member, key: string, tombstone: Tombstone, asking: Asking, force?: boolean): Promise<boolean> {
    const work = (store: Store, call: CallOptions) => store.delete(key, { ...call, tombstone }).then(() => true)
    const done = (await member.ask(work, asking, force)) === true
    if (!done) this.handover.note(member, key, tombstone)
    return done
  }

  /** What a node that is back has missed; false where it could not be told. */
  async #repair(member: Member, key: string, tombstone: Missed): Promise<boolean> {
    if (typeof tombstone !== 'object') return this.#repairRecord(this, key, member, tombstone)
    return (await member.ask((store) => store.delete(key, { tombstone }).then(() => true), inBackground)) === true
  }

  async close(): Promise<void> {
    this.handover.close()
    await Promise.all(this.members.map((member) => member.close()))
  }
}
