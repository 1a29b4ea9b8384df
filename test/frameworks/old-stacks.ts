import {
  fromExpressSession,
  fromHonoSession,
  fromHonoSessions,
  fromIronSession,
  type LegacySessions,
} from '../../adapters/legacy.ts'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { nextCookies } from '../support/jar.ts'
import type { TestServer } from '../support/servers.ts'
import { load } from './packages.ts'
import { listen } from './sites.ts'
import type { Loose } from './worlds.ts'

/** What the old application did with a session. */
export const held: { readonly user: object; readonly cart: readonly unknown[] } = {
  user: { id: 42, name: 'Zoë' },
  cart: ['tea', 3, null],
}
/** kruptein wants letters of both cases, digits and signs. */
export const oldSecret = 'The-Secret-0f-the-old-Application!-9x'

/** A browser of the old application, and what the new one is told of its sessions. */
export interface OldStack extends AsyncDisposable {
  readonly legacy: LegacySessions
  /** Answers the Cookie header that a browser has then, and what `GET /` said. */
  ask(method: 'GET' | 'POST', path: '/' | '/login' | '/logout', cookie?: string): Promise<Visited>
}

export interface Visited {
  readonly cookie: string | undefined
  readonly text: string
}

/** What the stacks have at hand. */
export interface Backends {
  readonly memcached: TestServer
  readonly redis: Loose
}

export type Build = (backends: Backends) => Promise<OldStack>

/** Express with express-session, as its README has it. */
async function express(store: Loose, legacy: LegacySessions, close: () => unknown = () => {}): Promise<OldStack> {
  const framework = load('express4')
  const app = framework()
  const cookie = { maxAge: 3_600_000 }
  app.use(load('express-session')({ secret: oldSecret, store, resave: false, saveUninitialized: false, cookie }))
  app.get('/', (req: Loose, res: Loose) => res.json({ user: req.session.user, cart: req.session.cart }))
  app.post('/login', (req: Loose, res: Loose) => {
    Object.assign(req.session, held)
    res.send('in')
  })
  app.post('/logout', (req: Loose, res: Loose) => req.session.destroy(() => res.send('out')))
  const site = await listen(app)
  return {
    legacy,
    async ask(method, path, sent) {
      const { text, headers } = await site.get(path, sent, method)
      return { text, cookie: nextCookies(sent, headers['set-cookie'] ?? []) }
    },
    async [Symbol.asyncDispose]() {
      await close()
      await site[Symbol.asyncDispose]()
    },
  }
}

const withMemcached =
  (options: object, raw: boolean): Build =>
  async ({ memcached }) => {
    const Store = load('connect-memcached')(load('express-session'))
    const store = new Store({ hosts: [memcached.address], ...options })
    const ours = memcachedStore({ servers: [memcached.address], replicas: 1 })
    const legacy = fromExpressSession({ secret: oldSecret, store: raw ? ours : store })
    return express(store, legacy, () => Promise.all([store.client.end(), ours.close?.()]))
  }

const withRedis =
  (raw: boolean): Build =>
  async ({ redis }) => {
    const { RedisStore } = load('connect-redis')
    const store = new RedisStore({ client: redis })
    const given = raw ? { store: redis, prefix: 'sess:' } : { store }
    return express(store, fromExpressSession({ secret: ['a newer one', oldSecret], ...given }))
  }

const withMemorystore: Build = async () => {
  const Store = load('memorystore')(load('express-session'))
  const store = new Store({})
  return express(store, fromExpressSession({ secret: oldSecret, store }))
}

/** A Hono app with some middleware, whose handlers get at the session by `of`. */
function hono(legacy: LegacySessions, middlewares: readonly Loose[], on: Readonly<Record<string, Loose>>): OldStack {
  const app = new (load('hono').Hono)()
  for (const middleware of middlewares) app.use('*', middleware)
  for (const [route, handler] of Object.entries(on)) app.on(...(route.split(' ') as [string, string]), handler)
  return {
    legacy,
    async ask(method, path, cookie) {
      const response: Response = await app.request(path, { method, headers: cookie ? { Cookie: cookie } : {} })
      return { text: await response.text(), cookie: nextCookies(cookie, response.headers.getSetCookie()) }
    },
    async [Symbol.asyncDispose]() {},
  }
}

const withHonoSessions =
  (kind: 'store' | 'cookie'): Build =>
  async () => {
    const { sessionMiddleware, MemoryStore, CookieStore } = load('hono-sessions')
    const store = kind === 'store' ? new MemoryStore() : new CookieStore()
    const encryptionKey = oldSecret
    const cookieOptions = { path: '/', httpOnly: true }
    const legacy = fromHonoSessions({ encryptionKey, ...(kind === 'store' ? { store } : {}) })
    const middleware = sessionMiddleware({ store, encryptionKey, expireAfterSeconds: 900, cookieOptions })
    return hono(legacy, [middleware], {
      'GET /': (c: Loose) =>
        c.json({ user: c.get('session').get('user') ?? undefined, cart: c.get('session').get('cart') ?? undefined }),
      'POST /login': (c: Loose) => {
        for (const [key, value] of Object.entries(held)) c.get('session').set(key, value)
        return c.text('in')
      },
      'POST /logout': (c: Loose) => {
        c.get('session').deleteSession()
        return c.text('out')
      },
    })
  }

const withHonoSession =
  (kind: 'storage' | 'cookie'): Build =>
  async () => {
    const { useSession, useSessionStorage } = load('@hono/session')
    const records = new Map<string, object>()
    const storage = {
      get: (id: string) => records.get(id) ?? null,
      set: (id: string, data: object) => void records.set(id, data),
      delete: (id: string) => void records.delete(id),
    }
    const isStored = kind === 'storage'
    const legacy = fromHonoSession({ secret: oldSecret, ...(isStored ? { storage } : {}) })
    const duration = { absolute: 3600 }
    const middlewares = [...(isStored ? [useSessionStorage(storage)] : []), useSession({ secret: oldSecret, duration })]
    return hono(legacy, middlewares, {
      'GET /': async (c: Loose) => c.json((await c.var.session.get()) ?? {}),
      'POST /login': async (c: Loose) => {
        await c.var.session.update(held)
        return c.text('in')
      },
      'POST /logout': async (c: Loose) => {
        await c.var.session.get()
        c.var.session.delete()
        return c.text('out')
      },
    })
  }

const withIronSession =
  (chunk: boolean): Build =>
  async () => {
    const { getIronSession, webCookies } = load('iron-session')
    const options = { password: oldSecret, cookieName: 'iron', chunk }
    const open = (c: Loose): Promise<Loose> => getIronSession(webCookies(c.req.raw, c.res), options)
    const more = chunk ? { long: 'x'.repeat(5000) } : {}
    return hono(fromIronSession({ password: oldSecret, cookieName: 'iron' }), [], {
      'GET /': async (c: Loose) => {
        const { user, cart } = await open(c)
        return c.json({ user, cart })
      },
      'POST /login': async (c: Loose) => {
        const session = await open(c)
        Object.assign(session, held, more)
        await session.save()
        return c.text('in')
      },
      'POST /logout': async (c: Loose) => {
        ;(await open(c)).destroy()
        return c.text('out')
      },
    })
  }

/** The packages as they are published, each as its own documentation has it. `isInCookie`: no server keeps the session. */
export const oldStacks: readonly { readonly name: string; readonly build: Build; readonly isInCookie?: true }[] = [
  { name: 'express-session with connect-memcached', build: withMemcached({}, false) },
  { name: 'express-session with connect-memcached and its secret', build: withMemcached({ secret: oldSecret }, false) },
  { name: 'express-session with connect-memcached, read without it', build: withMemcached({}, true) },
  { name: 'express-session with connect-redis', build: withRedis(false) },
  { name: 'express-session with connect-redis, read without it', build: withRedis(true) },
  { name: 'express-session with memorystore', build: withMemorystore },
  { name: 'hono-sessions', build: withHonoSessions('store') },
  { name: 'hono-sessions in the cookie', build: withHonoSessions('cookie'), isInCookie: true },
  { name: '@hono/session with a storage', build: withHonoSession('storage') },
  { name: '@hono/session in the cookie', build: withHonoSession('cookie'), isInCookie: true },
  { name: 'iron-session', build: withIronSession(false), isInCookie: true },
  { name: 'iron-session in several cookies', build: withIronSession(true), isInCookie: true },
]
