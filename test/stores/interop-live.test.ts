import { createClient } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { createSessions, type Session, type Sessions, type Store } from '../../src/index.ts'
import { type InteropAnswer, type InteropStore, languages } from '../support/interop.ts'
import { nextCookies } from '../support/jar.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'

const secret = 'a secret of live sessions: 0123456789abcdef'
const secrets = [Buffer.from(secret).toString('hex')]
/** No test here is about deadlines: a busy machine is no outage. */
const patience = { connectMs: 20_000, callMs: 20_000 }

type Shop = { user: string; cart: string[] }

const endings: (() => unknown)[] = []
afterAll(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

interface World {
  readonly store: Store
  /** Where the reader looks. */
  readonly stores: readonly InteropStore[]
  readonly servers: readonly TestServer[]
}

async function onMemcached(): Promise<World> {
  const servers = [await startMemcached(), await startMemcached(), await startMemcached()]
  endings.push(...servers.map((server) => () => server.stop()))
  const store = memcachedStore({ servers: servers.map(({ address }) => address), ...patience })
  endings.push(() => store.close?.())
  return { store, servers, stores: servers.map(({ host, port }) => ({ kind: 'memcached', host, port })) }
}

async function onOneMemcached(): Promise<World> {
  const server = await startMemcached()
  endings.push(() => server.stop())
  const store = memcachedStore({ servers: [server.address], ...patience })
  endings.push(() => store.close?.())
  return { store, servers: [server], stores: [] }
}

async function onRedis(): Promise<World> {
  const server = await startRedis()
  endings.push(() => server.stop())
  const client = createClient({ socket: { host: server.host, port: server.port } })
  client.on('error', () => {})
  await client.connect()
  endings.push(() => client.destroy())
  const store = redisStore({ client, callMs: patience.callMs })
  return { store, servers: [server], stores: [{ kind: 'redis', host: server.host, port: server.port }] }
}

const places = [
  ['memcached, three servers and two copies', onMemcached],
  ['redis', onRedis],
] as const
const readers = languages.filter(({ missing }) => !missing)

describe.each(places)('a session that lives in %s', (_, build) => {
  describe.each(readers)('is read by $name', ({ run }) => {
    let world: World
    let sessions: Sessions<Shop>
    let cookies: string | undefined
    let ref: string | undefined
    beforeAll(async () => {
      world = await build()
      const lifetimes = { remembered: { idleSeconds: 86_400, absoluteSeconds: 86_400, persistent: true } }
      sessions = createSessions<Shop>({ store: world.store, secret, requestMs: 20_000, lifetimes })
    })
    beforeEach(() => {
      cookies = undefined
    })

    async function visit(work: (session: Session<Shop>) => unknown): Promise<void> {
      const { session, commit } = sessions.open(cookies)
      await work(session)
      ref = session.ref
      cookies = nextCookies(cookies, (await commit()).setCookies)
    }
    const read = (...headers: readonly (string | undefined)[]): readonly InteropAnswer[] => {
      const cases = headers.map((header) => ({ header: header ?? null }))
      return run({ secrets, cases, stores: world.stores })
    }
    const login = () => visit((session) => session.set('user', 'Zoë 🍪'))
    const put = (item: string) => visit((session) => session.update('cart', (cart = []) => [...cart, item]))

    it('from its first write on, and after each change by its receipt', async () => {
      await login()
      const first = cookies
      await put('tea')
      await put('x'.repeat(20_000))
      const [now, before] = read(cookies, first)
      expect(cookies).toContain('__Host-sid-rev=')
      for (const answer of [now, before])
        expect(answer).toMatchObject({
          ...{ status: 'found', data: { user: 'Zoë 🍪', cart: ['tea', 'x'.repeat(20_000)] }, ref },
        })
    })

    it('under its new id after a login, with the name of its lifetime; the old id is gone', async () => {
      await put('tea')
      const old = cookies
      await visit((session) => session.regenerate({ reauthenticated: true, lifetime: 'remembered' }))
      const [now, before] = read(cookies, old)
      expect(now).toMatchObject({ status: 'found', data: { cart: ['tea'] }, lifetime: 'remembered' })
      expect(now?.authenticated).toBeGreaterThan(1_700_000_000)
      expect((now?.until ?? 0) - (now?.created ?? 0)).toBeGreaterThan(80_000)
      expect(before).toMatchObject({ status: 'gone', authenticated: null })
    })

    it('no more after a logout, by none of the cookies it ever had', async () => {
      await login()
      const first = cookies
      await put('tea')
      const second = cookies
      await visit((session) => session.destroy())
      expect(cookies).toBeUndefined()
      expect(read(first, second, undefined).map(({ status }) => status)).toEqual(['gone', 'gone', 'none'])
    })

    it('not at all with another secret, and not with a cookie of another name', async () => {
      await login()
      const foreign = [Buffer.from(`other ${secret}`).toString('hex')]
      const cases = [{ header: cookies ?? null }]
      expect(run({ secrets: foreign, cases, stores: world.stores })[0]).toMatchObject({ status: 'none', asked: false })
      const renamed = [{ header: (cookies ?? '').replace('__Host-sid', 'sid') }]
      expect(run({ secrets, cookie: 'sid', cases: renamed, stores: world.stores })[0]).toMatchObject({ status: 'none' })
    })

    it('while a server with a copy is away; with all of them away it is unavailable', async () => {
      await login()
      const statuses = []
      for (const server of world.servers) {
        await server.stop()
        statuses.push(read(cookies)[0]?.status)
      }
      // With two copies on three servers one that is away costs nothing.
      expect(statuses.at(-1)).toBe('unavailable')
      if (world.servers.length > 1) expect(statuses[0]).toBe('found')
    })
  })
})

it.each(readers)('the program of the documentation finds the user, in $name', async ({ name, runSample }) => {
  const { store, servers } = await (name === 'Python' ? onOneMemcached : onRedis)()
  const { session, commit } = createSessions({ store, secret, requestMs: 20_000 }).open(undefined)
  session.set('userId', 'u-42')
  const header = nextCookies(undefined, (await commit()).setCookies) ?? ''
  expect(runSample({ header, secret, server: servers[0]?.address ?? '' })).toBe('u-42')
})
