import { Hono } from 'hono'
import { type MemoryStore, memoryStore } from '../../adapters/stores/memory.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { SessionEvent, SessionOptions } from '../../src/index.ts'
import { type FakeClock, fakeClock } from './clock.ts'
import { type CountingStore, countingStore } from './stores.ts'

/** What the sessions of the test app hold. */
export interface AppData {
  user: string
  cart: number
}

/** A good secret, and another. */
export const secret = 'the first secret, drawn at random 7Qx!'
export const otherSecret = 'another secret, drawn at random 4Jw?'

/** What a request to the test app came to. */
export interface Answer {
  readonly status: number
  readonly user: string | null
  readonly setCookies: readonly string[]
  /** Store operations that it took. */
  readonly roundTrips: number
}

/** No session was seen, and nothing was asked of the store. */
export const ignored: Answer = { status: 200, user: null, setCookies: [], roundTrips: 0 }
/** The session of alice was seen, in one read. */
export const alice: Answer = { status: 200, user: 'alice', setCookies: [], roundTrips: 1 }

/** A Hono app with sessions over a counted memory store. */
export interface SessionApp {
  readonly app: Hono<SessionEnv<AppData>>
  readonly clock: FakeClock
  /** Under the counting; not used where the options bring a store. */
  readonly memory: MemoryStore
  readonly store: CountingStore
  readonly events: SessionEvent[]
  /** `GET /`, or another path and method, with this Cookie header. */
  ask(cookie?: string | Headers, path?: string, init?: RequestInit): Promise<Answer>
  /** Logs in without a cookie; the token. */
  login(user: string): Promise<string>
}

/** Builds the app. Routes: `GET /`, `POST /login/:user`, `POST /cart`, `POST /logout`. */
export function sessionApp(options: Partial<SessionOptions> = {}): SessionApp {
  const clock = fakeClock()
  const memory = memoryStore({ now: clock.now })
  const store = countingStore(options.store ?? memory)
  const events: SessionEvent[] = []
  const onEvent = (event: SessionEvent) => void events.push(event)
  const app = new Hono<SessionEnv<AppData>>()
  app.use(session({ secret, now: clock.now, onEvent, ...options, store }))
  app.all('/', async (c) => c.json({ user: (await c.var.session.get('user')) ?? null }))
  app.post('/login/:user', (c) => {
    c.var.session.regenerate({ reauthenticated: true })
    c.var.session.set('user', c.req.param('user'))
    return c.json({ user: c.req.param('user') })
  })
  app.post('/cart', async (c) => {
    await c.var.session.update('cart', (cart = 0) => cart + 1)
    return c.json({ user: (await c.var.session.get('user')) ?? null })
  })
  app.post('/logout', (c) => {
    c.var.session.destroy()
    return c.json({ user: null })
  })
  const ask = async (cookie?: string | Headers, path = '/', init: RequestInit = {}): Promise<Answer> => {
    const headers = cookie instanceof Headers ? cookie : new Headers(init.headers)
    if (typeof cookie === 'string') headers.set('Cookie', cookie)
    store.reset()
    const response = await app.request(path, { ...init, headers })
    const text = await response.text()
    const body: { user?: string | null } = response.status === 200 ? JSON.parse(text) : {}
    const setCookies = response.headers.getSetCookie()
    return { status: response.status, user: body.user ?? null, setCookies, roundTrips: store.roundTrips }
  }
  const login = async (user: string): Promise<string> => {
    const { setCookies } = await ask(undefined, `/login/${user}`, { method: 'POST' })
    return tokenIn(setCookies[0])
  }
  return { app, clock, memory, store, events, ask, login }
}

/** The value of a Set-Cookie header's cookie. */
export function tokenIn(setCookie: string | undefined): string {
  const value = /^[^=]+=([^;]*)/.exec(setCookie ?? '')?.[1]
  if (value === undefined) throw new Error('no Set-Cookie')
  return value
}
