import type { Store } from '../../src/store.ts'

/** The clock that the store under test lives by: a fake one for stores that take it, real time for servers. */
export interface ConformanceClock {
  /** Resolves when this many milliseconds have passed for the store. */
  sleep(ms: number): Promise<void>
}

/**
 * One rule of the store contract, to be run with any test framework or none.
 *
 * `run` rejects with `ConformanceError` where the store breaks the rule. Cases use fresh random keys and never close the store:
 * on a real server they can share one and run at the same time; with a fake clock they run one after the other.
 */
export interface StoreCase {
  readonly name: string
  run(store: Store, clock: ConformanceClock): Promise<void>
}

/**
 * The time to live, in seconds, of what a case waits to see expire.
 *
 * memcached's clock ticks in whole seconds: 2 lives for 1 to 2 s there, and 1 may be gone at once.
 */
export const briefSeconds = 2

/** Milliseconds after which {@link briefSeconds} are over on every backend, with 1.5 s for the tick and a busy machine. */
export const afterBriefMs = 3_500

/** The time to live, in seconds, of what must not expire within a case. */
export const longSeconds = 60
