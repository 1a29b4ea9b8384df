import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseServers } from '../../adapters/stores/memcached/address.ts'
import { binaryDriver } from '../../adapters/stores/memcached/client/binary/driver.ts'
import { SessionValueError, StoreUnavailableError } from '../../src/errors.ts'
import { bytes, newKey, stats, storesToClose, text, ttlOf } from '../support/memcached.ts'
import { stopwatch } from '../support/own-time.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'

const day = 86_400
const { storeOf, closeAll } = storesToClose()
afterEach(async () => {
  vi.unstubAllEnvs()
  await closeAll()
})

describe('on one memcached', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startMemcached()
  })
  afterAll(() => server.stop())
  // No test with it is about a deadline: a busy machine is no outage.
  const openStore = () => storeOf({ servers: [server.address], connectMs: 20_000, callMs: 20_000 })

  test('create, read, update, delete', async () => {
    const store = openStore()
    const key = newKey()
    expect(await store.read(key)).toBeNull()
    const created = await store.create(key, bytes('one'), 60)
    if (created.status !== 'stored') throw new Error(created.status)
    const entry = await store.read(key)
    expect(text(entry?.value)).toBe('one')
    expect(entry?.version).toBe(created.version)
    const updated = await store.update(key, bytes('two'), 60, created.version)
    if (updated.status !== 'stored') throw new Error(updated.status)
    expect(updated.version).not.toBe(created.version)
    expect(await store.read(key)).toEqual({ value: bytes('two'), version: updated.version })
    await store.delete(key)
    expect(await store.read(key)).toBeNull()
    await store.delete(key)
  })

  test('create leaves what is there', async () => {
    const store = openStore()
    const key = newKey()
    await store.create(key, bytes('first'), 60)
    expect(await store.create(key, bytes('second'), 60)).toEqual({ status: 'taken' })
    expect(text((await store.read(key))?.value)).toBe('first')
  })

  test('update: another version is a conflict, nothing there is missing', async () => {
    const store = openStore()
    const key = newKey()
    const created = await store.create(key, bytes('one'), 60)
    if (created.status !== 'stored') throw new Error(created.status)
    await store.update(key, bytes('two'), 60, created.version)
    const current = await store.read(key)
    expect(await store.update(key, bytes('three'), 60, created.version)).toEqual({ status: 'conflict', current })
    expect(text((await store.read(key))?.value)).toBe('two')
    await store.delete(key)
    expect(await store.update(key, bytes('four'), 60, created.version)).toEqual({ status: 'missing' })
    expect(await store.read(key)).toBeNull()
  })

  test('update: a version that this connection did not issue is a conflict and is not sent', async () => {
    const [mine, other] = [openStore(), openStore()]
    const key = newKey()
    const created = await mine.create(key, bytes('one'), 60)
    if (created.status !== 'stored') throw new Error(created.status)
    const current = await other.read(key)
    const key2 = newKey()
    const another = await mine.create(key2, bytes('two'), 60)
    if (another.status !== 'stored') throw new Error(another.status)
    const before = await stats(server)
    const zero = created.version.replace(/:\d+/, ':0')
    expect(zero).not.toBe(created.version)
    expect(await other.update(key, bytes('x'), 60, created.version)).toEqual({ status: 'conflict', current })
    for (const version of ['', 'abc', zero, '[]', '[1,["x","y"]]', 'null'])
      expect(await mine.update(key, bytes('x'), 60, version)).toMatchObject({ status: 'conflict' })
    expect((await stats(server)).cmd_set).toBe(before.cmd_set)
    // Another entry's version is well-formed: it is the server that refuses it.
    expect(await mine.update(key, bytes('x'), 60, another.version)).toMatchObject({ status: 'conflict' })
    expect(await mine.update(newKey(), bytes('x'), 60, created.version)).toEqual({ status: 'missing' })
    expect(text((await mine.read(key))?.value)).toBe('one')
  })

  test('a tombstone takes the place of a record and of nothing', async () => {
    const store = openStore()
    const [live, absent] = [newKey(), newKey()]
    await store.create(live, bytes('one'), 60)
    for (const key of [live, absent]) {
      await store.delete(key, { tombstone: { value: Uint8Array.of(0, 1), seconds: 90 } })
      expect((await store.read(key))?.value).toEqual(Uint8Array.of(0, 1))
      expect(Math.abs((await ttlOf(server, key)) - 90)).toBeLessThanOrEqual(2)
    }
  })

  test('a read that touches sets the time in one round trip and keeps the version', async () => {
    const store = openStore()
    const key = newKey()
    const created = await store.create(key, bytes('one'), 60)
    const before = await stats(server)
    const entry = await store.read(key, { touchSeconds: 600 })
    const after = await stats(server)
    expect((after.cmd_touch ?? 0) - (before.cmd_touch ?? 0)).toBe(1)
    expect(after.cmd_set).toBe(before.cmd_set)
    expect(created).toEqual({ status: 'stored', version: entry?.version })
    expect(Math.abs((await ttlOf(server, key)) - 600)).toBeLessThanOrEqual(2)
    expect(await store.read(newKey(), { touchSeconds: 600 })).toBeNull()
  })

  test.each([1, 30, 31, 400])('%i days are kept as asked', async (days) => {
    const store = openStore()
    const [created, touched, tombstone] = [newKey(), newKey(), newKey()]
    const seconds = days * day
    const result = await store.create(created, bytes('one'), seconds)
    await store.create(touched, bytes('one'), 60)
    await store.read(touched, { touchSeconds: seconds })
    await store.delete(tombstone, { tombstone: { value: bytes('t'), seconds } })
    for (const key of [created, touched, tombstone])
      expect(Math.abs((await ttlOf(server, key)) - seconds)).toBeLessThanOrEqual(2)
    if (result.status !== 'stored') throw new Error(result.status)
    await store.update(created, bytes('two'), seconds, result.version)
    expect(Math.abs((await ttlOf(server, created)) - seconds)).toBeLessThanOrEqual(2)
  })

  test('the largest value fits; one byte more is refused before sending, the old value stays', async () => {
    const store = openStore()
    const key = newKey()
    const most = 1_048_576 - 512 - key.length
    const created = await store.create(key, new Uint8Array(most).fill(7), 60)
    if (created.status !== 'stored') throw new Error(created.status)
    const before = await stats(server)
    for (const size of [most + 1, 2_000_000]) {
      const large = new Uint8Array(size)
      const calls = [
        store.update(key, large, 60, created.version),
        store.create(key, large, 60),
        store.delete(key, { tombstone: { value: large, seconds: 60 } }),
      ]
      for (const result of await Promise.allSettled(calls)) {
        if (result.status === 'fulfilled') throw new Error('accepted')
        expect(result.reason).toBeInstanceOf(SessionValueError)
        expect(result.reason).toMatchObject({ code: 'too-large' })
      }
    }
    expect((await stats(server)).cmd_set).toBe(before.cmd_set)
    expect((await store.read(key))?.value).toEqual(new Uint8Array(most).fill(7))
    expect((await store.create('k', new Uint8Array(1_048_576 - 512 - 1), 60)).status).toBe('stored')
    const longest = 'k'.repeat(250)
    expect((await store.create(longest, new Uint8Array(1_048_576 - 512 - 250), 60)).status).toBe('stored')
  })

  test('values come back as they went: empty, every byte, 100 at once', async () => {
    const store = openStore()
    const all = Uint8Array.from({ length: 4096 }, (_, i) => i % 256)
    const values = [new Uint8Array(), all, ...Array.from({ length: 98 }, (_, i) => all.subarray(i, i + 17 * i))]
    await Promise.all(
      values.map(async (value) => {
        const key = newKey()
        await store.create(key, value, 60)
        expect((await store.read(key))?.value).toEqual(new Uint8Array(value))
      }),
    )
  })

  test('bad keys and times are refused and nothing reaches the server', async () => {
    const store = openStore()
    const value = bytes('x')
    const good = newKey()
    await store.read(good)
    const one = await stats(server)
    const two = await stats(server)
    const results: Promise<unknown>[] = []
    for (const key of ['k'.repeat(251), 'a\r\nb', 'a b', '', 'é', 'a\0'])
      results.push(
        ...[store.read(key), store.create(key, value, 60), store.update(key, value, 60, 'v'), store.delete(key)],
      )
    for (const seconds of [Number.NaN, 0, 0.4, -1, Number.POSITIVE_INFINITY, 1e10, 400 * day + 1])
      results.push(
        store.read(good, { touchSeconds: seconds }),
        store.create(good, value, seconds),
        store.update(good, value, seconds, 'v'),
        store.delete(good, { tombstone: { value, seconds } }),
      )
    for (const result of await Promise.allSettled(results))
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(RangeError) })
    const three = await stats(server)
    // bytes_read grows by the `stats` commands themselves, and by nothing else
    expect((three.bytes_read ?? 0) - (two.bytes_read ?? 0)).toBe((two.bytes_read ?? 0) - (one.bytes_read ?? 0))
    expect(three.cmd_set).toBe(two.cmd_set)
    expect(await store.read(good)).toBeNull()
  })

  test('an aborted call rejects at once, and its late reply is dropped', async () => {
    const store = storeOf({ servers: [server.address], callMs: 10_000, connectMs: 10_000 })
    const key = newKey()
    await store.create(key, bytes('mine'), 60)
    const epoch = (await store.read(key))?.version
    const before = await stats(server)
    await expect(store.read(key, { signal: AbortSignal.abort() })).rejects.toBeInstanceOf(StoreUnavailableError)
    const aborted = { signal: AbortSignal.abort() }
    await expect(store.update(key, bytes('x'), 60, epoch ?? '', aborted)).rejects.toBeInstanceOf(StoreUnavailableError)
    expect((await stats(server)).cmd_get).toBe(before.cmd_get)
    server.signal('SIGSTOP')
    await new Promise((stopped) => setTimeout(stopped, 100)) // the signal reaches busy threads some moments later
    const watch = stopwatch()
    const pending = store.read(newKey(), { signal: AbortSignal.timeout(50) })
    await expect(pending).rejects.toMatchObject({ name: 'StoreUnavailableError', node: server.address })
    expect(watch()).toBeLessThan(2000)
    server.signal('SIGCONT')
    expect(text((await store.read(key))?.value)).toBe('mine')
    expect((await store.read(key))?.version).toBe(epoch) // the same connection: an abort is no fault
  })

  test('a call aborted while the connection opens is never sent', async () => {
    const store = openStore()
    const key = newKey()
    const controller = new AbortController()
    const write = store.create(key, bytes('x'), 60, { signal: controller.signal })
    controller.abort()
    await expect(write).rejects.toBeInstanceOf(StoreUnavailableError)
    expect(await store.read(key)).toBeNull()
  })

  test('after close calls fail', async () => {
    const store = openStore()
    await store.read(newKey())
    await store.close?.()
    await expect(store.read(newKey())).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(store.update(newKey(), bytes('x'), 60, 'v')).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test('a connection is replaced after its share of operations, without an error', async () => {
    const [address] = parseServers([server.address])
    if (!address) throw new Error('no address')
    const driver = binaryDriver(address, { connectMs: 1000, callMs: 1000 }, 50)
    const before = await stats(server)
    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 20 }, () => driver.get(newKey())))
    driver.close()
    const opened = ((await stats(server)).total_connections ?? 0) - (before.total_connections ?? 0) - 1
    expect(opened).toBeGreaterThanOrEqual(3)
    expect(opened).toBeLessThanOrEqual(5)
  })

  test.each(['auto', 'binary'] as const)('credentials in the environment are not used: %s', async (protocol) => {
    vi.stubEnv('MEMCACHE_USERNAME', 'someone')
    vi.stubEnv('MEMCACHE_PASSWORD', 'else')
    const store = storeOf({ servers: [server.address], protocol })
    expect(await store.read(newKey())).toBeNull() // this server knows no SASL: signing in would fail
  })

  test('credentials for a server that knows no sign-in are refused, not ignored', async () => {
    // To text the sign-in is a `set` like any other: only the binary protocol can tell.
    const login = { username: 'bob', password: 'hunter2-hunter2', protocol: 'binary' as const }
    const store = storeOf({ servers: [server.address], ...login })
    const error = await store.read(newKey()).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect(`${(error as Error).stack}`).not.toContain('hunter2')
  })
})
