import { afterAll, vi } from 'vitest'

/** Setup of the tests whose files share a process, which starts once: what one leaves does not reach the next. */
const clock = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, Date }
const now: Performance['now'] = performance.now

afterAll(() => {
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
  vi.useRealTimers()
  // Where a scripted clock was spied upon, this brings that one back.
  vi.restoreAllMocks()
  Object.assign(globalThis, clock)
  performance.now = now
})
