import type { IncomingMessage } from 'node:http'
import { configure } from '../../../src/configured.ts'
import { SessionOptionsError } from '../../../src/errors.ts'
import type { SessionOptions } from '../../../src/options.ts'
import { Gate } from '../node/gate.ts'
import { isResponse } from '../node/headers.ts'
import type { SessionMiddleware } from '../node/middleware.ts'
import { Bridge } from './bridge.ts'
import { FixedCookie } from './cookie.ts'
import type { Setup } from './setup.ts'

/** Tells a second mount that this one is there, without a look at the session. */
const mark: unique symbol = Symbol('claimcheck.expressSession')

/** Options of `session()`, and what to do where two requests change one key at once. */
export interface ExpressSessionOptions extends SessionOptions {
  /**
   * Keys whose last change wins, or all of them (`'last'`), as everywhere in express-session. Else it is a conflict (409) unless both
   * have only appended to lists.
   */
  readonly onConflict?: 'last' | { readonly last: readonly string[] } | undefined
}

/** What express-session takes and this does not, with what to do instead. */
const others: Readonly<Record<string, string>> = {
  resave: 'leave it out: only what has changed is written',
  saveUninitialized: 'leave it out: nothing is stored before the first change',
  rolling: 'leave it out: a read slides the expiry',
  unset: 'leave it out: call req.session.destroy()',
  genid: 'leave it out: ids are 32 random bytes',
  proxy: 'leave it out: the cookie is Secure in any case',
  name: 'set cookie.name',
  transport: "leave it out: session() takes transport: 'header'",
  tokenHeader: "leave it out: session() takes transport: 'header'",
}
const othersOfCookie: Readonly<Record<string, string>> = {
  maxAge: 'set idleSeconds, absoluteSeconds and cookie.persistent',
  expires: 'set idleSeconds, absoluteSeconds and cookie.persistent',
  httpOnly: 'leave it out: it always is',
  secure: 'leave it out: it is, except with cookie.insecure',
  signed: 'leave it out: it always is',
}

/**
 * Sessions with the interface of express-session, for applications and packages that want it: `req.session` is loaded before
 * `next()`, read and changed as an object, with `regenerate`, `save`, `reload`, `destroy`, `touch`, `cookie` and `id`.
 *
 * What a request has changed is found by comparing and written per key, with the guarantees of `session()`: the answer is held until
 * it is stored, a logout is final. A key that two requests have changed is a conflict (409) for the later one, unless both have only
 * appended to lists, or `onConflict` lets the last win. `id` is the `ref`, never the id. Values are stored as JSON makes them.
 * Throws `SessionOptionsError`, also for options of express-session that do not exist here, and says what to do instead.
 */
export function expressSession(options: ExpressSessionOptions): SessionMiddleware {
  const { onConflict, ...rest } = options
  refuseOthers(rest, others, '')
  refuseOthers(rest.cookie ?? {}, othersOfCookie, 'cookie.')
  const configured = configure(rest)
  const { settings } = configured
  const { cookie = {} } = rest
  const setup: Setup = {
    ...configured,
    isLast: lastWins(onConflict),
    cookie: (until = settings.now() / 1000 + settings.absoluteSeconds) =>
      new FixedCookie(cookie, settings.now(), cookie.persistent ? until * 1000 : null),
  }
  return function expressSession(req, res, next) {
    if (mark in req) {
      next()
      return
    }
    if ('session' in req && req.session !== undefined) {
      next(new SessionOptionsError('req.session is taken: another middleware has set it'))
      return
    }
    const bridge = new Bridge(setup, req)
    const gate = isResponse(res) ? new Gate(res, bridge, next) : undefined
    bridge.load().then(
      () => {
        put(req, bridge, gate)
        next()
      },
      (error: unknown) => {
        bridge.look(gate)
        next(error)
      },
    )
  }
}

function put(req: IncomingMessage, bridge: Bridge, gate: Gate | undefined): void {
  const always = { configurable: true, enumerable: true }
  Object.defineProperties(req, {
    [mark]: { value: true },
    session: { ...always, get: () => bridge.look(gate), set: (value: unknown) => bridge.replace(value) },
    sessionID: { ...always, get: () => bridge.id },
  })
}

function lastWins(onConflict: ExpressSessionOptions['onConflict']): (key: string) => boolean {
  if (onConflict === undefined) return () => false
  if (onConflict === 'last') return () => true
  const isList = Array.isArray(onConflict?.last) && onConflict.last.every((key) => typeof key === 'string')
  if (!isList) throw new SessionOptionsError("onConflict must be 'last' or { last: [keys] }")
  const last = new Set(onConflict.last)
  return (key) => last.has(key)
}

function refuseOthers(options: object, known: Readonly<Record<string, string>>, prefix: string): void {
  for (const [name, instead] of Object.entries(known))
    if (name in options) throw new SessionOptionsError(`${prefix}${name} is an option of express-session: ${instead}`)
}
