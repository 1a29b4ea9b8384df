import { Worker } from 'node:worker_threads'
import { aroundEach } from 'vitest'

/**
 * Setup of the tests that measure deadlines of real servers: where one fails and the machine stood still meanwhile, nothing was
 * shown. It fails with one more error that says so, and the configuration has it repeated.
 *
 * Machines that share their cores with others stop for tenths of a second now and then, all processes at once. A thread of its
 * own notices it by being late; what keeps the tests' own thread busy does not count.
 */
const tickMs = 10
/** A thread that waits is late by a few milliseconds on a machine with too much to do. */
const standstillMs = 50

const longestMs = new Int32Array(new SharedArrayBuffer(4))
const watch = `
  const { workerData: { longestMs, tickMs } } = require('node:worker_threads')
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (let before = performance.now(); ; ) {
    Atomics.wait(never, 0, 0, tickMs)
    const now = performance.now()
    const lateMs = Math.round(now - before - tickMs)
    if (lateMs > Atomics.load(longestMs, 0)) Atomics.store(longestMs, 0, lateMs)
    before = now
  }`
new Worker(watch, { eval: true, workerData: { longestMs, tickMs } }).unref()

aroundEach(async (runTest, { task }) => {
  Atomics.store(longestMs, 0, 0)
  await runTest()
  const lateMs = Atomics.load(longestMs, 0)
  if (task.result?.state !== 'fail' || lateMs < standstillMs) return
  const why = `the machine stood still for ${lateMs} ms`
  const last = task.result.errors?.at(-1)
  console.log(`\nFAILED, and is repeated twice at most, since ${why}: ${task.name}\n${last?.stack}`)
  throw new Error(why)
})
