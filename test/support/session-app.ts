import { Hono } from 'hono'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { SessionOptions } from '../../src/index.ts'
import { type Kit, kit, tokenOf } from './app.ts'

/** What the sessions of the test app hold. */
export interface AppData {
  user: string
  cart: number
}

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

/** A Hono app on the sessions of a kit. */
export interface SessionApp extends Pick<Kit, 'clock' | 'memory' | 'store' | 'events'> {
  readonly app: Hono<SessionEnv<AppData>>
  /** `GET /`, or another path and method, with this Cookie header. */
  ask(cookie?: string | Headers, path?: string, init?: RequestInit): Promise<Answer>
  /** Logs in without a cookie; the token. */
  login(user: string): Promise<string>
}

/** Builds the app. Routes: `GET /`, `POST /login/:user`, `POST /cart`, `POST /logout`. */
export function sessionApp(options: Partial<SessionOptions> = {}): SessionApp {
  const { clock, memory, store, events, options: all } = kit(options)
  const app = new Hono<SessionEnv<AppData>>()
  app.use(session(all))
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
    return tokenOf(setCookies[0])
  }
  return { app, clock, memory, store, events, ask, login }
}
