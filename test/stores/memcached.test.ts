import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseServers } from '../../adapters/stores/memcached/address.ts'
import { binaryDriver } from '../../adapters/stores/memcached/binary.ts'
import { type MemcachedOptions, memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { SessionOptionsError, SessionValueError, StoreUnavailableError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => (value ? new TextDecoder().decode(value) : undefined)
const day = 86_400
let keys = 0
const newKey = () => `session:${(keys++).toString().padStart(43, 'k')}`

/** One text command to the server, past the store; answers up to the line that ends it. */
async function ask(server: { port: number }, command: string, end: RegExp): Promise<string> {
  const socket = createConnection(server.port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').write(`${command}\r\n`)
  try {
    for await (const chunk of socket) {
      answer += chunk
      if (end.test(answer)) return answer
    }
    throw new Error(`no end in ${answer}`)
  } finally {
    socket.destroy()
  }
}

async function stats(server: TestServer): Promise<Record<string, number>> {
  const lines = (await ask(server, 'stats', /END\r\n$/)).matchAll(/STAT (\S+) (\d+)\r/g)
  return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]))
}

async function ttlOf(server: TestServer, key: string): Promise<number> {
  const [, seconds] = /^HD t(-?\d+)/.exec(await ask(server, `mg ${key} t`, /\r\n$/)) ?? []
  return Number(seconds)
}

const open: Store[] = []
const storeOf = (options: MemcachedOptions) => {
  const store = memcachedStore(options)
  open.push(store)
  return store
}
afterEach(async () => {
  vi.unstubAllEnvs()
  vi.unstubAllGlobals()
  await Promise.all(open.splice(0).map((store) => store.close?.()))
})

describe('on one memcached', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startMemcached()
  })
  afterAll(() => server.stop())
  const openStore = () => storeOf({ servers: [server.address] })

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
    expect(await store.update(key, bytes('three'), 60, created.version)).toEqual({ status: 'conflict' })
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
    expect(await other.read(key)).not.toBeNull()
    const before = await stats(server)
    const zero = `${created.version.split(':')[0]}:0000000000000000`
    expect(await other.update(key, bytes('x'), 60, created.version)).toEqual({ status: 'conflict' })
    for (const version of ['', 'abc', zero])
      expect(await mine.update(key, bytes('x'), 60, version)).toEqual({ status: 'conflict' })
    expect((await stats(server)).cmd_set).toBe(before.cmd_set)
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

  test('check tells versions and latency, and of a node that is down only that', async () => {
    const down = await startMemcached()
    await down.stop()
    const health = await storeOf({ servers: [server.address, down.address] }).check?.()
    expect(health?.ready).toBe(false)
    expect(health?.nodes).toEqual([
      { node: server.address, up: true, latencyMs: expect.any(Number), version: expect.stringMatching(/^\d+\.\d+/) },
      { node: down.address, up: false },
    ])
    expect((await openStore().check?.())?.ready).toBe(true)
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
    const start = performance.now()
    const pending = store.read(newKey(), { signal: AbortSignal.timeout(50) })
    await expect(pending).rejects.toMatchObject({ name: 'StoreUnavailableError', node: server.address })
    expect(performance.now() - start).toBeLessThan(2000)
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

  test('credentials in the environment are not used', async () => {
    vi.stubEnv('MEMCACHE_USERNAME', 'someone')
    vi.stubEnv('MEMCACHE_PASSWORD', 'else')
    expect(await openStore().read(newKey())).toBeNull() // this server knows no SASL: signing in would fail
  })

  test('credentials for a server that knows no sign-in are refused, not ignored', async () => {
    const store = storeOf({ servers: [server.address], username: 'bob', password: 'hunter2-hunter2' })
    const error = await store.read(newKey()).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect(`${(error as Error).stack}`).not.toContain('hunter2')
  })
})

test('a server that numbers nothing (-C) is refused: its updates would overwrite unseen', async () => {
  await using server = await startMemcached(['-C'])
  const store = storeOf({ servers: [server.address] })
  await expect(store.create(newKey(), bytes('x'), 60)).rejects.toThrow(/compare-and-swap/)
})

test('a server with a smaller limit answers too large: an error of its own, and the connection lives', async () => {
  await using server = await startMemcached(['-I', '512k'])
  const store = storeOf({ servers: [server.address] })
  const key = newKey()
  const version = await store.create(key, bytes('x'), 60)
  await expect(store.create(newKey(), new Uint8Array(700_000), 60)).rejects.toMatchObject({ code: 'too-large' })
  expect(version).toEqual({ status: 'stored', version: (await store.read(key))?.version })
})

test('a server out of memory is an outage, and the connection lives', async () => {
  await using server = await startMemcached(['-M', '-m', '2'])
  const store = storeOf({ servers: [server.address] })
  const key = newKey()
  const created = await store.create(key, bytes('x'), 60)
  const results = await Promise.allSettled(
    Array.from({ length: 60 }, () => store.create(newKey(), new Uint8Array(100_000), 60)),
  )
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  expect(errors.length).toBeGreaterThan(0)
  for (const error of errors) {
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect(error.message).toContain('out of memory')
  }
  expect(created).toEqual({ status: 'stored', version: (await store.read(key))?.version })
})

test('two servers: keys spread over both, and each is found again', async () => {
  await using one = await startMemcached()
  await using two = await startMemcached()
  const servers = [one.address, { host: two.host, port: two.port }]
  const store = storeOf({ servers })
  const mine = Array.from({ length: 400 }, newKey)
  await Promise.all(mine.map((key) => store.create(key, bytes(key), 60)))
  const other = storeOf({ servers })
  for (const entry of await Promise.all(mine.map((key) => other.read(key)))) expect(entry).not.toBeNull()
  const counts = [(await stats(one)).curr_items ?? 0, (await stats(two)).curr_items ?? 0]
  expect(counts.reduce((sum, count) => sum + count)).toBe(400)
  // 400 fair coins: fewer than 140 heads happens once in a billion
  for (const count of counts) expect(count).toBeGreaterThan(140)
})

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
if (!hasIpv6) console.warn('SKIPPED: memcached over IPv6, because this machine has no ::1')
test.skipIf(!hasIpv6)('IPv6: [::1]:port and { host: "::1" }', async () => {
  await using server = await startMemcached(['-l', '::1'])
  const key = newKey()
  await storeOf({ servers: [`[::1]:${server.port}`] }).create(key, bytes('six'), 60)
  const again = storeOf({ servers: [{ host: '::1', port: server.port }] })
  expect(text((await again.read(key))?.value)).toBe('six')
  expect((await again.check?.())?.nodes[0]?.node).toBe(`[::1]:${server.port}`)
})

test('a unix socket', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'memcached-'))
  await chmod(folder, 0o777) // memcached gives up root before it makes the socket
  const path = join(folder, 'mc.sock')
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn('memcached', [...user, '-s', path, '-a', '0777'], { stdio: 'ignore' })
  try {
    await vi.waitFor(() => expect(existsSync(path)).toBe(true), 5000)
    const store = storeOf({ servers: [path] })
    const key = newKey()
    await vi.waitFor(() => store.create(key, bytes('local'), 60), 5000)
    expect(text((await store.read(key))?.value)).toBe('local')
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await rm(folder, { recursive: true })
  }
})

const saslpasswd = ['/usr/sbin/saslpasswd2', '/usr/bin/saslpasswd2'].find((path) => existsSync(path))
if (!saslpasswd) console.warn('SKIPPED: memcached with SASL, because saslpasswd2 (Debian: sasl2-bin) is not installed')
describe.skipIf(!saslpasswd)('with SASL', () => {
  let server: TestServer
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'memcached-sasl-'))
    await chmod(folder, 0o755)
    const db = join(folder, 'db')
    execFileSync(saslpasswd ?? '', ['-p', '-a', 'memcached', '-c', '-f', db, 'bob'], { input: 'right-password' })
    await chmod(db, 0o644) // for `nobody`, who memcached becomes
    await writeFile(join(folder, 'memcached.conf'), `mech_list: plain\nsasldb_path: ${db}\n`)
    vi.stubEnv('SASL_CONF_PATH', folder)
    server = await startMemcached(['-S'])
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true })
  })

  test('the right password opens', async () => {
    const store = storeOf({ servers: [server.address], username: 'bob', password: 'right-password' })
    const key = newKey()
    const created = await store.create(key, bytes('signed in'), 60)
    expect(created.status).toBe('stored')
    const many = await Promise.all(Array.from({ length: 50 }, () => store.read(key)))
    for (const entry of many) expect(text(entry?.value)).toBe('signed in')
  })

  test('a wrong one is an outage at once, told without the password', async () => {
    const store = storeOf({ servers: [server.address], username: 'bob', password: 'wrong-password', connectMs: 10_000 })
    const start = performance.now()
    const error = await store.read(newKey()).catch((reason: unknown) => reason)
    expect(performance.now() - start).toBeLessThan(5000)
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect((error as Error).message).toContain('user name and password')
    expect(`${(error as Error).stack}`).not.toContain('wrong-password')
    await expect(store.read(newKey())).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test('none is an outage too', async () => {
    const store = storeOf({ servers: [server.address] })
    await expect(store.read(newKey())).rejects.toThrow(/wants a user name/)
  })
})

describe('options', () => {
  const refused = (options: unknown) => {
    try {
      memcachedStore(options as MemcachedOptions)
    } catch (error) {
      expect(error).toBeInstanceOf(SessionOptionsError)
      return (error as Error).message
    }
    throw new Error('accepted')
  }

  test('servers are required, whatever the environment says', () => {
    vi.stubEnv('MEMCACHE_SERVERS', '127.0.0.1:11211')
    vi.stubEnv('MEMCACHIER_SERVERS', '127.0.0.1:11211')
    for (const options of [{}, { servers: undefined }, { servers: [] }, { servers: 'a:1' }])
      expect(refused(options)).toContain('servers')
    expect(refused(undefined)).toContain('options')
    expect(refused(null)).toContain('options')
  })

  test.each([
    ...[
      '',
      ':11211',
      'a:',
      'a:0',
      'a:65536',
      'a:1x',
      'a:-1',
      'a b',
      'a:1, b:2',
      'user:pw@a:1',
      '::1',
      '[::1',
      '[::g]:1',
    ],
    ...['[a]:1', 'http://a', '10.0.0.256', 'a/b', '-a', '/', '/\0', `/${'x'.repeat(120)}`, 7, null, undefined, {}],
    ...[{ host: 7 }, { host: 'a', port: '1' }, { host: 'a', port: 0 }, { host: 'a', port: 1.5 }, { host: 'a:1' }],
    ...[{ host: '/a.sock', port: 1 }, { host: 'a', weight: 2 }, { host: '' }],
  ])('server %j is refused, by its position', (server) => {
    const message = refused({ servers: ['good:1', server] })
    expect(message).toContain('servers[1]')
    expect(message).not.toContain('pw')
  })

  test('the same server twice is refused, however it is spelled', () => {
    for (const servers of [
      ['a', 'a:11211'],
      ['a', 'A'],
      ['[::1]', { host: '::1' }],
      ['/a', { host: '/a' }],
    ])
      expect(refused({ servers })).toContain('servers[1]')
  })

  test('good servers are accepted in every spelling', () => {
    const servers = ['a', 'b.c_d-e:1', '10.0.0.1:2', '[::1]', '[FE80::1]:3', '/run/mc.sock', { host: 'x' }]
    expect(parseServers([...servers, { host: '::2', port: 4 }]).map(({ node }) => node)).toEqual([
      ...['a:11211', 'b.c_d-e:1', '10.0.0.1:2', '[::1]:11211', '[fe80::1]:3', '/run/mc.sock', 'x:11211', '[::2]:4'],
    ])
  })

  test('unknown names, half credentials and nonsense times are refused by name', () => {
    const servers = ['a']
    for (const name of ['protocol', 'hash', 'tls', 'server']) expect(refused({ servers, [name]: 1 })).toContain(name)
    expect(refused({ servers, username: 'bob' })).toContain('password')
    expect(refused({ servers, password: 'secret' })).toContain('username')
    expect(refused({ servers, username: '', password: 'x' })).toContain('username')
    expect(refused({ servers, username: 'a', password: 'x\0secret' })).not.toContain('secret')
    for (const name of ['connectMs', 'callMs'])
      for (const ms of [0, -1, 0.5, Number.NaN, 60_001, '250', null])
        expect(refused({ servers, [name]: ms })).toContain(name)
    memcachedStore({ servers, username: undefined, password: undefined, connectMs: undefined, callMs: undefined })
  })

  test('Workers are refused, and told what to use', () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    expect(refused({ servers: ['a'] })).toContain('claimcheck/upstash')
  })
})
