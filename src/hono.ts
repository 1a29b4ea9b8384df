import type { Context, Env, MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { need, refuseUnknown } from './checks.ts'
import { always, type Configured, perEnvironment } from './configured.ts'
import { answerTo, SessionError, SessionOptionsError, StoreUnavailableError } from './errors.ts'
import { type SessionOptions, sameSettings } from './options.ts'
import { markByAuthorization, tellErrorsOnly, tellFromNowOn, writeTo } from './request/answer.ts'
import type { Settings } from './request/exchange.ts'
import { LazySession } from './request/lazy-session.ts'
import {
  carriesSession,
  defaultName,
  findOpen,
  type Open,
  type Places,
  placesOf,
  sentBy,
  showOpen,
  twoSessions,
} from './request/nesting.ts'
import type { RequestState } from './request/state.ts'
import type { Session } from './session.ts'
import type { Sessions } from './sessions.ts'

/**
 * The environment of a Hono app with sessions: `new Hono<SessionEnv<Data>>()` types `c.var.session`, and
 * `SessionEnv<Data, 'oauth'>` types `c.var.oauth`.
 */
export type SessionEnv<Data extends object, Name extends string = 'session'> = {
  Variables: { [Key in Name]: Session<Data> }
}

/** Where a session is found, for an app with several. */
export interface MountOptions {
  /** `oauth` puts it at `c.var.oauth`; default `session`. Namespaces and cookie names of several must differ. */
  readonly as?: string | undefined
}

/**
 * Options; or sessions that are there, so that something else can use the same, such as the dashboard; or a function of the context where
 * options depend on bindings: built once per env object on Workers, once elsewhere.
 */
type OptionsOf<E extends Env> = SessionOptions | Sessions<object> | ((c: Context<E>) => SessionOptions)

/**
 * Sessions as Hono middleware: `c.var.session`, committed before the response leaves.
 *
 * A conflict, an ended session, one that is too large and an outage become `HTTPException` 409, 409, 413 and 503, the typed error
 * as `cause`. An unhandled error in a handler changes nothing; an `HTTPException` below 500 commits them. Mounted twice with the
 * same options it is one session, with different ones it throws, unless `as` gives them different names. Mount it outside `etag()`,
 * which drops cookies from a 304.
 */
// biome-ignore lint/suspicious/noExplicitAny: as Hono's own middleware, so that it fits every app without a cast.
export function session<E extends Env = any>(options: OptionsOf<E>, mount: MountOptions = {}): MiddlewareHandler<E> {
  const as = checkMount(mount)
  const configured = typeof options === 'function' ? perEnvironment(options) : always(options)
  return async function session(c, next) {
    const current = configured(c)
    const { settings } = current
    const vars = c as unknown as AnyContext
    const outer = LazySession.stateOf(vars.get(as))?.settings
    if (outer && sameSettings(outer, settings)) return next()
    if (outer) throw new SessionOptionsError('session() is mounted twice with different options: name one by { as }')
    const places = placesOf(c)
    const around = openAround(places, settings, as)
    if (around?.request === c.req.raw) return join(vars, around, next)
    const { open, commit } = begin(vars, current, places, around, as)
    const { state } = open
    try {
      await next()
    } catch (error) {
      await commit({ failed: true }).catch((reason: unknown) => refuse(c, reason))
      throw error
    }
    if (!state.used) return end(state, c)
    if (carriesSession(c.res.headers, settings)) state.refusal ??= twoSessions()
    const failed = open.failed || isFailure(c.error)
    const setCookies = state.closeUnchanged()
      ? noCookies
      : (await commit({ failed }).catch((error: unknown) => refuse(c, error))).setCookies
    open.setCookies = setCookies
    if (c.error) {
      if (isAnswered(c)) complete(c)
      else throwAsHttp(c, c.error)
    }
    writeTo(c, setCookies, undefined, state.tokenHeaders)
    if (state.clearSiteData !== undefined) c.header('Clear-Site-Data', state.clearSiteData)
  }
}

const noCookies: readonly string[] = []

/** Any name: which one is only known to the types of the app. */
type AnyContext = Context<SessionEnv<object, string>>
type AnyOpen = Open<Session<object>>

/** Another app is around this one, with the same sessions. */
function openAround(places: Places, settings: Settings, as: string): AnyOpen | undefined {
  const around = findOpen<Session<object>>(places, as)
  return around && sameSettings(around.state.settings, settings) ? around : undefined
}

function begin(
  c: AnyContext,
  { settings, sessions }: Configured,
  places: Places,
  around: AnyOpen | undefined,
  as: string,
) {
  const request = c.req.raw
  const { session, commit } = sessions.open(request)
  const state = LazySession.stateOf(session) as RequestState
  const open: AnyOpen = { request, session, state, failed: false, setCookies: noCookies, as, beside: undefined }
  showOpen(places, open)
  c.set(as, session)
  state.answer = c
  state.tellUse = tellFromNowOn
  if (settings.tokenHeader !== undefined) markByAuthorization(c)
  if (around && around.state.carried.cookieHeader === state.carried.cookieHeader) state.outer = around.state
  return { open, commit }
}

/** The very same request inside of another app: its session, which is committed there. */
async function join(c: AnyContext, open: AnyOpen, next: () => Promise<void>): Promise<void> {
  const { session, state } = open
  const { answer, tellUse } = state
  c.set(open.as, session)
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

function checkMount(mount: MountOptions): string {
  refuseUnknown(mount, ['as'], 'option of session:')
  const { as = defaultName } = mount
  need(typeof as === 'string' && /^[A-Za-z_$][\w$]*$/.test(as), 'as must be a name, for c.var')
  return as
}

/**
 * A thrown response below 500 is an answer, such as "wrong password"; anything else thrown is a failure, and so is another session of
 * this request that was refused: its 409 says that nothing was written.
 */
const isFailure = (error: Error | undefined) =>
  error !== undefined &&
  (!(error instanceof HTTPException && error.status < 500) || error.cause instanceof SessionError)

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

/**
 * Hono copies the headers of the answer so far onto that of an error: the page's cookies and `public, max-age` among them. Only what
 * another session has sent stays, since that one is stored.
 */
function dropAnswer(c: Context): void {
  c.res.body?.cancel().catch(() => {})
  c.res = undefined
  c.res = new Response(null)
  const { setCookies, tokenHeaders } = sentBy(c.req.raw)
  if (setCookies.length + tokenHeaders.length > 0) writeTo(c, setCookies, undefined, tokenHeaders)
}

/** Throws the HTTP form of an error that has one. A read inside a handler may have thrown it, too. */
function throwAsHttp(c: Context, error: unknown): void {
  const answer = answerTo(error)
  if (!answer) return
  const { message } = answer.error
  dropAnswer(c)
  throw new HTTPException(answer.response.status as 409 | 413 | 503, { message, cause: error, res: answer.response })
}
