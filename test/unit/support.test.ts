import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { StoreUnavailableError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { storeCases } from '../conformance/index.ts'
import { fakeClock } from '../support/clock.ts'
import { countingStore, failingStore, gatedStore } from '../support/stores.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)
const wrappers: readonly [string, (inner: Store) => Store][] = [
  ['countingStore', countingStore],
  ['gatedStore', gatedStore],
  ['failingStore', failingStore],
]

/** Whether it has settled by the time all that could run has run. */
async function isSettled(pending: Promise<unknown>): Promise<boolean> {
  let settled = false
  const settle = () => {
    settled = true
  }
  pending.then(settle, settle)
  await new Promise((turn) => setTimeout(turn, 0))
  return settled
}

describe.each(wrappers)('%s, told nothing', (_, wrapper) => {
  it('keeps the contract of the store inside', async () => {
    for (const { run } of storeCases) {
      const clock = fakeClock()
      await run(wrapper(memoryStore({ now: clock.now })), clock)
    }
  })

  it('has check and close where the store inside has them', async () => {
    const { check, close, ...bare } = memoryStore()
    expect(Object.keys(wrapper(bare))).not.toEqual(expect.arrayContaining(['check']))
    expect(Object.keys(wrapper(bare))).not.toEqual(expect.arrayContaining(['close']))
    expect(await wrapper({ ...bare, check }).check?.()).toMatchObject({ ready: true })
    await wrapper({ ...bare, close }).close?.()
  })
})

describe('countingStore', () => {
  it('counts the calls of each verb, failed ones too, until reset', async () => {
    const store = countingStore(memoryStore())
    await store.read('a')
    await store.read('a')
    await store.create('a', bytes(1), 60)
    await store.delete('').catch(() => {})
    await store.check?.()
    expect(store.calls).toEqual({ read: 2, create: 1, update: 0, delete: 1, check: 1, close: 0 })
    expect(store.roundTrips).toBe(4)
    store.reset()
    expect(store.roundTrips).toBe(0)
    expect(store.calls.check).toBe(0)
  })
})

describe('gatedStore', () => {
  it('holds the next call before it reaches the store', async () => {
    const inner = memoryStore()
    const store = gatedStore(inner)
    const gate = store.hold('create')
    const pending = store.create('a', bytes(1), 60)
    await gate.reached
    expect(await isSettled(pending)).toBe(false)
    expect(inner.size).toBe(0)
    gate.release()
    expect(await pending).toMatchObject({ status: 'stored' })
  })

  it('holds the answer after the call was made', async () => {
    const inner = memoryStore()
    const store = gatedStore(inner)
    const gate = store.hold('create', { when: 'after' })
    const pending = store.create('a', bytes(1), 60)
    await gate.reached
    expect(await isSettled(pending)).toBe(false)
    expect(inner.size).toBe(1)
    gate.release()
    expect(await pending).toMatchObject({ status: 'stored' })
  })

  it('takes one call for each gate, in order, by verb and key', async () => {
    const store = gatedStore(memoryStore())
    const [first, second] = [store.hold('read'), store.hold('read', { key: 'b' })]
    const [a, b, c] = [store.read('a'), store.read('b'), store.read('c')]
    expect(await c).toBeNull()
    expect(await isSettled(a)).toBe(false)
    expect(await isSettled(b)).toBe(false)
    second.release()
    expect(await b).toBeNull()
    expect(await isSettled(a)).toBe(false)
    first.release()
    expect(await a).toBeNull()
  })

  it('rejects a held call whose signal aborts, and makes it late', async () => {
    const inner = memoryStore()
    const store = gatedStore(inner)
    const [gate, controller] = [store.hold('create'), new AbortController()]
    const pending = store.create('a', bytes(1), 60, { signal: controller.signal })
    await gate.reached
    controller.abort()
    await expect(pending).rejects.toThrow(StoreUnavailableError)
    expect(inner.size).toBe(0)
    gate.release()
    await gate.done
    expect(inner.size).toBe(1)
  })

  it('passes on what the store throws, held or not', async () => {
    const store = gatedStore(memoryStore())
    for (const when of ['before', 'after'] as const) {
      const gate = store.hold('read', { when })
      gate.release()
      await expect(store.read('')).rejects.toThrow(RangeError)
      await gate.done
    }
  })
})

describe('failingStore', () => {
  it('throws as often as told, and nothing happens', async () => {
    const inner = memoryStore()
    const store = failingStore(inner)
    store.fail('create', 'throw', 'pass', 'throw')
    await expect(store.create('a', bytes(1), 60)).rejects.toThrow(StoreUnavailableError)
    expect(inner.size).toBe(0)
    expect(await store.create('a', bytes(1), 60)).toMatchObject({ status: 'stored' })
    await expect(store.create('a', bytes(1), 60)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await store.create('a', bytes(1), 60)).toEqual({ status: 'taken' })
  })

  it('hangs until the signal aborts', async () => {
    const store = failingStore(memoryStore())
    store.fail('read', 'hang', 'hang', 'hang')
    const controller = new AbortController()
    const pending = store.read('a', { signal: controller.signal })
    expect(await isSettled(pending)).toBe(false)
    controller.abort(new Error('deadline'))
    await expect(pending).rejects.toMatchObject({ code: 'unavailable', cause: new Error('deadline') })
    await expect(store.read('a', { signal: controller.signal })).rejects.toThrow(StoreUnavailableError)
    expect(await isSettled(store.read('a'))).toBe(false)
  })

  it('delivers a late call when told', async () => {
    const inner = memoryStore()
    const store = failingStore(inner)
    store.fail('create', 'late')
    await expect(store.create('a', bytes(1), 60)).rejects.toThrow(StoreUnavailableError)
    expect(inner.size).toBe(0)
    await store.deliver()
    expect(inner.size).toBe(1)
    await store.delete('a')
    await store.deliver()
    expect(inner.size).toBe(0)
  })

  it('loses the answer of a call that was made', async () => {
    const inner = memoryStore()
    const store = failingStore(inner)
    store.fail('create', 'applied-then-throw')
    await expect(store.create('a', bytes(1), 60)).rejects.toThrow(StoreUnavailableError)
    expect(inner.size).toBe(1)
  })

  it('answers with nonsense, or with what it is told to', async () => {
    const store = failingStore(memoryStore())
    store.fail('read', 'garbage', { answer: 5 })
    store.fail('create', 'garbage')
    expect((await store.read('a'))?.value).toHaveLength(64)
    expect(await store.read('a')).toBe(5)
    expect(await store.create('a', bytes(1), 60)).toMatchObject({ status: 'garbage' })
    expect(await store.read('a')).toBeNull()
  })

  it('fails always until told otherwise', async () => {
    const store = failingStore(memoryStore())
    store.always('throw')
    store.fail('read', 'pass')
    expect(await store.read('a')).toBeNull()
    for (const call of [store.read('a'), store.delete('a'), store.check?.()])
      await expect(call).rejects.toThrow(StoreUnavailableError)
    store.always(undefined)
    expect(await store.read('a')).toBeNull()
  })
})
