import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { SessionOptionsError, SessionValueError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { storeCases } from '../conformance/index.ts'
import { fakeClock } from '../support/clock.ts'

const bytes = (...values: number[]) => Uint8Array.from(values)

async function keysIn(store: Store, keys: readonly string[]): Promise<string[]> {
  const entries = await Promise.all(keys.map(async (key) => [key, await store.read(key)] as const))
  return entries.filter(([, entry]) => entry).map(([key]) => key)
}

describe('memoryStore keeps the contract', () => {
  it.each(storeCases)('$name', async ({ run }) => {
    const clock = fakeClock()
    await run(memoryStore({ now: clock.now }), clock)
  })
})

describe('memoryStore is bounded', () => {
  it('drops the least recently created entry', async () => {
    const store = memoryStore({ maxEntries: 2 })
    for (const key of ['a', 'b', 'c']) await store.create(key, bytes(1), 60)
    expect(store.size).toBe(2)
    expect(await keysIn(store, ['a', 'b', 'c'])).toEqual(['b', 'c'])
  })

  it.each([
    ['a read', (store: Store) => store.read('a')],
    ['a touch', (store: Store) => store.read('a', { touchSeconds: 60 })],
    ['an update', (store: Store) => store.update('a', bytes(2), 60, '1')],
    ['a tombstone', (store: Store) => store.delete('a', { tombstone: { value: bytes(0), seconds: 60 } })],
  ])('counts %s as use', async (_, use) => {
    const store = memoryStore({ maxEntries: 2 })
    await store.create('a', bytes(1), 60)
    await store.create('b', bytes(1), 60)
    await use(store)
    await store.create('c', bytes(1), 60)
    expect(await keysIn(store, ['a', 'b', 'c'])).toEqual(['a', 'c'])
  })

  it('does not count a refused create or a conflict as use', async () => {
    const store = memoryStore({ maxEntries: 2 })
    await store.create('a', bytes(1), 60)
    await store.create('b', bytes(1), 60)
    await store.create('a', bytes(2), 60)
    await store.update('a', bytes(2), 60, 'stale')
    await store.create('c', bytes(1), 60)
    expect(await keysIn(store, ['a', 'b', 'c'])).toEqual(['b', 'c'])
  })

  it('holds one entry where it may hold only one', async () => {
    const store = memoryStore({ maxEntries: 1 })
    await store.create('a', bytes(1), 60)
    await store.create('b', bytes(2), 60)
    expect(await keysIn(store, ['a', 'b'])).toEqual(['b'])
  })

  it('holds 10,000 unless told, through 100,000 creates', async () => {
    const store = memoryStore()
    let most = 0
    for (let index = 0; index < 100_000; index++) {
      await store.create(`k${index}`, bytes(1), 60)
      most = Math.max(most, store.size)
    }
    expect(most).toBe(10_000)
    expect(await keysIn(store, ['k89999', 'k90000', 'k99999'])).toEqual(['k90000', 'k99999'])
  })
})

describe('memoryStore sweeps expired entries', () => {
  it('as it is written, far below its bound', async () => {
    const clock = fakeClock()
    const store = memoryStore({ maxEntries: 1_000_000, now: clock.now })
    let most = 0
    for (let index = 0; index < 100_000; index++) {
      await store.create(`k${index}`, bytes(1), 1)
      clock.advance(1)
      most = Math.max(most, store.size)
    }
    // 1,000 live at any time; a pass over n entries takes n / 2 writes, during which n / 2 more expire.
    expect(most).toBeLessThan(4_000)
  })

  it('behind long-lived entries, and while reads keep moving entries', async () => {
    const clock = fakeClock()
    const store = memoryStore({ now: clock.now })
    for (let index = 0; index < 100; index++) await store.create(`old${index}`, bytes(1), 3_600)
    for (let index = 0; index < 100; index++) await store.create(`brief${index}`, bytes(1), 1)
    for (let index = 0; index < 100; index++) await store.create(`hot${index}`, bytes(1), 3_600)
    clock.advance(1_000)
    for (let write = 0; write < 600; write++) {
      const hot = await store.create('hot', bytes(1), 60)
      expect(hot.status).toBe(write === 0 ? 'stored' : 'taken')
      for (let read = 0; read < 10; read++) await store.read(`hot${(write * 10 + read) % 100}`)
      await store.delete('other', { tombstone: { value: bytes(0), seconds: 60 } })
    }
    expect(store.size).toBe(202)
  })

  it('on a read of the expired entry itself', async () => {
    const clock = fakeClock()
    const store = memoryStore({ now: clock.now })
    await store.create('a', bytes(1), 1)
    clock.advance(999)
    expect(await store.read('a')).not.toBeNull()
    clock.advance(1)
    expect(await store.read('a')).toBeNull()
    expect(store.size).toBe(0)
  })
})

describe('memoryStore', () => {
  it('copies a Buffer, whose slice() would be a view', async () => {
    const store = memoryStore()
    const value = Buffer.from([1, 2, 3])
    await store.create('a', value, 60)
    value.fill(9)
    expect(await store.read('a')).toEqual({ value: bytes(1, 2, 3), version: expect.any(String) })
  })

  it('has done its work when the call returns, so that calls cannot interleave', async () => {
    const store = memoryStore()
    const value = bytes(1)
    const calls = [store.create('a', value, 60), store.create('a', bytes(2), 60)]
    value.fill(9)
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual(['stored', 'taken'])
    expect((await store.read('a'))?.value).toEqual(bytes(1))
  })

  it('is empty after close, and gives out no version twice', async () => {
    const store = memoryStore()
    const before = await store.create('a', bytes(1), 60)
    await store.close()
    expect(store.size).toBe(0)
    expect(await store.read('a')).toBeNull()
    expect(await store.create('a', bytes(1), 60)).not.toEqual(before)
  })

  it('takes 1,000,000 bytes and refuses one more', async () => {
    const store = memoryStore()
    expect(await store.create('a', new Uint8Array(1_000_000), 60)).toMatchObject({ status: 'stored' })
    await expect(store.create('b', new Uint8Array(1_000_001), 60)).rejects.toThrow(SessionValueError)
  })

  it('keeps stores apart', async () => {
    const [one, two] = [memoryStore(), memoryStore()]
    await one.create('a', bytes(1), 60)
    expect(await two.read('a')).toBeNull()
  })

  it('takes options that are undefined for options not given', () => {
    expect(memoryStore({ maxEntries: undefined, now: undefined }).name).toBe('memory')
  })

  it.each([
    [{ maxEntries: 0 }, /maxEntries/],
    [{ maxEntries: 1.5 }, /maxEntries/],
    [{ maxEntries: Number.POSITIVE_INFINITY }, /maxEntries/],
    [{ maxEntries: 16_777_217 }, /maxEntries/],
    [{ maxEntries: '10' }, /maxEntries/],
    [{ now: 5 }, /now/],
    [{ maxentries: 5 }, /unknown option of memoryStore: maxentries/],
    [null, /the options of memoryStore must be an object/],
    ['big', /the options of memoryStore must be an object/],
  ])('refuses options %j when it is built', (options, message) => {
    expect(() => memoryStore(options as never)).toThrow(SessionOptionsError)
    expect(() => memoryStore(options as never)).toThrow(message)
  })
})
