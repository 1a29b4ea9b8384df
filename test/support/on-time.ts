import type { StoreCase } from '../conformance/store-cases.ts'
import { realClock, type TestClock } from './clock.ts'

/** What a case may take beyond the time it lets pass itself: its deadlines leave a second and more. */
const lateMs = 500
/** It is tried for so long: a server that has waited for its turn once will again, while the machine stays as busy. */
const patienceMs = 120_000

/**
 * Runs a case on real time, and again where the machine was late and not the store: where it failed and took half a second more
 * than it slept, or slept at all. A memcached that has to wait for its turn is late by its own clock, and nobody else can see that.
 * `mayMiss` names a failure that is no fault even in time.
 */
export async function onTime(run: (clock: TestClock) => Promise<void>, mayMiss: boolean = false): Promise<void> {
  const begun = performance.now()
  for (;;) {
    let slept = 0
    const sleep = (ms: number) => {
      slept += ms
      return realClock.sleep(ms)
    }
    const started = performance.now()
    try {
      return await run({ now: realClock.now, sleep })
    } catch (error) {
      const isLate = performance.now() - started - slept > lateMs
      if (performance.now() - begun > patienceMs || !(isLate || slept > 0 || mayMiss)) throw error
    }
  }
}

/**
 * A case that copies may fail even in time. The clocks of two servers tick at different times: a read between the ends of two
 * copies finds one of them and repairs the other, so that the entry lives on. Sessions do not notice, for their reads slide the
 * end anyway.
 */
export const mayMiss = ({ name }: StoreCase): boolean =>
  name === 'read: does not extend the life of an entry without touchSeconds'
