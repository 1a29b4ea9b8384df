import { answering } from '../proxies.ts'
import { startUpstash } from '../upstash.ts'
import { redisCalled } from './redis.ts'
import { type BrokenSetup, of, secret } from './setup.ts'

/** No label may have more than 63 characters (RFC 1035), so no resolver asks anybody for it. */
const nobody = `${'x'.repeat(64)}.invalid`

/** Servers that cannot be reached, or are not what they should be. */
export const reaching: readonly BrokenSetup[] = [
  {
    ...{ mistake: 'nobody listens there', code: 'refused', level: 'error' },
    async set({ memcached }) {
      const gone = await memcached()
      await gone.stop()
      return of(await memcached(), gone)
    },
  },
  {
    ...{ mistake: 'a frozen server', code: 'silent', level: 'error' },
    async set({ memcached }) {
      const frozen = await memcached()
      frozen.signal('SIGSTOP')
      return of(await memcached(), frozen)
    },
  },
  {
    ...{ mistake: 'a redis in the place of a memcached', code: 'not-memcached', level: 'error' },
    set: async ({ memcached, redis }) => of(await memcached(), await redis()),
  },
  {
    ...{ mistake: 'a name that nobody knows', code: 'unreachable', level: 'error' },
    set: async ({ memcached }) => of(await memcached(), { address: `${nobody}:11211` }),
  },
  {
    ...{ mistake: 'a firewall that hangs up', code: 'hangs-up', level: 'error' },
    set: async ({ memcached, use }) => of(await memcached(), use(await answering(() => undefined))),
  },
  {
    ...{ mistake: 'a proxy that tells its own version', code: 'proxy', level: 'error' },
    async set({ memcached, use }) {
      const proxy = await answering((line) => (line.startsWith('version') ? 'VERSION 0.5.0\r\n' : undefined))
      return of(await memcached(), use(proxy))
    },
  },
  {
    ...{ mistake: 'servers by a name that nobody knows', code: 'servers-unknown', level: 'error' },
    set: async () => ({ env: { SESSION_SECRET: secret, MEMCACHED_SERVERS: `dns:${nobody}:11211` } }),
  },
  {
    ...{ mistake: 'a wrong token for Upstash', code: 'unavailable', level: 'error' },
    async set({ redis, use }) {
      const { url } = use(await startUpstash((await redis()).port))
      const variables = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: 'wrong-token' }
      return { env: { SESSION_SECRET: secret, ...variables } }
    },
  },
  {
    ...{ mistake: 'a redis that is gone', code: 'unavailable', level: 'error' },
    async set(life) {
      const server = await life.redis()
      const called = await redisCalled(server, life)
      await server.stop()
      return called
    },
  },
  {
    ...{ mistake: 'a public address without TLS and password', code: 'public-address', level: 'error' },
    async set({ memcached }) {
      // What the name stands for; the connection goes where the machine's own resolver says.
      const lookup = async () => [{ address: '203.0.113.7', family: 4 }]
      return { ...of({ address: `localhost:${(await memcached()).port}` }), world: { lookup } }
    },
  },
  {
    ...{ mistake: 'one name for several servers', code: 'name-of-several', level: 'warning' },
    async set({ memcached }) {
      const lookup = async () => ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
      return { ...of({ address: `localhost:${(await memcached()).port}` }), world: { lookup } }
    },
  },
]
