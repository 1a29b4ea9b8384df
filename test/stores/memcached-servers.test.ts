import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { StoreUnavailableError } from '../../src/errors.ts'
import { bytes, newKey, stats, storesToClose, text } from '../support/memcached.ts'
import { stopwatch } from '../support/own-time.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'

const { storeOf, closeAll } = storesToClose()
afterEach(async () => {
  vi.unstubAllEnvs()
  await closeAll()
})

const protocols = ['auto', 'classic', 'binary'] as const

test.each(protocols)(
  'a server that numbers nothing (-C) is refused, %s: updates would overwrite unseen',
  async (protocol) => {
    await using server = await startMemcached(['-C'])
    const store = storeOf({ servers: [server.address], protocol })
    const key = newKey()
    const written = store.create(key, bytes('x'), 60).then(() => store.read(key))
    await expect(written).rejects.toThrow(/compare-and-swap/)
  },
)

test('a server with a smaller limit answers too large: an error of its own, and the connection lives', async () => {
  await using server = await startMemcached(['-I', '512k'])
  const store = storeOf({ servers: [server.address] })
  const key = newKey()
  const version = await store.create(key, bytes('x'), 60)
  await expect(store.create(newKey(), new Uint8Array(700_000), 60)).rejects.toMatchObject({ code: 'too-large' })
  expect(version).toEqual({ status: 'stored', version: (await store.read(key))?.version })
})

test.each(protocols)(
  'a server with a limit of 32 KB is sent nothing larger, and the old record stays: %s (F11)',
  async (protocol) => {
    await using server = await startMemcached(['-I', '32k', '-o', 'slab_chunk_max=16384'])
    const store = storeOf({ servers: [server.address], protocol })
    const key = newKey()
    // The first that is asked of the connection, too.
    await expect(store.create(key, new Uint8Array(40_000), 60)).rejects.toMatchObject({ code: 'too-large' })
    const created = await store.create(key, bytes('old'), 60)
    if (created.status !== 'stored') throw new Error(created.status)
    const before = await stats(server)
    const large = new Uint8Array(40_000)
    await expect(store.update(key, large, 60, created.version)).rejects.toMatchObject({ code: 'too-large' })
    await expect(store.delete(key, { tombstone: { value: large, seconds: 60 } })).rejects.toMatchObject({
      code: 'too-large',
    })
    expect((await stats(server)).cmd_set).toBe(before.cmd_set)
    expect(text((await store.read(key))?.value)).toBe('old')
    const most = new Uint8Array(32_768 - 512 - key.length).fill(7)
    expect(await store.update(key, most, 60, created.version)).toMatchObject({ status: 'stored' })
    expect((await store.read(key))?.value).toEqual(most)
  },
)

test.each(protocols)('a server out of memory is an outage of the call alone: %s', async (protocol) => {
  await using server = await startMemcached(['-M', '-m', '2'])
  const store = storeOf({ servers: [server.address], protocol })
  const key = newKey()
  const created = await store.create(key, bytes('x'), 60)
  const results = await Promise.allSettled(
    Array.from({ length: 60 }, () => store.create(newKey(), new Uint8Array(100_000), 60)),
  )
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  expect(errors.length).toBeGreaterThan(3)
  for (const error of errors) {
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect(error).toMatchObject({ node: server.address, message: expect.stringContaining('out of memory') })
  }
  // The connection lives and so do the sessions: a node that is full is not away.
  expect(created).toEqual({ status: 'stored', version: (await store.read(key))?.version })
})

test.each([
  ['auto', { protocol: 'meta', items: 2, evictions: 0, hitRatio: 0.5 }],
  ['classic', { protocol: 'classic', items: 2, evictions: 0, hitRatio: 0.5 }],
  ['binary', { protocol: 'binary' }],
] as const)('check tells of each node what it speaks and counts: %s', async (protocol, counters) => {
  await using server = await startMemcached()
  const store = storeOf({ servers: [server.address], protocol })
  const key = newKey()
  await Promise.all([store.create(key, bytes('x'), 60), store.create(newKey(), bytes('x'), 60)])
  expect(await store.read(key)).not.toBeNull()
  expect(await store.read(newKey())).toBeNull()
  const common = {
    node: server.address,
    up: true,
    latencyMs: expect.any(Number),
    version: expect.stringMatching(/^\d/),
  }
  expect(await store.check?.()).toEqual({ ready: true, nodes: [{ ...common, ...counters }] })
  await store.close?.()
})

test.each([
  [1, false],
  [2, true],
])('check of a node that is down tells only that; with %i copies ready is %j', async (replicas, ready) => {
  await using server = await startMemcached()
  const down = await startMemcached()
  await down.stop()
  const store = storeOf({ servers: [server.address, down.address], replicas })
  const health = await store.check?.()
  expect(health?.ready).toBe(ready)
  expect(health?.nodes).toEqual([
    expect.objectContaining({ node: server.address, up: true }),
    { node: down.address, up: false, reason: 'refused' },
  ])
})

test('two servers: keys spread over both, and each is found again', async () => {
  await using one = await startMemcached()
  await using two = await startMemcached()
  const servers = [one.address, { host: two.host, port: two.port }]
  const store = storeOf({ servers, replicas: 1 })
  const mine = Array.from({ length: 400 }, newKey)
  await Promise.all(mine.map((key) => store.create(key, bytes(key), 60)))
  const other = storeOf({ servers, replicas: 1 })
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
    await waitFor(() => expect(existsSync(path)).toBe(true))
    const store = storeOf({ servers: [path] })
    const key = newKey()
    await waitFor(() => store.create(key, bytes('local'), 60))
    expect(text((await store.read(key))?.value)).toBe('local')
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
    await rm(folder, { recursive: true })
  }
})

const saslpasswd = ['/usr/sbin/saslpasswd2', '/usr/bin/saslpasswd2'].find((path) => existsSync(path))
if (!saslpasswd) console.warn('SKIPPED: memcached with SASL, because saslpasswd2 (Debian: sasl2-bin) is not installed')
describe.skipIf(!saslpasswd)('with SASL, which is binary', () => {
  const signIn = (password: string) => ({ username: 'bob', password, protocol: 'binary' as const })
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
    const store = storeOf({ servers: [server.address], ...signIn('right-password') })
    const key = newKey()
    const created = await store.create(key, bytes('signed in'), 60)
    expect(created.status).toBe('stored')
    const many = await Promise.all(Array.from({ length: 50 }, () => store.read(key)))
    for (const entry of many) expect(text(entry?.value)).toBe('signed in')
  })

  test('a wrong one is an outage at once, told without the password', async () => {
    const store = storeOf({ servers: [server.address], ...signIn('wrong-password'), connectMs: 10_000 })
    const watch = stopwatch()
    const error = await store.read(newKey()).catch((reason: unknown) => reason)
    expect(watch()).toBeLessThan(5000)
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect((error as Error).message).toContain('user name and password')
    expect(`${(error as Error).stack}`).not.toContain('wrong-password')
    await expect(store.read(newKey())).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test('none is an outage too', async () => {
    const store = storeOf({ servers: [server.address], protocol: 'binary' })
    await expect(store.read(newKey())).rejects.toThrow(/wants a user name/)
  })
})
