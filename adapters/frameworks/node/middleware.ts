import type { IncomingMessage, ServerResponse } from 'node:http'
import { need, refuseUnknown } from '../../../src/checks.ts'
import { type Configured, configure } from '../../../src/configured.ts'
import { SessionOptionsError } from '../../../src/errors.ts'
import { type SessionOptions, sameSettings } from '../../../src/options.ts'
import { LazySession } from '../../../src/request/lazy-session.ts'
import type { Session } from '../../../src/session.ts'
import type { Sessions } from '../../../src/sessions.ts'
import { Gate } from './gate.ts'
import { isResponse } from './headers.ts'
import { Opened } from './opening.ts'

/**
 * A request with its session: how node:http and Connect see `req` behind the middleware. `SessionRequest<Data, 'oauth'>` has it at `req.oauth`.
 */
export type SessionRequest<
  Data extends object = Record<string, unknown>,
  Name extends string = 'session',
> = IncomingMessage & { readonly [Key in Name]: Session<Data> }

/** Where a session is found, for an app with several. */
export interface MountOptions {
  /** `oauth` puts it at `req.oauth`; default `session`. Namespaces and cookie names of several must differ. */
  readonly as?: string | undefined
}

/**
 * What to go on with. Called once without an error to go on, and once more with one where the commit is refused: then nothing of the
 * answer has left, and whoever handles errors gives another.
 */
export type Next = (error?: unknown) => unknown

/** Middleware as node:http, Connect, Express 4 and 5 take it. */
export type SessionMiddleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void

/**
 * Sessions as middleware of node:http, Connect, Express 4 and 5: `req.session`, committed before the first byte of the response leaves.
 *
 * However it is written (`send`, `redirect`, `pipe`, `writeHead`) the response is held until the commit is done; a stream is told to
 * wait meanwhile. A conflict, an ended session, one that is too large and an outage become `next(error)` with `error.status` 409,
 * 409, 413 and 503. An answer of 500 and above changes nothing. Mounted twice with the same options it is one session, with
 * different ones it is an error, unless `as` gives them different names. Instead of options it takes sessions that are there, which something else can then use as well.
 * Throws `SessionOptionsError`.
 */
export function session(options: SessionOptions | Sessions<object>, mount: MountOptions = {}): SessionMiddleware {
  const as = nameOf(mount)
  const configured = configure(options)
  return function session(req, res, next) {
    const holder = req as unknown as Record<string, unknown>
    if (holder[as] !== undefined) {
      next(secondOf(as, holder[as], configured))
      return
    }
    let opened: Opened
    try {
      opened = new Opened(configured, req, undefined, as)
    } catch (error) {
      next(error)
      return
    }
    holder[as] = opened.session
    // Where a WebSocket is upgraded there is no response: the session can be read, and nothing commits it.
    if (isResponse(res)) opened.tell(new Gate(res, opened, next))
    else opened.readOnly()
    next()
  }
}

/** What is wrong with a second middleware, if anything. */
function secondOf(as: string, session: unknown, { settings }: Configured): Error | undefined {
  const outer = LazySession.stateOf(session)?.settings
  if (outer === undefined) return new SessionOptionsError(`req.${as} is taken: another middleware has set it`)
  if (sameSettings(outer, settings)) return undefined
  return new SessionOptionsError('session() is mounted twice with different options: name one by { as }')
}

function nameOf(mount: MountOptions): string {
  refuseUnknown(mount, ['as'], 'option of session:')
  const { as = 'session' } = mount
  const isOwn = typeof as === 'string' && /^[A-Za-z_$][\w$]*$/.test(as)
  need(isOwn, 'as must be a name, for req')
  return as
}
