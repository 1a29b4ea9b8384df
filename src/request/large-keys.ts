import type { KeySize } from '../events.ts'
import type { SessionData } from '../record/journal.ts'
import { biggestKeys } from '../record/sizes.ts'

/** A key is told of once in this time, however many sessions have it. */
const quietMs = 60_000
/** Where an application makes up names, the oldest are forgotten. */
const mostNames = 1000

/** Keys that make sessions larger than they should be, each told of once a minute. Of a process, not of a request. */
export class LargeKeys {
  readonly #toldAt = new Map<string, number>()

  /** The biggest keys of a session, without those that were told of a little while ago. */
  next(data: SessionData, now: number): readonly KeySize[] {
    return biggestKeys(data).filter(({ name }) => this.#isDue(name, now))
  }

  #isDue(name: string, now: number): boolean {
    const toldAt = this.#toldAt.get(name)
    if (toldAt !== undefined && Math.abs(now - toldAt) < quietMs) return false
    const [oldest] = this.#toldAt.keys()
    if (oldest !== undefined && this.#toldAt.size >= mostNames) this.#toldAt.delete(oldest)
    this.#toldAt.delete(name)
    this.#toldAt.set(name, now)
    return true
  }
}
