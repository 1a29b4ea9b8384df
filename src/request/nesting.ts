import { clearCookies } from '../claim/cookie.ts'
import type { TokenSettings } from '../claim/signer.ts'
import { SessionOptionsError, SessionUseError } from '../errors.ts'
import { isWorkers } from '../runtime.ts'
import type { HeaderLine } from './bearer.ts'
import type { HeaderMap } from './response-headers.ts'
import type { RequestState } from './state.ts'

/** A session under way, as a second `session()` finds it that meets the same request: in a mounted app, behind `methodOverride()`. */
export interface Open<One> {
  readonly request: Request
  readonly session: One
  readonly state: RequestState
  /** The handler of an app inside, which has the same session, has failed. */
  failed: boolean
  /** What its commit has sent. */
  setCookies: readonly string[]
  /** Its name: an app may have several sessions. */
  readonly as: string
  /** One of another name, in the same request. */
  beside: Open<One> | undefined
}

/** The part of Hono's context that tells requests apart. */
export interface Nested {
  readonly req: { readonly raw: Request }
  env: unknown
  readonly executionCtx: object
}

/** Where a session is that was given no other name: `c.var.session`. */
export const defaultName = 'session'

/** A property, not a WeakMap, which costs each request over a microsecond (measured: 1.7 against 0.01). */
const mark: unique symbol = Symbol('claimcheck.open')
type Marked<One> = { [mark]?: Open<One> }

/** Where a session can be found: at its request, and at what stands for the request of the platform. */
export interface Places {
  readonly request: object
  readonly platform: object | undefined
}

export const placesOf = (c: Nested): Places => ({ request: c.req.raw, platform: platformRequest(c) })

/** The session that is under way around this request, whether it has the same Request object or one that was made of it. */
export function findOpen<One>({ request, platform }: Places, as: string = defaultName): Open<One> | undefined {
  return live<One>(request, as) ?? live<One>(platform, as)
}

/** Lets others find this session until its commit; of several on one request of the platform the outermost. */
export function showOpen<One>({ request, platform }: Places, open: Open<One>): void {
  put(request, open)
  if (platform && !live(platform, open.as)) put(platform, open)
}

function put<One>(holder: Marked<One>, open: Open<One>): void {
  const before = holder[mark]
  if (before !== undefined && before.as !== open.as) {
    for (let other: Open<One> | undefined = before; other; other = other.beside)
      if (other.as !== open.as) assertApart(other.state.settings, open.state.settings)
    open.beside = before
  }
  holder[mark] = open
}

function live<One>(holder: object | undefined, as: string): Open<One> | undefined {
  let open = (holder as Marked<One> | undefined)?.[mark]
  while (open && (open.as !== as || open.state.closed)) open = open.beside
  return open
}

/** What the sessions of a request have sent so far, also where the answer that carried it is dropped. */
export function sentBy(request: object): Sent {
  const setCookies: string[] = []
  const tokenHeaders: HeaderLine[] = []
  for (let open = (request as Marked<unknown>)[mark]; open; open = open.beside) {
    setCookies.push(...open.setCookies)
    tokenHeaders.push(...(open.state.tokenHeaders ?? []))
  }
  return { setCookies, tokenHeaders }
}

interface Sent {
  readonly setCookies: readonly string[]
  readonly tokenHeaders: readonly HeaderLine[]
}

/** Two sessions of one app must not take each other's cookies and records for their own. */
function assertApart(one: TokenSettings, other: TokenSettings): void {
  const both = 'two sessions in one app must differ in'
  if (one.namespace === other.namespace)
    throw new SessionOptionsError(`${both} namespace, and both have ${one.namespace}`)
  const names = [one.cookie.name, one.cookie.receiptName]
  const shared = [other.cookie.name, other.cookie.receiptName].find((name) => names.includes(name))
  if (shared !== undefined) throw new SessionOptionsError(`${both} cookie.name, and both have ${shared}`)
  if (one.tokenHeader !== undefined && one.tokenHeader === other.tokenHeader)
    throw new SessionOptionsError(`${both} tokenHeader, and both have ${one.tokenHeader}`)
}

/**
 * What stands for one request of the platform and is handed on to apps inside: the execution context on Workers; of the
 * environment what @hono/node-server, Lambda and Deno make anew for each request. Bun hands on its server, which is nobody's own.
 */
function platformRequest(c: Nested): object | undefined {
  if (isWorkers()) return contextOf(c)
  if (c.env === undefined) c.env = {}
  if (typeof c.env !== 'object' || c.env === null) return undefined
  const { incoming, event } = c.env as { incoming?: unknown; event?: unknown }
  const own = [incoming, event].find((one) => typeof one === 'object' && one !== null)
  return own ?? ('completed' in c.env || isEmpty(c.env) ? c.env : undefined)
}

const isEmpty = (env: object) => Object.keys(env).length === 0 && Object.getPrototypeOf(env) === Object.prototype

function contextOf(c: Nested): object | undefined {
  try {
    return c.executionCtx
  } catch {
    return undefined
  }
}

/**
 * Whether an app inside has sent this session's cookie already: it had a session of its own, and nothing told us of it.
 *
 * Only what a session sends: a handler may clear a cookie by itself.
 */
export function carriesSession(headers: HeaderMap, { cookie, tokenHeader }: TokenSettings): boolean {
  if (tokenHeader !== undefined && headers.has(tokenHeader)) return true
  if (!headers.has('Set-Cookie')) return false
  const [cleared] = clearCookies(cookie, false)
  const starts = [`${cookie.name}=eyJ`, `${cookie.receiptName}=`]
  return headers.getSetCookie().some((value) => value === cleared || starts.some((start) => value.startsWith(start)))
}

/** Before anything is stored: two sessions of one request may not both write, since each would undo what the other sends. */
export function assertOne(state: RequestState, failed: boolean): void {
  if (!hasWritten(state) || (failed && !state.destroyed)) return
  if (state.refusal) throw state.refusal
  const { outer } = state
  if (!outer || outer.closed) return
  outer.refusal = twoSessions()
  if (hasWritten(outer)) throw outer.refusal
}

const hasWritten = ({ calls, regenerated, destroyed }: RequestState) =>
  destroyed || regenerated !== undefined || calls.hasChanges

export function twoSessions(): SessionUseError {
  return new SessionUseError(
    'two sessions of one request were both changed, by session() outside and inside of methodOverride() or a mounted app: ' +
      'change it in one of them, or mount with replaceRequest: false',
  )
}
