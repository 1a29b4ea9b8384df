import { Hono } from 'hono'
import { type MemoryStore, memoryStore } from '../../adapters/stores/memory.ts'
import type { SessionEvent } from '../../src/events.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { SessionOptions } from '../../src/options.ts'
import { isTombstone } from '../../src/record/tombstone.ts'
import type { Session } from '../../src/session.ts'

import { createSessions, type Sessions } from '../../src/sessions.ts'
import type { Store } from '../../src/store.ts'
import { type FakeClock, fakeClock } from './clock.ts'
import { nextCookies } from './jar.ts'
import {
  type CountingStore,
  countingStore,
  type FailingStore,
  failingStore,
  type GatedStore,
  gatedStore,
  wrapStore,
} from './stores.ts'

/** Would be recognized anywhere; 45 bytes. */
export const secret = 'TEST-SECRET-kY2vQ8rT5wX1zB4nM7pL0sD3fG6hJ9aCe'
/** Another one. */
export const otherSecret = 'ANOTHER-SECRET-h7Gd2kLs9QpWmZx4vB6nR1tYc8'
/** What the tests put into sessions. */
// biome-ignore lint/suspicious/noExplicitAny: tests store all sorts of values, also those the types would refuse.
export type Any = Record<string, any>

/** One user of `createSessions`, who sends back the cookie of the last response. */
export interface Browser {
  cookie: string | undefined
  /** One request: opens, works, commits; where the work throws, a failed commit and the same error. */
  visit<Result>(work: (session: Session<Any>) => Result | Promise<Result>): Promise<Result>
}

export function browser(sessions: Sessions<Any>, cookie?: string): Browser {
  return {
    cookie,
    async visit<Result>(work: (session: Session<Any>) => Result | Promise<Result>): Promise<Result> {
      const { session, commit } = sessions.open(this.cookie)
      let result: Result
      try {
        result = await work(session)
      } catch (error) {
        await commit({ failed: true })
        throw error
      }
      const { setCookies } = await commit()
      this.cookie = nextCookies(this.cookie, setCookies)
      return result
    },
  }
}

/** Sessions on a store whose calls can be held, failed and counted, and everything that a test wants to see of them. */
export interface Kit {
  /** Below everything else; not used where the options bring a store. */
  readonly memory: MemoryStore
  readonly failing: FailingStore
  readonly gates: GatedStore
  /** The store as the sessions have it: another process may share it. */
  readonly store: CountingStore
  readonly clock: FakeClock
  readonly events: SessionEvent[]
  /** Keys ever created, in order. */
  readonly keys: string[]
  readonly options: SessionOptions
  readonly sessions: Sessions<Any>
  browser(cookie?: string): Browser
  /** Those of the keys that hold a live record in memory now. */
  live(): Promise<string[]>
}

/** `around` wraps the store above the gates and faults. */
export function kit(options: Partial<SessionOptions> = {}, around = (store: Store): Store => store): Kit {
  const clock = fakeClock()
  const events: SessionEvent[] = []
  const keys: string[] = []
  const memory = memoryStore({ now: clock.now })
  const failing = failingStore(options.store ?? memory)
  const gates = gatedStore(failing)
  const noted = wrapStore(gates, (call) => {
    if (call.verb === 'create' && call.key !== undefined) keys.push(call.key)
    return call.apply()
  })
  const store = countingStore(around(noted))
  const onEvent = (event: SessionEvent) => void events.push(event)
  const all = { secret, now: clock.now, onEvent, ...options, store }
  const sessions = createSessions<Any>(all)
  const open = (cookie?: string) => browser(sessions, cookie)
  const live = async () => {
    const entries = await Promise.all(keys.map(async (key) => ({ key, entry: await memory.read(key) })))
    return entries.filter(({ entry }) => entry && !isTombstone(entry.value)).map(({ key }) => key)
  }
  return { memory, failing, gates, store, clock, events, keys, options: all, sessions, browser: open, live }
}

/** The Cookie header that answers a Set-Cookie header; undefined where it takes the cookie back. */
export function cookieOf(setCookie: string): string | undefined {
  return /; Max-Age=0(;|$)/.test(setCookie) ? undefined : setCookie.slice(0, setCookie.indexOf(';'))
}

/** The token in a Cookie or Set-Cookie header. */
export function tokenOf(cookie: string | undefined): string {
  return /=([^;]*)/.exec(cookie ?? '')?.[1] ?? ''
}

/** One user of a Hono app, with the session cookie of the last response that had one. */
export interface Agent {
  cookie: string | undefined
  request(path: string, init?: RequestInit): Promise<Response>
}

export function agent(app: { readonly request: Hono['request'] }, cookie?: string): Agent {
  return {
    cookie,
    async request(path, init = {}) {
      const headers = new Headers(init.headers)
      if (this.cookie !== undefined) headers.set('Cookie', this.cookie)
      const response = await app.request(path, { ...init, headers })
      const own = response.headers.getSetCookie().filter((value) => /^(__\w+-)?sid(-rev)?=/.test(value))
      this.cookie = nextCookies(this.cookie, own)
      return response
    },
  }
}

/** An app with two routes and a user who is logged in as alice; the calls that took are not counted. */
export async function loggedIn(
  test: Kit = kit(),
  options: Partial<SessionOptions> = {},
): Promise<{ app: Hono<SessionEnv<Any>>; user: ReturnType<typeof agent>; test: Kit }> {
  const app = new Hono<SessionEnv<Any>>()
  app.use(session({ ...test.options, ...options }))
  app.get('/login/:user', (c) => {
    c.var.session.set('user', c.req.param('user'))
    return c.text('in')
  })
  app.get('/who', async (c) => c.text(`${await c.var.session.get('user')}`))
  // Not by the app: Hono takes no more routes after its first request.
  const user = test.browser()
  await user.visit((one) => one.set('user', 'alice'))
  test.store.reset()
  test.events.length = 0
  return { app, user: agent(app, user.cookie), test }
}

/** A user whose session holds some data; the calls that took are not counted. */
export async function withData(data: Any = { user: 'alice', cart: ['tea'] }): Promise<{ test: Kit; user: Browser }> {
  const test = kit()
  const user = test.browser()
  await user.visit((session) => {
    for (const [key, value] of Object.entries(data)) session.set(key, value)
  })
  test.store.reset()
  test.events.length = 0
  return { test, user }
}
