import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import type { Store } from '../../src/store.ts'
import { loginsBesideWrites } from '../support/late-answers.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import { startUpstash, type UpstashBridge } from '../support/upstash.ts'

const times = { connectMs: 20_000, callMs: 20_000 }
const secret = 'the secret of late answers, drawn at random 5Hw!'

let servers: readonly TestServer[]
let redis: TestServer
let upstash: UpstashBridge
let client: ReturnType<typeof createClient>
let store: Store | undefined
beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()])
  redis = await startRedis()
  upstash = await startUpstash(redis.port)
  client = createClient({ socket: { host: redis.host, port: redis.port } })
  client.on('error', () => {})
  await client.connect()
})
afterAll(async () => {
  client?.destroy()
  await upstash?.[Symbol.asyncDispose]()
  await Promise.all([...(servers ?? []), redis].map((server) => server?.stop()))
})
const first = (count: number) => servers.slice(0, count).map(({ address }) => address)

const stores: readonly (readonly [name: string, build: () => Store])[] = [
  ['memcached', () => memcachedStore({ servers: first(1), ...times })],
  ['memcached, classic', () => memcachedStore({ servers: first(1), protocol: 'classic', ...times })],
  ['memcached, binary', () => memcachedStore({ servers: first(1), protocol: 'binary', ...times })],
  ['memcached, 2 copies', () => memcachedStore({ servers: first(2), ...times })],
  ['redis', () => redisStore({ client, callMs: 20_000 })],
  ['upstash', () => upstashStore({ url: upstash.url, token: upstash.token, callMs: 20_000 })],
  [
    'a copy in memcached and one in redis',
    () =>
      replicatedStore({
        stores: [memcachedStore({ servers: first(1), ...times }), redisStore({ client, callMs: 20_000 })],
      }),
  ],
]

describe.each(stores)('%s', (_, build) => {
  afterAll(() => store?.close?.())

  test('an answer that comes late does not undo a login, in any order (F35)', async () => {
    store = build()
    expect(await loginsBesideWrites(store, secret)).toMatchObject({ undone: 0, logins: 36 })
  })
})
