import { createClient } from 'redis'
import { redisStore } from '../../../adapters/stores/redis/index.ts'
import type { TestServer } from '../servers.ts'
import { type BrokenSetup, type Called, type Life, secret } from './setup.ts'

/** A client of redis that ends with the block. */
async function connected({ address }: TestServer) {
  const client = createClient({ url: `redis://${address}` }).on('error', () => {})
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: async () => client.destroy() })
}

/** Sessions in this redis, by a client of the application's. */
export async function redisCalled(server: TestServer, life: Life): Promise<Called> {
  const client = life.use(await connected(server))
  return { options: { store: redisStore({ client }), secret } }
}

/** A redis in the place of memcached. */
export const ofRedis: readonly BrokenSetup[] = [
  {
    ...{ mistake: 'a redis that throws sessions out', code: 'redis-evicts', level: 'warning' },
    set: async (life) =>
      redisCalled(await life.redis('--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'), life),
  },
  {
    ...{ mistake: 'the same by REDIS_URL', code: 'redis-evicts', level: 'warning' },
    async set({ redis }) {
      const { address } = await redis('--maxmemory', '64mb', '--maxmemory-policy', 'volatile-ttl')
      return { env: { SESSION_SECRET: secret, REDIS_URL: `redis://${address}` } }
    },
  },
  {
    ...{ mistake: 'a replica in the place of its master', code: 'redis-replica', level: 'error' },
    async set(life) {
      const { port } = await life.redis()
      return redisCalled(await life.redis('--replicaof', `127.0.0.1 ${port}`), life)
    },
  },
  {
    ...{ mistake: 'a redis that is full', code: 'memory-full', level: 'warning' },
    async set(life) {
      const server = await life.redis('--maxmemory', '8mb', '--maxmemory-policy', 'noeviction')
      const called = await redisCalled(server, life)
      await using filler = await connected(server)
      const info = async () => /used_memory:(\d+)/.exec(await filler.info('memory'))?.[1]
      for (let i = 0; Number(await info()) < 7_200_000; i++) await filler.set(`fill${i}`, 'x'.repeat(50_000))
      return called
    },
  },
  {
    // Protected, it talks with nobody but this machine all the same.
    ...{ mistake: 'a redis on every address, without a password', code: 'redis-open', level: 'warning' },
    set: async (life) => redisCalled(await life.redis('--bind', '0.0.0.0', '--protected-mode', 'yes'), life),
  },
  {
    ...{ mistake: 'a redis that has thrown sessions out, and was set right', code: 'evicting', level: 'warning' },
    async set(life) {
      const server = await life.redis('--maxmemory', '4mb', '--maxmemory-policy', 'allkeys-lru')
      const called = await redisCalled(server, life)
      await using client = await connected(server)
      const evicted = async () => Number(/evicted_keys:(\d+)/.exec(await client.info('stats'))?.[1])
      for (let i = 0; (await evicted()) === 0; i++) await client.set(`fill${i}`, 'x'.repeat(50_000))
      await client.configSet({ maxmemory: '64mb', 'maxmemory-policy': 'noeviction' })
      return called
    },
  },
  {
    ...{ mistake: 'a redis that writes nothing to disk', code: 'redis-not-durable', level: 'note' },
    set: async (life) => redisCalled(await life.redis(), life),
  },
]
