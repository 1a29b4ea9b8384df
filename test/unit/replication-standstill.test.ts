import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { recordOf, testCluster } from '../support/replication.ts'

beforeEach(() => {
  vi.useFakeTimers()
  // No jitter.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** Time passes on both clocks, and nothing runs meanwhile. */
function standStill(ms: number): void {
  const before = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => before() + ms)
  vi.setSystemTime(Date.now() + ms)
}

/** Two servers with one copy each: the one that holds the session has just failed three times, and fails on. */
async function out() {
  const { store, members } = testCluster(2, { ownersOf: () => ['n0'] })
  const [home] = members
  await store.create('key', recordOf(1), 3600)
  home?.always('throw')
  for (let call = 0; call < 3; call++) await expect(store.read('key')).rejects.toMatchObject({ code: 'unavailable' })
  return { store }
}

describe('a process that stood still', () => {
  it('asks a server that was out before at once: it may be back for long', async () => {
    const { store, members, held } = testCluster(2)
    const [home] = members
    await store.create('key', recordOf(1), 3600)
    home?.always('throw')
    for (let call = 0; call < 3; call++) await store.read('key')
    home?.always(undefined)
    await home?.inner.delete('key')
    await store.read('key')
    expect(await held('key')).toEqual([null, recordOf(1)])
    standStill(60_000)
    await store.read('key')
    expect(await held('key')).toEqual([recordOf(1), recordOf(1)])
  })

  it('does not give a server up for a time in which it asked nobody', async () => {
    const { store } = await out()
    standStill(60_000)
    for (let call = 0; call < 2; call++) await expect(store.read('key')).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('gives it up as usual once it has been found away for so long', async () => {
    const { store } = await out()
    standStill(60_000)
    await expect(store.read('key')).rejects.toMatchObject({ code: 'unavailable' })
    await vi.advanceTimersByTimeAsync(61_000)
    expect(await store.read('key')).toBeNull()
  })
})
