import { Redis } from '@upstash/redis/cloudflare'
import { memcachedStore } from '../../../adapters/stores/memcached/index.ts'
import { memoryStore } from '../../../adapters/stores/memory.ts'
import { redisStore } from '../../../adapters/stores/redis/index.ts'
import { upstashStore } from '../../../adapters/stores/redis/upstash.ts'
import type { Store } from '../../../src/store.ts'
import { fakeClock, type TestClock } from '../../support/clock.ts'
import { connectBun, isBun } from './bun-redis.ts'
import { given, hasSockets, patience } from './given.ts'
import { connectGlide } from './glide.ts'

/** A column of the table. */
export type Column = 'memory' | 'memcached' | 'redis' | 'upstash'

/** A store that this runtime can use. */
export interface Subject {
  readonly column: Column
  /** Which client, or which shape of cluster. */
  readonly name: string
  /** Whether the session scenarios run on it too, and not only the contract of stores. */
  readonly hasSessions: boolean
  /** Whether every entry is on two servers, each with a clock of its own. */
  readonly hasCopies?: boolean
  open(): Promise<Opened>
}

/** An open store and the clock it lives by. */
export interface Opened {
  /** Asked for by every test: memory is a new one each time, servers are shared. */
  fresh(): { readonly store: Store; readonly clock: TestClock | 'real' }
  close(): Promise<void>
}

const memory: Subject = {
  ...{ column: 'memory', name: 'on a clock of its own', hasSessions: true },
  open: async () => ({
    fresh() {
      const clock = fakeClock()
      return { store: memoryStore({ now: clock.now }), clock }
    },
    close: async () => {},
  }),
}

const overHttp: readonly Subject[] = [
  {
    ...{ column: 'upstash', name: 'own client', hasSessions: true },
    open: async () => shared(upstashStore({ ...given.upstash, callMs: patience.callMs })),
  },
  {
    ...{ column: 'upstash', name: '@upstash/redis', hasSessions: false },
    open: async () => shared(upstashStore({ ...given.upstash, callMs: patience.callMs, client: Redis })),
  },
]

const withSockets: readonly Subject[] = [
  {
    ...{ column: 'memcached', name: 'three servers, two copies', hasSessions: true, hasCopies: true },
    open: async () => shared(memcachedStore({ servers: given.memcached, ...patience })),
  },
  {
    ...{ column: 'memcached', name: 'one server, classic text', hasSessions: false },
    open: async () => shared(memcachedStore({ servers: one(0), protocol: 'classic', ...patience })),
  },
  {
    ...{ column: 'memcached', name: 'one server, binary through memjs', hasSessions: false },
    open: async () => shared(memcachedStore({ servers: one(1), protocol: 'binary', ...patience })),
  },
  {
    ...{ column: 'memcached', name: 'one server, TLS', hasSessions: false },
    open: async () => {
      const { address, ca } = given.memcachedTls
      return shared(memcachedStore({ servers: [address], tls: { ca }, ...patience }))
    },
  },
  { ...{ column: 'redis', name: 'node-redis', hasSessions: true }, open: () => nodeRedis() },
  { ...{ column: 'redis', name: 'ioredis', hasSessions: false }, open: () => ioRedis() },
  { ...{ column: 'redis', name: 'valkey-glide', hasSessions: true }, open: glide },
]

/** What else `redisStore` takes, and releases before those of the rows above: on one runtime, for time. */
const onNode24: readonly Subject[] = [
  { ...{ column: 'redis', name: 'node-redis 4', hasSessions: false }, open: () => nodeRedis('redis4') },
  { ...{ column: 'redis', name: 'node-redis 5', hasSessions: false }, open: () => nodeRedis('redis5') },
  { ...{ column: 'redis', name: 'a pool of node-redis', hasSessions: false }, open: nodeRedisPool },
  { ...{ column: 'redis', name: 'ioredis 5', hasSessions: false }, open: () => ioRedis('ioredis5') },
]

const withBun: readonly Subject[] = [
  { ...{ column: 'redis', name: "Bun's own client", hasSessions: true }, open: bunRedis },
]

const isNode24 = !isBun && !('Deno' in globalThis) && hasSockets && process.versions.node.startsWith('24.')

/** Every store that this runtime can use. */
export const subjects: readonly Subject[] = [
  memory,
  ...(hasSockets ? withSockets : []),
  ...(isBun ? withBun : []),
  ...(isNode24 ? onNode24 : []),
  ...overHttp,
]

function shared(store: Store, close = async () => store.close?.()): Opened {
  return { fresh: () => ({ store, clock: 'real' }), close }
}

const one = (at: number) => given.memcached.slice(at, at + 1)

// The clients are loaded on demand: a Worker need not even load what it cannot use.
async function nodeRedis(name = 'redis'): Promise<Opened> {
  const { createClient } = (await import(/* @vite-ignore */ name)) as typeof import('redis')
  const client = createClient({ socket: { host: '127.0.0.1', port: given.redisPort } })
  client.on('error', () => {})
  await client.connect()
  // Version 4 has another word for it.
  const close = async () => (client.destroy ? client.destroy() : client.disconnect())
  return shared(redisStore({ client, callMs: patience.callMs }), close)
}

async function nodeRedisPool(): Promise<Opened> {
  const { createClientPool } = await import('redis')
  const pool = createClientPool({ socket: { host: '127.0.0.1', port: given.redisPort } })
  pool.on('error', () => {})
  await pool.connect()
  return shared(redisStore({ client: pool, callMs: patience.callMs }), async () => pool.destroy())
}

async function ioRedis(name = 'ioredis'): Promise<Opened> {
  const { Redis: IoRedis } = (await import(/* @vite-ignore */ name)) as typeof import('ioredis')
  const client = new IoRedis(given.redisPort, '127.0.0.1', { autoResendUnfulfilledCommands: false })
  return shared(redisStore({ client, callMs: patience.callMs }), async () => client.disconnect())
}

async function glide(): Promise<Opened> {
  const client = await connectGlide(given.redisPort)
  return shared(redisStore({ client, callMs: patience.callMs }), async () => client.close())
}

async function bunRedis(): Promise<Opened> {
  const client = await connectBun(given.redisPort)
  return shared(redisStore({ client: client.send, callMs: patience.callMs }), async () => client.close())
}
