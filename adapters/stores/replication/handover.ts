import type { Tombstone } from '../../../src/store.ts'
import type { Member } from './member.ts'

/** More than this many keys are left to the repair that every read does. */
const maxKeys = 10_000

/** Until a key is tried again; doubled as long as others stand in the way (the other copy's node may be away too). */
const [firstPauseMs, longestPauseMs] = [200, 1600]

/** What a node that was away missed of a key: a tombstone, or else a record, which a read repairs; for how many seconds, where known. */
export type Missed = Tombstone | number | undefined

/** Remembers what a node missed, and makes up for it when the node is back. */
export class Handover {
  readonly #missed: Map<Member, Map<string, Missed>> = new Map()
  readonly #repair: (member: Member, key: string, missed: Missed) => Promise<boolean>

  /** `repair` tells whether the node has it now. */
  constructor(repair: (member: Member, key: string, missed: Missed) => Promise<boolean>) {
    this.#repair = repair
  }

  hasWork(member: Member): boolean {
    return (this.#missed.get(member)?.size ?? 0) > 0
  }

  /** A tombstone is never replaced by the wish for a record. */
  note(member: Member, key: string, missed?: Missed): void {
    const keys = this.#missed.get(member) ?? new Map<string, Missed>()
    this.#missed.set(member, keys)
    if (keys.size >= maxKeys && !keys.has(key) && !makeRoom(keys, missed)) return
    const before = keys.get(key)
    keys.set(key, typeof missed !== 'object' && typeof before === 'object' ? before : (missed ?? before))
    if (member.isUp) this.#soon(member)
    else member.hurry()
  }

  /** Makes up for what a node missed, one key after the other: it has just come back and serves others, too. */
  async run(member: Member): Promise<void> {
    const keys = this.#missed.get(member)
    if (!keys) return
    this.#missed.delete(member)
    const failed: [key: string, missed: Missed][] = []
    for (const [key, missed] of keys) {
      // Nobody waits for this: whatever a store throws is for a later try.
      if (member.isUp && (await this.#repair(member, key, missed).catch(() => false))) continue
      failed.push([key, missed])
    }
    if (failed.length > 0) this.#pauses.set(member, Math.min(2 * this.#pauseOf(member), longestPauseMs))
    else this.#pauses.delete(member)
    for (const [key, missed] of failed) this.note(member, key, missed)
  }

  readonly #pauses: WeakMap<Member, number> = new WeakMap()

  #pauseOf(member: Member): number {
    return this.#pauses.get(member) ?? firstPauseMs
  }

  readonly #timers: Map<Member, ReturnType<typeof setTimeout>> = new Map()

  /** For a node that missed a write without having been taken out: nothing will report its return. */
  #soon(member: Member): void {
    if (this.#timers.has(member)) return
    const timer = setTimeout(() => {
      this.#timers.delete(member)
      void this.run(member)
    }, this.#pauseOf(member))
    if (typeof timer === 'object') timer.unref()
    this.#timers.set(member, timer)
  }

  forget(member: Member): void {
    this.#missed.delete(member)
    clearTimeout(this.#timers.get(member))
    this.#timers.delete(member)
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    this.#missed.clear()
  }
}

/** A full list takes a tombstone in place of a record, which reads repair anyway; a lost tombstone could bring a session back. */
function makeRoom(keys: Map<string, Missed>, missed: Missed): boolean {
  if (typeof missed !== 'object') return false
  for (const [key, wish] of keys) if (typeof wish !== 'object') return keys.delete(key)
  return false
}
