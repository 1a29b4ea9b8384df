import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { stopwatch } from '../support/own-time.ts'

test('time that a process does not get does not pass for it; time that it waits does', async () => {
  const watch = stopwatch()
  const start = performance.now()
  while (performance.now() - start < 500);
  expect(watch()).toBeLessThan(10)
  await sleep(200)
  const took = watch()
  expect(took).toBeGreaterThan(20)
  expect(took).toBeLessThan(performance.now() - start - 400)
})
