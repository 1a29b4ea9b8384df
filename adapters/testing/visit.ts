import { refuseUnknown } from '../../src/checks.ts'
import { SessionError, SessionOptionsError } from '../../src/errors.ts'
import { checkOptions, type SessionOptions } from '../../src/options.ts'
import type { Session } from '../../src/session.ts'
import { type Sessions, sessionsFrom } from '../../src/sessions.ts'

/** A Hono app, as far as its sessions are looked for in it. */
export interface HonoApp {
  readonly routes: readonly { readonly handler: unknown }[]
}

/**
 * Where a test's sessions are: a Hono app with `session()`, or what `createSessions()` gave, or the options that the app under test was
 * built with, its store among them: for Express, Fastify, Lambda and whatever else.
 */
export type Tested<Data extends object> = Sessions<Data> | SessionOptions | HonoApp

/** What finds the session in a Hono app. */
export interface TestedOptions {
  /** The name that `session()` was given, where the app has several; default `session`. */
  readonly as?: string | undefined
  /** The bindings, where the options are a function of the context. */
  readonly env?: object | undefined
}

/** Does something with the session behind a Cookie header, and says which Set-Cookie headers the answer had. */
export async function visit<Data extends object>(
  tested: Tested<Data>,
  cookie: string | null | undefined,
  options: TestedOptions,
  work: (session: Session<Data>) => Promise<void>,
): Promise<readonly string[]> {
  refuseUnknown(options, ['as', 'env'], 'option of a test:')
  if (has(tested, 'routes')) return through(tested as HonoApp, cookie, options, work)
  const { session, commit } = sessionsOf(tested).open(cookie)
  await work(session)
  return (await commit()).setCookies
}

function sessionsOf<Data extends object>(tested: Tested<Data>): Sessions<Data> {
  if (has(tested, 'open')) return tested as Sessions<Data>
  if (has(tested, 'store')) return sessionsFrom(checkOptions(tested as SessionOptions))
  throw new SessionOptionsError('a test needs a Hono app, what createSessions() gave, or the options of its sessions')
}

const has = (value: unknown, name: string) => typeof value === 'object' && value !== null && name in value

/** A Hono app of the test's own, of the class of the one under test: so that nothing here imports hono. */
interface OwnApp {
  use(handler: unknown): unknown
  all(path: string, handler: (c: { get(name: string): unknown }) => Promise<Response>): unknown
  onError(handler: (error: Error) => Response): unknown
  request(path: string, init: object, env: object | undefined): Response | Promise<Response>
}

/**
 * The `session()` of the app alone, without what else is mounted there: a login must not need a password, nor pass a limit of requests.
 * Where several have the same name, the first.
 */
async function through<Data extends object>(
  app: HonoApp,
  cookie: string | null | undefined,
  { as = 'session', env }: TestedOptions,
  work: (session: Session<Data>) => Promise<void>,
): Promise<readonly string[]> {
  for (const handler of app.routes.map((route) => mounted(route.handler)).filter(isSession)) {
    const own = new (app.constructor as new () => OwnApp)()
    const seen: { session?: unknown; error?: Error } = {}
    own.use(handler)
    own.all('*', async (c) => {
      seen.session = c.get(as)
      if (seen.session !== undefined) await work(seen.session as Session<Data>)
      return new Response(null)
    })
    own.onError((error) => {
      seen.error = error
      return new Response(null, { status: 500 })
    })
    const { headers } = await own.request('/', cookie ? { headers: { Cookie: cookie } } : {}, env)
    if (seen.error) throw seen.error.cause instanceof SessionError ? seen.error.cause : seen.error
    if (seen.session !== undefined) return headers.getSetCookie()
  }
  throw new SessionOptionsError(
    `no session() is mounted on this app as ${as}: give the options it was built with instead, where it is wrapped in a middleware`,
  )
}

/** An app with an error handler of its own is wrapped where it is mounted on another (hono/utils/constants.js). */
function mounted(handler: unknown): unknown {
  const inner = (handler as { readonly __COMPOSED_HANDLER?: unknown } | undefined)?.__COMPOSED_HANDLER
  return inner === undefined ? handler : mounted(inner)
}

const isSession = (handler: unknown) => typeof handler === 'function' && handler.name === 'session'
