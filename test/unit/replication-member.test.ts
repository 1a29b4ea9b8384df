import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { RefusalError } from '../../adapters/stores/refusal.ts'
import { inBackground } from '../../adapters/stores/replication/asking.ts'
import { Handover, type Missed } from '../../adapters/stores/replication/handover.ts'
import { Member, outageOf } from '../../adapters/stores/replication/member.ts'
import { StoreUnavailableError } from '../../src/errors.ts'
import type { Tombstone } from '../../src/store.ts'
import { countingStore, failingStore } from '../support/stores.ts'

beforeEach(() => {
  vi.useFakeTimers()
  // No jitter.
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

function memberOf(hasWork = () => false) {
  const failing = failingStore(memoryStore())
  const store = countingStore(failing)
  const listener = { onBack: vi.fn(), onFailure: vi.fn(), hasWork }
  const member = new Member('node', store, listener)
  const ask = (force = false, signal?: AbortSignal) =>
    member.ask((s, call) => s.read('key', call), { call: { signal }, force })
  return { member, store, failing, listener, ask }
}
async function out(hasWork?: () => boolean) {
  const all = memberOf(hasWork)
  all.failing.always('throw')
  for (let i = 0; i < 3; i++) await all.ask()
  expect(all.member.isUp).toBe(false)
  all.store.reset()
  return all
}

describe('the breaker of a member', () => {
  it('opens at the third failure in a row, and then asks no more', async () => {
    const { member, failing, store, ask, listener } = memberOf()
    failing.fail('read', 'throw', 'throw', 'pass', 'throw', 'throw')
    for (let i = 0; i < 5; i++) await ask()
    expect(member.isUp).toBe(true)
    failing.fail('read', 'throw')
    expect(await ask()).toBeUndefined()
    expect(member.isUp).toBe(false)
    expect(listener.onFailure).toHaveBeenCalledTimes(5)
    store.reset()
    expect(await ask()).toBeUndefined()
    expect(store.roundTrips).toBe(0)
    expect(await ask(true)).toBeNull()
    expect(member.isUp).toBe(true)
    expect(listener.onBack).toHaveBeenCalledTimes(1)
  })

  it('counts no call that its caller gave up, no refusal, and no error of the caller', async () => {
    const { member, failing, ask } = memberOf()
    failing.always('throw')
    for (let i = 0; i < 5; i++) await ask(false, AbortSignal.abort())
    expect(member.isUp).toBe(true)
    failing.always(undefined)
    for (let i = 0; i < 5; i++)
      expect(await member.ask(() => Promise.reject(new RefusalError('full')), inBackground)).toBeUndefined()
    await expect(member.ask((s) => s.read(''), inBackground)).rejects.toBeInstanceOf(RangeError)
    expect(member.isUp).toBe(true)
  })

  it('is probed after 1 s, 2, 4, up to 60, and knows how long it has been out', async () => {
    const { member, store } = await out()
    const gaps: number[] = []
    let last = 0
    for (let ms = 0; ms < 250_000; ms += 500) {
      await pass(500)
      if (store.calls.read === gaps.length) continue
      gaps.push(ms + 500 - last)
      last = ms + 500
    }
    expect(gaps.slice(0, 9)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
    expect(member.downMs).toBe(250_000)
  })

  it('is probed every second while something waits for it', async () => {
    const { store } = await out(() => true)
    await pass(10_000)
    expect(store.calls.read).toBe(10)
  })

  it('is probed soon where somebody is told of the outage, however long it has been out', async () => {
    const { member, store } = await out()
    await pass(40_000)
    store.reset()
    outageOf([member])
    outageOf([member])
    await pass(1000)
    expect(store.calls.read).toBe(1)
  })

  it('comes back by a probe, once, and begins to count anew', async () => {
    const { member, failing, store, listener, ask } = await out()
    failing.always(undefined)
    await pass(1000)
    expect(member.isUp).toBe(true)
    expect(member.downMs).toBe(0)
    expect(listener.onBack).toHaveBeenCalledTimes(1)
    failing.fail('read', 'throw', 'throw')
    await ask()
    await ask()
    expect(member.isUp).toBe(true)
    store.reset()
    await pass(100_000)
    expect(store.roundTrips).toBe(0)
  })

  it.each([
    [0, 800],
    [0.999999, 1200],
  ])('is probed with jitter: %f gives %i ms', async (random, ms) => {
    vi.mocked(Math.random).mockReturnValue(random)
    const { store } = await out()
    await pass(ms - 10)
    expect(store.calls.read).toBe(0)
    await pass(11)
    expect(store.calls.read).toBe(1)
  })

  it('stays out where its probe throws what is no outage, and goes on being probed (F30)', async () => {
    const { member, store, failing, ask } = await out()
    failing.always(undefined)
    const broken = vi.spyOn(store, 'read').mockRejectedValue(new RangeError('of a custom store'))
    await pass(3000)
    expect([broken.mock.calls.length, member.isUp]).toEqual([2, false])
    broken.mockRestore()
    expect(await ask(true)).toBeNull()
    expect(member.isUp).toBe(true)
  })

  it('is not asked by a visitor while its probe is under way, however slow that is', async () => {
    const { store, ask } = await out()
    const late = () => new Promise<never>((_, reject) => setTimeout(reject, 900, new StoreUnavailableError('late')))
    const slow = vi.spyOn(store, 'read').mockImplementation(late)
    await pass(1000)
    await pass(600)
    const visit = ask()
    expect(slow).toHaveBeenCalledTimes(1)
    await pass(900)
    expect(await visit).toBeUndefined()
  })

  it('is probed no more after close', async () => {
    const { member, store, failing } = await out()
    failing.always(undefined)
    await member.close()
    await pass(100_000)
    expect(store.calls.read).toBe(0)
    expect(store.calls.close).toBe(1)
  })
})

it('an outage is told by what failed last, not by what failed once', async () => {
  const [a, b] = [memberOf().member, memberOf().member]
  const fail = (node: string) => () => Promise.reject(new StoreUnavailableError(`${node} failed`, { node }))
  await a.ask(fail('a'), inBackground)
  await pass(1)
  await b.ask(fail('b'), inBackground)
  expect(outageOf([a, b])).toMatchObject({ message: 'b failed', node: 'b' })
  await pass(1)
  await a.ask(fail('a'), inBackground)
  expect(outageOf([a, b])).toMatchObject({ message: 'a failed', node: 'a' })
  expect(outageOf([memberOf().member])).toMatchObject({ node: 'node' })
})

describe('what waits for a member', () => {
  const stone = (revision: number): Tombstone => ({ value: Uint8Array.of(0, 1, revision), seconds: 60 })
  function handoverOf(isRepaired = true) {
    const repair = vi.fn(async (_: Member, _key: string, _missed: Missed) => isRepaired)
    return { handover: new Handover(repair), repair }
  }

  it('is done when it is back, each key once', async () => {
    const { member, failing, ask } = await out()
    const { handover, repair } = handoverOf()
    handover.note(member, 'a')
    handover.note(member, 'b', stone(1))
    handover.note(member, 'a')
    await handover.run(member)
    expect(repair).not.toHaveBeenCalled()
    expect(handover.hasWork(member)).toBe(true)
    failing.always(undefined)
    await ask(true)
    await handover.run(member)
    expect(repair.mock.calls).toEqual([
      [member, 'a', undefined],
      [member, 'b', stone(1)],
    ])
    expect(handover.hasWork(member)).toBe(false)
  })

  it('a record is noted with how long it lives, the last time said; a tombstone stays a tombstone', async () => {
    const { member } = memberOf()
    const { handover, repair } = handoverOf()
    handover.note(member, 'a', 60)
    handover.note(member, 'a', 90)
    handover.note(member, 'a')
    handover.note(member, 'b', stone(1))
    handover.note(member, 'b', 90)
    await handover.run(member)
    expect(repair.mock.calls).toEqual([
      [member, 'a', 90],
      [member, 'b', stone(1)],
    ])
  })

  it('runs by itself after 200 ms where the member is up, and again where it was in vain', async () => {
    const { member } = memberOf()
    const { handover, repair } = handoverOf(false)
    handover.note(member, 'a', stone(1))
    await pass(199)
    expect(repair).not.toHaveBeenCalled()
    await pass(1)
    expect(repair.mock.calls).toEqual([[member, 'a', stone(1)]])
    repair.mockResolvedValue(true)
    await pass(400)
    expect(repair).toHaveBeenCalledTimes(2)
    expect(handover.hasWork(member)).toBe(false)
  })

  it('waits longer and longer, up to 1600 ms, while it is in vain', async () => {
    const { member } = memberOf()
    const { handover, repair } = handoverOf(false)
    handover.note(member, 'a')
    const after: number[] = []
    for (const ms of [200, 400, 800, 1600, 1600]) {
      await pass(ms - 1)
      after.push(repair.mock.calls.length)
      await pass(1)
    }
    expect(after).toEqual([0, 1, 2, 3, 4])
    repair.mockResolvedValue(true)
    await pass(1600)
    repair.mockResolvedValue(false)
    handover.note(member, 'b')
    await pass(200)
    expect(repair).toHaveBeenCalledTimes(7)
  })

  it('is tried again where a store throws what is no outage (F30)', async () => {
    const { member } = memberOf()
    const { handover, repair } = handoverOf()
    repair.mockRejectedValueOnce(new RangeError('of a custom store'))
    handover.note(member, 'a', stone(1))
    handover.note(member, 'b')
    await pass(1000)
    expect(repair.mock.calls.map(([, key]) => key)).toEqual(['a', 'b', 'a'])
    expect(handover.hasWork(member)).toBe(false)
  })

  it('keeps a tombstone where a record is wished for later', async () => {
    const { member } = memberOf()
    const { handover, repair } = handoverOf()
    handover.note(member, 'a', stone(1))
    handover.note(member, 'a')
    await handover.run(member)
    expect(repair.mock.calls).toEqual([[member, 'a', stone(1)]])
  })

  it('is at most 10,000 keys, and those known already still take a tombstone', async () => {
    const { member } = memberOf()
    const { handover, repair } = handoverOf()
    for (let i = 0; i < 10_005; i++) handover.note(member, `k${i}`)
    handover.note(member, 'k0', stone(1))
    await handover.run(member)
    expect(repair).toHaveBeenCalledTimes(10_000)
    expect(repair.mock.calls[0]).toEqual([member, 'k0', stone(1)])
  })

  it('is forgotten with the member, and on close', async () => {
    const { member } = memberOf()
    const { handover, repair } = handoverOf()
    handover.note(member, 'a')
    handover.forget(member)
    handover.note(member, 'b')
    handover.close()
    await pass(10_000)
    expect(repair).not.toHaveBeenCalled()
  })
})
