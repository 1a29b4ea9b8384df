import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import type { Store } from '../../src/store.ts'
import { kit } from '../support/app.ts'
import { ask, ttlOf } from '../support/memcached.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import { startUpstash, type UpstashBridge } from '../support/upstash.ts'

const times = { connectMs: 20_000, callMs: 20_000 }
let servers: readonly TestServer[]
let redis: TestServer
let client: ReturnType<typeof createClient>
let bridge: UpstashBridge

beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()])
  redis = await startRedis()
  client = createClient({ socket: { host: redis.host, port: redis.port } })
  client.on('error', () => {})
  await client.connect()
  bridge = await startUpstash(redis.port)
})
afterAll(async () => {
  client?.destroy()
  await bridge?.[Symbol.asyncDispose]()
  await Promise.all([...(servers ?? []), redis].map((server) => server?.stop()))
})

/** The times that all copies of a key have left, past the store, and the way to set them. */
interface Backend {
  left(key: string): Promise<readonly number[]>
  set(key: string, seconds: number): Promise<unknown>
}
const memcached = (count: number): Backend => ({
  left: (key) => Promise.all(servers.slice(0, count).map((server) => ttlOf(server, key))),
  set: (key, seconds) =>
    Promise.all(servers.slice(0, count).map((server) => ask(server, `touch ${key} ${seconds}`, /\r\n$/))),
})
const onRedis: Backend = {
  left: async (key) => [await client.ttl(key)],
  set: (key, seconds) => client.expire(key, seconds),
}
const both: Backend = {
  left: async (key) => [...(await memcached(1).left(key)), ...(await onRedis.left(key))],
  set: (key, seconds) => Promise.all([memcached(1).set(key, seconds), onRedis.set(key, seconds)]),
}
const addresses = (count: number) => servers.slice(0, count).map(({ address }) => address)
const open = {
  memcached: () => memcachedStore({ servers: addresses(1), ...times }),
  redis: () => redisStore({ client, callMs: 20_000 }),
}

describe.each<readonly [name: string, build: () => Store, backend: Backend]>([
  ['memcached, meta', open.memcached, memcached(1)],
  ['memcached, classic', () => memcachedStore({ servers: addresses(1), protocol: 'classic', ...times }), memcached(1)],
  ['memcached, binary', () => memcachedStore({ servers: addresses(1), protocol: 'binary', ...times }), memcached(1)],
  ['memcached, two copies', () => memcachedStore({ servers: addresses(2), ...times }), memcached(2)],
  ['redis', open.redis, onRedis],
  ['upstash', () => upstashStore({ url: bridge.url, token: bridge.token, callMs: 20_000 }), onRedis],
  ['copies in memcached and redis', () => replicatedStore({ stores: [open.memcached(), open.redis()] }), both],
])('%s', (_, build, { left, set }) => {
  test('a passive read, also of a reopened session, leaves the time that an entry has; another sets it', async () => {
    const store = build()
    try {
      const site = kit({ store, requestMs: 60_000, now: Date.now })
      const user = site.browser()
      await user.visit((session) => session.set('user', 'alice'))
      const [key = ''] = site.keys
      await set(key, 500)
      await user.visit(async (session) => {
        session.passive()
        expect(await session.get('user')).toBe('alice')
        expect(await session.info()).toBeDefined()
      })
      const { session, commit } = site.sessions.open(user.cookie)
      await commit()
      const again = session.reopen()
      again.session.passive()
      expect(await again.commit()).toEqual({ status: 'live' })
      for (const seconds of await left(key)) expect(seconds).toBeLessThanOrEqual(500)
      await user.visit((one) => one.get('user'))
      for (const seconds of await left(key)) expect(seconds).toBeGreaterThan(1000)
    } finally {
      await store.close?.()
    }
  })
})
