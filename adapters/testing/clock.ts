import { need } from '../../src/checks.ts'

/** A clock that stands still until the test moves it. It also fits the cases of `claimcheck/conformance`. */
export interface FakeClock {
  /** Milliseconds since 1970. Bound: pass it on as `now: clock.now`, to the sessions and to their store. */
  readonly now: () => number
  /** Moves it on, at once. */
  advanceSeconds(seconds: number): void
  /** Moves it on by milliseconds, and returns at once. */
  sleep(ms: number): Promise<void>
}

/**
 * A clock for tests: starts at this time in milliseconds since 1970, the real one unless told, and moves only when it is told to.
 *
 * Throws `SessionOptionsError` for times that are no numbers, and where it would go back.
 */
export function fakeClock(startMs: number = Date.now()): FakeClock {
  need(Number.isFinite(startMs), 'fakeClock: startMs must be milliseconds since 1970')
  let time = startMs
  const advance = (ms: number) => {
    need(Number.isFinite(ms) && ms >= 0, 'fakeClock: it goes forward, by a number')
    time += ms
  }
  return {
    now: () => time,
    advanceSeconds: (seconds) => advance(seconds * 1000),
    sleep: async (ms) => advance(ms),
  }
}
