import type { Tombstone } from '../../../src/store.ts'
import type { Member } from './member.ts'

/** More than this many keys are left to the repair that every read does. */
const maxKeys = 10_000

/** Until a key is tried again; doubled as long as others stand in the way (the other copy's node may be away too). */
const [firstPauseMs, longestPauseMs] = [200, 1600]

/** Work for one key of a node that was away: write this tombstone, or, without one, read the key, which repairs it. */
type Work = (key: string, tombstone: Tombstone | undefined) => Promise<void>

/** Remembers what a node missed, and makes up for it when the node is back. */
export class Handover {
  readonly #missed: Map<Member, Map<string, Tombstone | undefined>> = new Map()
  readonly #repair: (member: Member, ...work: Parameters<Work>) => Promise<boolean>

  /** `repair` tells whether the node has it now. */
  constructor(repair: (member: Member, ...work: Parameters<Work>) => Promise<boolean>) {
    this.#repair = repair
  }

  hasWork(member: Member): boolean {
    return (this.#missed.get(member)?.size ?? 0) > 0
  }

  /** A tombstone is never replaced by the wish for a record. */
  note(member: Member, key: string, tombstone?: Tombstone): void {
    const keys = this.#missed.get(member) ?? new Map<string, Tombstone | undefined>()
    this.#missed.set(member, keys)
    if (keys.size >= maxKeys && !keys.has(key) && !makeRoom(keys, tombstone)) return
    keys.set(key, tombstone ?? keys.get(key))
    if (member.isUp) this.#soon(member)
    else member.hurry()
  }

  /** Makes up for what a node missed, one key after the other: it has just come back and serves others, too. */
  async run(member: Member): Promise<void> {
    const keys = this.#missed.get(member)
    if (!keys) return
    this.#missed.delete(member)
    const failed: [key: string, tombstone: Tombstone | undefined][] = []
    for (const [key, tombstone] of keys) {
      // Nobody waits for this: whatever a store throws is for a later try.
      if (member.isUp && (await this.#repair(member, key, tombstone).catch(() => false))) continue
      failed.push([key, tombstone])
    }
    if (failed.length > 0) this.#pauses.set(member, Math.min(2 * this.#pauseOf(member), longestPauseMs))
    else this.#pauses.delete(member)
    for (const [key, tombstone] of failed) this.note(member, key, tombstone)
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
function makeRoom(keys: Map<string, Tombstone | undefined>, tombstone: Tombstone | undefined): boolean {
  if (!tombstone) return false
  for (const [key, wish] of keys) if (!wish) return keys.delete(key)
  return false
}
