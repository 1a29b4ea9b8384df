import type { ConformanceClock } from '../conformance/index.ts'

/** A clock to hand to what takes `now` and to the conformance cases. Milliseconds. */
export interface TestClock extends ConformanceClock {
  /** Bound: can be passed on as `now: clock.now`. */
  readonly now: () => number
}

/** A {@link TestClock} that stands still until it is told to move. */
export interface FakeClock extends TestClock {
  advance(ms: number): void
}

/** A clock that only moves by `advance` and `sleep`, which returns at once; starts in November 2023 unless told. */
export function fakeClock(startMs = 1_700_000_000_000): FakeClock {
  let time = startMs
  const advance = (ms: number) => {
    time += ms
  }
  return { now: () => time, advance, sleep: async (ms) => advance(ms) }
}

/** The real clock, for stores whose server keeps the time. */
export const realClock: TestClock = {
  now: Date.now,
  sleep: (ms) => new Promise((wake) => setTimeout(wake, ms)),
}
