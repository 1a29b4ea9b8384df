import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { createClient } from 'redis'
import { type MemcachedOptions, memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { trialRecord } from '../../tools/doctor/cycles.ts'
import type { Level } from '../../tools/finding.ts'
import type { World } from '../../tools/world.ts'
import { createAuthority, type TestAuthority } from './certificates.ts'
import { ask, stats } from './memcached.ts'
import { alternating, delaying } from './proxies.ts'
import { startMemcached, startRedis, startServer, type TestServer } from './servers.ts'

/** What lives as long as one case. */
export interface Life {
  use<Thing extends AsyncDisposable | Disposable>(thing: Thing): Thing
  /** A server of Debian's. */
  memcached(...args: readonly string[]): Promise<TestServer>
  redis(...args: readonly string[]): Promise<TestServer>
  readonly authority: TestAuthority
}

/** What `doctor` is called with. */
export interface Called {
  readonly env?: Readonly<Record<string, string>>
  /** Handed over by `--options`. */
  readonly options?: object
  readonly flags?: readonly string[]
  readonly world?: Partial<Pick<World, 'lookup' | 'now'>>
}

/** One mistake, and what is to be found: this, at this level, and nothing else but notes. */
export interface BrokenSetup {
  readonly mistake: string
  readonly code: string
  readonly level: Level
  set(life: Life): Promise<Called>
}

export const secret = 'dUbq3Vv0m7Xk2Zs9LwPf4RtYh8GcJ1nE6aKiOxWQ5lM'
const of = (...servers: readonly { readonly address: string }[]): Called => ({
  env: { SESSION_SECRET: secret, MEMCACHED_SERVERS: servers.map(({ address }) => address).join(',') },
})
const withOptions = (memcached: MemcachedOptions, others: object = {}): Called => ({
  options: { store: memcachedStore(memcached), secret, ...others },
})

/** Starts one server in this way, beside a good one. */
const started = (mistake: string, code: string, level: Level, ...args: readonly string[]): BrokenSetup => ({
  ...{ mistake, code, level },
  set: async ({ memcached }) => of(await memcached(), await memcached(...args)),
})

/** Values of 100 KB, until the server's own counter says that it has had too much. */
async function fill(server: TestServer, counter: string): Promise<void> {
  const value = 'x'.repeat(100_000)
  for (let at = 0; at < 1000 && ((await stats(server))[counter] ?? 0) === 0; at += 20)
    for (let i = at; i < at + 20; i++) await ask(server, `set fill${i} 0 0 ${value.length}\r\n${value}`, /\r\n$/)
}

/** Connections that stay, as those of many processes do; given when the server has answered on each, or turned it away. */
async function hold(server: TestServer, many: number): Promise<Disposable> {
  const sockets = Array.from({ length: many }, () => connect(server.port, '127.0.0.1').on('error', () => {}))
  await Promise.all(
    sockets.map((socket) => new Promise<void>((done) => socket.once('data', () => done()).write('version\r\n'))),
  )
  return { [Symbol.dispose]: () => void sockets.map((socket) => socket.destroy()) }
}

const fakeTime = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu']
  .map((folder) => `${folder}/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path))

/** A server whose clock is an hour ahead; where nothing can turn its clock, the one here is turned back. */
async function ahead(life: Life): Promise<Called> {
  if (fakeTime === undefined) return { ...of(await life.memcached()), world: { now: () => Date.now() - 3_600_000 } }
  const env = ['env', `LD_PRELOAD=${fakeTime}`, 'FAKETIME=+1h']
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const command = (port: number) => [...env, 'memcached', ...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', '0']
  return of(life.use(await startServer(command)), await life.memcached())
}

async function tlsServer(life: Life, names: string, days?: number): Promise<TestServer> {
  const { certPath, keyPath } = life.authority.issue(names, days)
  return life.memcached('-Z', '-o', `ssl_chain_cert=${certPath},ssl_key=${keyPath}`)
}

/** Sessions as a process with another hash puts them. */
async function sessionsByAnotherHash(servers: readonly string[]): Promise<void> {
  const store = memcachedStore({ servers, hash: 'modula', replicas: 1 })
  for (let i = 0; i < 40; i++) await store.create(`session:${`${i}`.padStart(43, 'k')}`, trialRecord(200, i), 600)
  await store.close?.()
}

async function redisCalled(server: TestServer, life: Life): Promise<Called> {
  const client = createClient({ url: `redis://${server.address}` }).on('error', () => {})
  await client.connect()
  life.use({ [Symbol.dispose]: () => client.destroy() })
  return { options: { store: redisStore({ client }), secret } }
}

const reaching: readonly BrokenSetup[] = [
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
    ...{ mistake: 'SASL, and the text protocol', code: 'sasl-wanted', level: 'error' },
    async set({ use, authority }) {
      const folder = dirname(authority.file('memcached.conf', 'mech_list: plain\n'))
      const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
      const command = (port: number) => ['memcached', ...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', '0', '-S']
      return of(use(await startServer((port) => ['env', `SASL_CONF_PATH=${folder}`, ...command(port)])))
    },
  },
  {
    ...{ mistake: 'no password for a server that wants one', code: 'login-wanted', level: 'error' },
    set: async ({ memcached, authority }) =>
      of(await memcached('-Y', authority.file('users', 'user:right-password\n'))),
  },
  {
    ...{ mistake: 'a wrong password', code: 'login-refused', level: 'error' },
    async set({ memcached, authority }) {
      const { env } = of(await memcached('-Y', authority.file('users', 'user:right-password\n')))
      return { env: { ...env, MEMCACHED_USERNAME: 'user', MEMCACHED_PASSWORD: 'wrong-password' } }
    },
  },
  {
    ...{ mistake: 'a password for a server that asks nobody', code: 'open-to-strangers', level: 'error' },
    async set({ memcached }) {
      const { env } = of(await memcached())
      return { env: { ...env, MEMCACHED_USERNAME: 'user', MEMCACHED_PASSWORD: 'right-password' } }
    },
  },
  {
    ...{ mistake: 'no TLS for a server that has it', code: 'tls-wanted', level: 'error' },
    set: async (life) => of(await tlsServer(life, 'IP:127.0.0.1', 90)),
  },
  {
    ...{ mistake: 'TLS for a server that has none', code: 'tls-missing', level: 'error' },
    set: async ({ memcached, authority: { ca } }) =>
      withOptions({ servers: [(await memcached()).address], tls: { ca } }),
  },
  {
    ...{ mistake: 'a certificate of another name', code: 'tls-certificate', level: 'error' },
    set: async (life) =>
      withOptions({ servers: [(await tlsServer(life, 'DNS:another', 90)).address], tls: { ca: life.authority.ca } }),
  },
  {
    ...{ mistake: 'a certificate that ends soon', code: 'tls-expiring', level: 'warning' },
    set: async (life) =>
      withOptions({ servers: [(await tlsServer(life, 'IP:127.0.0.1')).address], tls: { ca: life.authority.ca } }),
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

const settings: readonly BrokenSetup[] = [
  started('-C', 'no-cas', 'error', '-C'),
  started('-M', 'no-evictions', 'warning', '-M'),
  started('-I 32k', 'item-limit', 'warning', '-I', '32k', '-o', 'slab_chunk_max=16384'),
  started('-n 4096', 'large-chunks', 'warning', '-n', '4096'),
  {
    ...{ mistake: '-U', code: 'udp-open', level: 'warning' },
    set: async ({ use }) => {
      const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
      const command = (port: number) => ['memcached', ...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', `${port}`]
      return of(use(await startServer(command)))
    },
  },
  started('-A', 'shutdown-command', 'warning', '-A'),
  started('-vv', 'verbose', 'warning', '-vv'),
  started('no crawler', 'no-crawler', 'warning', '-o', 'no_lru_crawler'),
]

const load: readonly BrokenSetup[] = [
  {
    ...{ mistake: '-m too small, and evicting', code: 'evicting', level: 'warning' },
    async set({ memcached }) {
      const small = await memcached('-m', '8')
      await fill(small, 'evictions')
      return of(await memcached(), small)
    },
  },
  {
    ...{ mistake: '-m too small for what is expected', code: 'room-for-fewer', level: 'warning' },
    set: async ({ memcached }) => ({ ...of(await memcached('-m', '8')), flags: ['--sessions', '100000'] }),
  },
  {
    ...{ mistake: '-c too small for the processes', code: 'connections-few', level: 'warning' },
    set: async ({ memcached }) => ({ ...of(await memcached('-c', '32', '-t', '1')), flags: ['--processes', '20'] }),
  },
  {
    ...{ mistake: '-c was reached', code: 'connections-refused', level: 'warning' },
    async set({ memcached }) {
      const small = await memcached('-c', '16', '-t', '1')
      ;(await hold(small, 24))[Symbol.dispose]()
      return of(small)
    },
  },
  {
    ...{ mistake: '-c is reached', code: 'connections-full', level: 'error' },
    async set({ memcached, use }) {
      const full = await memcached('-c', '16', '-t', '1')
      use(await hold(full, 24))
      return of(full)
    },
  },
]

const between: readonly BrokenSetup[] = [
  {
    ...{ mistake: 'one server under two names', code: 'same-server', level: 'error' },
    async set({ memcached }) {
      const server = await memcached()
      return of(server, { address: `localhost:${server.port}` })
    },
  },
  {
    ...{ mistake: 'a balancer before several servers', code: 'several-servers', level: 'error' },
    set: async ({ memcached, use }) => of(use(await alternating(await memcached(), await memcached()))),
  },
  {
    ...{ mistake: 'another process with another hash', code: 'ring-disagreement', level: 'warning' },
    async set({ memcached }) {
      const servers = [await memcached(), await memcached(), await memcached()]
      await sessionsByAnotherHash(servers.map(({ address }) => address))
      return of(...servers)
    },
  },
  {
    ...{ mistake: 'a hash that answers at random', code: 'misplaced', level: 'error' },
    async set({ memcached }) {
      const servers = [(await memcached()).address, (await memcached()).address]
      let calls = 0
      return withOptions({ servers, replicas: 1, hash: (_, count) => calls++ % count })
    },
  },
  { ...{ mistake: 'a clock an hour ahead', code: 'clock-skew', level: 'warning' }, set: ahead },
  {
    ...{ mistake: 'a slow way', code: 'slow', level: 'warning' },
    async set({ memcached, use }) {
      const { address } = use(await delaying(await memcached(), 300))
      const times = { connectMs: 4000, callMs: 1000 }
      return { ...withOptions({ servers: [address], ...times }, { requestMs: 2000 }), flags: ['--cycles', '3'] }
    },
  },
]

const options: readonly BrokenSetup[] = [
  ...(
    [
      ['no secret', 'secret-refused', 'error', { SESSION_SECRET: '' }],
      [
        'a placeholder for a secret',
        'secret-refused',
        'error',
        { SESSION_SECRET: 'change-me-change-me-and-change-me' },
      ],
      ['a short secret', 'secret-refused', 'error', { SESSION_SECRET: 'Zk3v9QwX' }],
      ['a secret of words', 'secret-typed', 'warning', { SESSION_SECRET: 'correct-horse-battery-staple-and-a-zebra' }],
      ['half a login', 'options-refused', 'error', { MEMCACHED_USERNAME: 'user' }],
    ] as const
  ).map(
    ([mistake, code, level, env]): BrokenSetup => ({
      ...{ mistake, code, level },
      set: async ({ memcached }) => ({ env: { ...of(await memcached()).env, ...env } }),
    }),
  ),
  {
    ...{ mistake: 'no store in production', code: 'no-store', level: 'error' },
    set: async () => ({ env: { SESSION_SECRET: secret, NODE_ENV: 'production' } }),
  },
  {
    ...{ mistake: 'memory, where servers were meant', code: 'memory-store', level: 'warning' },
    set: async () => ({ env: { SESSION_SECRET: secret } }),
  },
  ...(
    [
      ['an idle time above the absolute one', 'options-refused', 'error', { idleSeconds: 90_000 }],
      ['a cookie that ends before its session', 'cookie-ends-first', 'warning', { absoluteSeconds: 2_592_000 }],
      ['deadlines that contradict each other', 'deadlines', 'warning', { requestMs: 200 }],
    ] as const
  ).map(
    ([mistake, code, level, others]): BrokenSetup => ({
      ...{ mistake, code, level },
      set: async ({ memcached }) => withOptions({ servers: [(await memcached()).address] }, others),
    }),
  ),
  {
    ...{ mistake: 'an insecure cookie in production', code: 'cookie-insecure', level: 'error' },
    async set({ memcached }) {
      const called = withOptions({ servers: [(await memcached()).address] }, { cookie: { insecure: true } })
      return { ...called, env: { NODE_ENV: 'production' } }
    },
  },
]

const ofRedis: readonly BrokenSetup[] = [
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
      const filler = createClient({ url: `redis://${server.address}` }).on('error', () => {})
      await filler.connect()
      const info = async () => /used_memory:(\d+)/.exec(await filler.info('memory'))?.[1]
      for (let i = 0; Number(await info()) < 7_200_000; i++) await filler.set(`fill${i}`, 'x'.repeat(50_000))
      filler.destroy()
      return called
    },
  },
  {
    // Protected, it talks with nobody but this machine all the same.
    ...{ mistake: 'a redis on every address, without a password', code: 'redis-open', level: 'warning' },
    set: async (life) => redisCalled(await life.redis('--bind', '0.0.0.0', '--protected-mode', 'yes'), life),
  },
]

/** Every mistake that `doctor` knows, made on real servers. */
export const brokenSetups: readonly BrokenSetup[] = [
  ...[...reaching, ...settings, ...load, ...between, ...options, ...ofRedis],
]

/** Life for one case; its end takes everything along, the last first. */
export function newLife(): Life & AsyncDisposable {
  const things: (AsyncDisposable | Disposable)[] = []
  const use = <Thing extends AsyncDisposable | Disposable>(thing: Thing) => {
    things.push(thing)
    return thing
  }
  return {
    use,
    memcached: async (...args) => use(await startMemcached(args)),
    redis: async (...args) => use(await startRedis(args)),
    authority: use(createAuthority()),
    async [Symbol.asyncDispose]() {
      for (const thing of things.toReversed())
        await (Symbol.asyncDispose in thing ? thing[Symbol.asyncDispose]() : thing[Symbol.dispose]())
    },
  }
}
