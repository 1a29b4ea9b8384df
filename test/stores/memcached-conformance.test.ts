import { createClient } from 'redis'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import type { Store } from '../../src/store.ts'
import { storeCases } from '../conformance/store-cases.ts'
import { mayMiss, onTime } from '../support/on-time.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'

/** All cases at once on a busy machine: they are about order, not about deadlines. */
const times = { connectMs: 20_000, callMs: 20_000 }

let servers: readonly TestServer[]
let redis: TestServer
let client: ReturnType<typeof createClient>
beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
  redis = await startRedis()
  client = createClient({ socket: { host: redis.host, port: redis.port } })
  client.on('error', () => {})
  await client.connect()
})
afterAll(async () => {
  await Promise.all(open.map((store) => store.close?.()))
  client?.destroy()
  await Promise.all([...(servers ?? []), redis].map((server) => server?.stop()))
})
const first = (count: number) => servers.slice(0, count).map(({ address }) => address)

const shapes: readonly (readonly [name: string, build: () => Store])[] = [
  ['one server, auto', () => memcachedStore({ servers: first(1), ...times })],
  ['one server, classic', () => memcachedStore({ servers: first(1), protocol: 'classic', ...times })],
  ['one server, binary', () => memcachedStore({ servers: first(1), protocol: 'binary', ...times })],
  ['two servers, 2 copies', () => memcachedStore({ servers: first(2), ...times })],
  ['two servers, 1 copy', () => memcachedStore({ servers: first(2), replicas: 1, ...times })],
  ['three servers, 2 copies', () => memcachedStore({ servers: first(3), ...times })],
  ['three servers, 2 copies, classic', () => memcachedStore({ servers: first(3), protocol: 'classic', ...times })],
  [
    'a copy in memcached and one in redis',
    () =>
      replicatedStore({
        stores: [memcachedStore({ servers: first(1), ...times }), redisStore({ client, callMs: 20_000 })],
      }),
  ],
]

const hasCopies = (shape: string) => /2 copies|a copy in/.test(shape)

/** All started at once, since most of them wait for the server's clock; each is a test of its own all the same. */
const running = new Map<string, Promise<void>>()
const open: Store[] = []
beforeAll(() => {
  for (const [shape, build] of shapes) {
    const store = build()
    open.push(store)
    for (const one of storeCases) {
      const done = onTime((clock) => one.run(store, clock), hasCopies(shape) && mayMiss(one))
      done.catch(() => {})
      running.set(`${shape} ${one.name}`, done)
    }
  }
})

describe.each(shapes)('%s', (shape) => {
  test.each(storeCases)('$name', async ({ name }) => {
    await running.get(`${shape} ${name}`)
  })
})
