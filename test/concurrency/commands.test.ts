import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import { memcachedStats, redisStats } from './backends.ts'
import { oneProcess, type Servers } from './processes.ts'

type Counts = Readonly<Record<string, number>>

/** What each store's server counts for the things a request does; everything not named must be 0. */
interface Expected {
  readonly read: Counts
  readonly create: Counts
  readonly update: Counts
  readonly destroy: Counts
}

const memcached: Expected = {
  // GAT, which reads and touches in one command.
  read: { cmd_touch: 1, touch_hits: 1 },
  create: { cmd_set: 1, curr_items: 1, total_items: 1 },
  update: { cmd_set: 1, cas_hits: 1, total_items: 1 },
  destroy: { cmd_set: 1, total_items: 1 },
}
const redis: Expected = {
  read: { getex: 1 },
  create: { set: 1, items: 1 },
  // One command of the client: the script's own get and set are counted beside it.
  update: { evalsha: 1, get: 1, set: 1 },
  destroy: { set: 1 },
}

const counted =
  /^cmd_(?!meta)|^(?:get|touch|cas|delete|incr|decr)_(?:hits|misses|expired|badval|flushed)|^(?:curr|total)_items/

const sum = (...parts: readonly Counts[]): Counts => {
  const total: Record<string, number> = {}
  for (const part of parts) for (const [name, count] of Object.entries(part)) total[name] = (total[name] ?? 0) + count
  return total
}

describe.each([
  ['memcached', startMemcached, memcachedStats, memcached],
  ['redis', startRedis, redisStats, redis],
] as const)('commands that %s counts (G1, G2, G10)', (kind, start, stats, expected) => {
  let server: TestServer
  let servers: Servers

  beforeAll(async () => {
    server = await start()
    servers = await oneProcess(kind, server.port, { namespace: 'commands' })
    // The connection is opened, the script loaded and the keys derived.
    const { cookie } = await servers.post('/increment')
    await servers.post('/increment', cookie)
  })
  afterAll(async () => {
    await servers?.stop()
    await server?.stop()
  })

  const spent = async (work: () => Promise<unknown>): Promise<Counts> => {
    const before = await stats(server.port)
    await work()
    const after = await stats(server.port)
    const changes = Object.keys(after)
      .filter((name) => kind === 'redis' || counted.test(name))
      .map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)] as const)
    return Object.fromEntries(changes.filter(([, count]) => count !== 0))
  }
  const begin = async () => (await servers.post('/set/userId/u1')).cookie as string

  it('untouched, without a cookie, or forged: none', async () => {
    const cookie = await begin()
    expect(await spent(() => servers.get('/untouched', cookie))).toEqual({})
    expect(await spent(() => servers.get('/data'))).toEqual({})
    expect(await spent(() => servers.post('/logout'))).toEqual({})
    const forged = `${cookie.slice(0, -8)}AAAAAAAA`
    expect(await spent(() => servers.get('/data', forged))).toEqual({})
    expect(await spent(() => servers.post('/logout', forged))).toEqual({})
  })

  it('first write 1, read with sliding expiry 1, change 2, destroy 1', async () => {
    let cookie = ''
    const { read, create, update, destroy } = expected
    expect(
      await spent(async () => {
        cookie = await begin()
      }),
    ).toEqual(create)
    expect(await spent(() => servers.get('/data', cookie))).toEqual(read)
    expect(await spent(() => servers.post('/increment', cookie))).toEqual(sum(read, update))
    expect(await spent(() => servers.post('/set/a/1', cookie))).toEqual(sum(read, update))
    expect(await spent(() => servers.post('/set/a/1', cookie))).toEqual(read)
    expect(await spent(() => servers.post('/logout', cookie))).toEqual(destroy)
  })

  it('regenerate: one load and two more', async () => {
    const cookie = await begin()
    const { read, create, update } = expected
    expect(await spent(() => servers.post('/login', cookie))).toEqual(sum(read, create, update))
  })

  it('10,000 requests without a cookie store nothing', async () => {
    const get = async () => {
      const { status, setCookie } = await servers.get('/data')
      expect({ status, setCookie }).toEqual({ status: 200, setCookie: undefined })
    }
    expect(
      await spent(async () => {
        for (let batch = 0; batch < 100; batch++) await Promise.all(Array.from({ length: 100 }, get))
      }),
    ).toEqual({})
  })
})
