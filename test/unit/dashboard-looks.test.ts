import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { dashboard } from '../../adapters/dashboard.ts'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { createSessions } from '../../src/sessions.ts'

/** So long a check waits for a frozen node: `callMs` of `memcachedStore`. */
const checkMs = 250
const node = 'a:1'
const secret = 'DASHBOARD-SECRET-kY2vQ8rT5wX1zB4nM7p'

afterEach(() => vi.useRealTimers())

/** A dashboard on a clock that the test moves, of a store whose checks take their time and tell what was so when they began. */
function watched() {
  vi.useFakeTimers()
  const state = { isUp: true, began: [] as number[], told: '' }
  const start = performance.now()
  const store = {
    ...memoryStore(),
    async check() {
      const up = state.isUp
      state.began.push(performance.now() - start)
      await new Promise((wait) => setTimeout(wait, checkMs))
      return { ready: up, nodes: [{ node, up }] }
    },
  }
  const app = new Hono().route(
    '/ops',
    dashboard({ sessions: createSessions({ store, secret }), authorize: () => true }),
  )
  const look = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of (await app.request('/ops/events')).body ?? []) state.told += decoder.decode(chunk)
  }
  return { state, look }
}

describe('on a clock of its own', () => {
  it('the dashboard looks every second, however long a look takes', async () => {
    const { state, look } = watched()
    const over = look()
    await vi.advanceTimersByTimeAsync(3100)
    await over
    expect(state.began.slice(0, 3).map(Math.round)).toEqual([0, 1000, 2000])
  })

  it.each([0, 1, 249, 251, 500, 999, 1001, 1249])(
    'a node that goes after %i ms is told within two seconds',
    async (ms) => {
      const { state, look } = watched()
      const over = look()
      await vi.advanceTimersByTimeAsync(ms)
      state.isUp = false
      let took = 0
      for (; !state.told.includes('"up":false') && took < 4000; took += 10) await vi.advanceTimersByTimeAsync(10)
      expect(took).toBeGreaterThan(0)
      expect(took).toBeLessThan(2000)
      await vi.advanceTimersByTimeAsync(4000)
      await over
    },
  )
})
