import type { Context, Env, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { answerTo, SessionOptionsError, StoreUnavailableError } from './errors.ts'
import { checkOptions, type SessionOptions, sameSettings } from './options.ts'
import { tellErrorsOnly, tellFromNowOn, writeTo } from './request/answer.ts'
import type { Settings } from './request/exchange.ts'
import { LazySession } from './request/lazy-session.ts'
import { carriesSession, findOpen, type Open, type Places, placesOf, showOpen, twoSessions } from './request/nesting.ts'
import type { RequestState } from './request/state.ts'
import { isWorkers } from './runtime.ts'
import type { Session } from './session.ts'
import { type Sessions, sessionsFrom } from './sessions.ts'

/** The environment of a Hono app with sessions: `new Hono<SessionEnv<Data>>()` types `c.var.session`. */
export type SessionEnv<Data extends object> = { Variables: { session: Session<Data> } }

/** Options, or a function of the context where they depend on bindings: built once per env object on Workers, once elsewhere. */
type OptionsOf<E extends Env> = SessionOptions | ((c: Context<E>) => SessionOptions)

/**
 * Sessions as Hono middleware: `c.var.session`, committed before the response leaves.
 *
 * A conflict, an ended session, one that is too large and an outage become `HTTPException` 409, 409, 413 and 503, the typed error
 * as `cause`. An unhandled error in a handler changes nothing; an `HTTPException` below 500 commits them. Mounted twice with the
 * same options it is one session, with different ones it throws. Mount it outside `etag()`, which drops cookies from a 304.
 */
// biome-ignore lint/suspicious/noExplicitAny: as Hono's own middleware, so that it fits every app without a cast.
export function session<E extends Env = any>(options: OptionsOf<E>): MiddlewareHandler<E> {
  const configured = typeof options === 'function' ? perEnvironment(options) : always(options)
  return async function session(c, next) {
    const { settings, sessions } = configured(c)
    const vars = c as unknown as Context<SessionEnv<object>>
    const outer = LazySession.stateOf(vars.get('session'))?.settings
    if (outer && sameSettings(outer, settings)) return next()
    if (outer) throw new SessionOptionsError('session() is mounted twice with different options')
    const places = placesOf(c)
    const around = openAround(places, settings)
    if (around?.request === c.req.raw) return join(vars, around, next)
    const { open, commit } = begin(vars, sessions, places, around)
    const { state } = open
    try {
      await next()
    } catch (error) {
      await commit({ failed: true }).catch((reason: unknown) => refuse(c, reason))
      throw error
    }
    if (!state.used) return end(state, c)
    if (carriesSession(c.res.headers, settings.cookie)) state.refusal ??= twoSessions()
    const failed = open.failed || isFailure(c.error)
    const setCookies = state.closeUnchanged()
      ? noCookies
      : (await commit({ failed }).catch((error: unknown) => refuse(c, error))).setCookies
    if (c.error) {
      if (isAnswered(c)) complete(c)
      else throwAsHttp(c, c.error)
    }
    writeTo(c, setCookies)
  }
}

const noCookies: readonly string[] = []

type AnyContext = Context<SessionEnv<object>>
type AnyOpen = Open<Session<object>>

/** Another app is around this one, with the same sessions. */
function openAround(places: Places, settings: Settings): AnyOpen | undefined {
  const around = findOpen<Session<object>>(places)
  return around && sameSettings(around.state.settings, settings) ? around : undefined
}

function begin(c: AnyContext, sessions: Sessions<object>, places: Places, around: AnyOpen | undefined) {
  const cookieHeader = c.req.header('Cookie')
  const { session, commit } = sessions.open(cookieHeader)
  const state = LazySession.stateOf(session) as RequestState
  const open: AnyOpen = { request: c.req.raw, cookieHeader, session, state, failed: false }
  showOpen(places, open)
  c.set('session', session)
  state.answer = c
  state.tellUse = tellFromNowOn
  if (around?.cookieHeader === cookieHeader) state.outer = around?.state
  return { open, commit }
}

/** The very same request inside of another app: its session, which is committed there. */
async function join(c: AnyContext, open: AnyOpen, next: () => Promise<void>): Promise<void> {
  const { session, state } = open
  const { answer, tellUse } = state
  c.set('session', session)
  if (state.used) tellFromNowOn(c)
  state.answer = c
  state.tellUse = (inner) => tellFromNowOn(inner) && (answer && tellUse ? tellUse(answer) : true)
  try {
    await next()
  } catch (error) {
    open.failed = true
    throw error
  }
  open.failed ||= isFailure(c.error)
}

/** Nothing was asked of the session, so there is nothing to commit. */
function end(state: RequestState, c: Context): void {
  const before = c.error
  state.closed = true
  state.tellUse = before === undefined ? tellErrorsOnly : (answer) => answer.error !== before && tellErrorsOnly(answer)
}

interface Configured {
  readonly settings: Settings
  readonly sessions: Sessions<object>
}

function configure(options: SessionOptions): Configured {
  const settings = checkOptions(options)
  return { settings, sessions: sessionsFrom(settings) }
}

function always(options: SessionOptions): () => Configured {
  const configured = configure(options)
  return () => configured
}

function perEnvironment<E extends Env>(options: (c: Context<E>) => SessionOptions): (c: Context<E>) => Configured {
  const byEnv = new WeakMap<object, Configured>()
  const everywhere = {}
  return (c) => {
    const env = isWorkers() && typeof c.env === 'object' ? c.env : everywhere
    const configured = byEnv.get(env) ?? configure(options(c))
    byEnv.set(env, configured)
    return configured
  }
}

/** A thrown response below 500 is an answer, such as "wrong password"; anything else thrown is a failure. */
const isFailure = (error: Error | undefined) =>
  error !== undefined && !(error instanceof HTTPException && error.status < 500)

/** An error handler has already given the error its status, as Hono's own does by `getResponse`. */
const isAnswered = (c: Context) => c.error !== undefined && 'status' in c.error && c.res.status === c.error.status

/** Adds Retry-After to a 503 that an error handler built without it. */
function complete(c: Context): void {
  if (c.error instanceof StoreUnavailableError && !c.res.headers.has('Retry-After'))
    c.header('Retry-After', c.error.getResponse().headers.get('Retry-After') ?? undefined)
}

/** The commit was refused, so nothing of the handler's answer may leave. */
function refuse(c: Context, error: unknown): never {
  throwAsHttp(c, error)
  dropAnswer(c)
  throw error
}

/** Hono copies the headers of the answer so far onto that of an error: the page's cookies and `public, max-age` among them. */
function dropAnswer(c: Context): void {
  c.res.body?.cancel().catch(() => {})
  c.res = undefined
  c.res = new Response(null)
}

/** Throws the HTTP form of an error that has one. A read inside a handler may have thrown it, too. */
function throwAsHttp(c: Context, error: unknown): void {
  const answer = answerTo(error)
  if (!answer) return
  const { message } = answer.error
  dropAnswer(c)
  throw new HTTPException(answer.response.status as 409 | 413 | 503, { message, cause: error, res: answer.response })
}
