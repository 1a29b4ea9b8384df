import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Configured, configure } from '../../../src/configured.ts'
import { SessionOptionsError } from '../../../src/errors.ts'
import { type SessionOptions, sameSettings } from '../../../src/options.ts'
import { LazySession } from '../../../src/request/lazy-session.ts'
import type { Session } from '../../../src/session.ts'
import type { Sessions } from '../../../src/sessions.ts'
import { Gate } from './gate.ts'
import { isResponse } from './headers.ts'
import { Opened } from './opening.ts'

/** A request with its session: how node:http and Connect see `req` behind the middleware. */
export type SessionRequest<Data extends object = Record<string, unknown>> = IncomingMessage & {
  readonly session: Session<Data>
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
 * different ones it is an error. Instead of options it takes sessions that are there, which something else can then use as well.
 * Throws `SessionOptionsError`.
 */
export function session(options: SessionOptions | Sessions<object>): SessionMiddleware {
  const configured = configure(options)
  return function session(req, res, next) {
    const holder = req as { session?: unknown }
    if (holder.session !== undefined) {
      next(secondOf(holder.session, configured))
      return
    }
    const opened = new Opened(configured, req)
    holder.session = opened.session
    // Where a WebSocket is upgraded there is no response: the session can be read, and nothing commits it.
    if (isResponse(res)) opened.tell(new Gate(res, opened, next))
    else opened.readOnly()
    next()
  }
}

/** What is wrong with a second middleware, if anything. */
function secondOf(session: unknown, { settings }: Configured): Error | undefined {
  const outer = LazySession.stateOf(session)?.settings
  if (outer === undefined) return new SessionOptionsError('req.session is taken: another middleware has set it')
  if (sameSettings(outer, settings)) return undefined
  return new SessionOptionsError('session() is mounted twice with different options')
}
