import type { SessionOptions } from '../../src/options.ts'
import type { Session } from '../../src/session.ts'
import { createSessions } from '../../src/sessions.ts'
import { readEvent } from './lambda/events.ts'
import { applyTo, resultOf } from './lambda/results.ts'
import { run } from './lambda/run.ts'

export {
  type ResponseStream,
  type StreamingHandler,
  type StreamingResult,
  withStreamingSession,
} from './lambda/streaming.ts'

/**
 * A Lambda handler with a session, committed before its result is returned: what comes after may be frozen, or never run.
 *
 * For REST APIs, HTTP APIs, function URLs and Application Load Balancers, whose events are told apart by themselves; cookies and
 * headers go out in the form of each. A bare result of an HTTP API becomes a structured one where the session needs headers.
 * A load balancer without multi-value headers sends one cookie per response: the session's, where it has one to send, and then
 * none of the handler's.
 *
 * The types come from the handler's parameters, so write them all down:
 * `withSession(options, async (event: APIGatewayProxyEventV2, session: Session<Data>) => ...)`. What the handler returned is never
 * changed, but copied.
 *
 * Conflicts and ended sessions are answered with 409, a session that is too large with 413 (the event names its biggest keys), an
 * outage with 503 and `Retry-After: 1`, without a cookie. A handler that
 * throws loses its session changes, and its error goes on to Lambda; a response that is returned keeps them, whatever its status.
 * Options are checked now (`SessionOptionsError`, so at module level an init error); an event that is no HTTP request rejects with
 * `SessionUseError`, and the handler is not called.
 */
export function withSession<
  D extends object = Record<string, unknown>,
  Event = unknown,
  Ctx = unknown,
  Result = unknown,
>(
  options: SessionOptions,
  handler: (event: Event, session: Session<D>, context: Ctx) => Promise<Result>,
): (event: Event, context: Ctx) => Promise<Result> {
  const sessions = createSessions<D>(options)
  return async function withSession(event, context) {
    const { form, headers } = readEvent(event)
    const outcome = await run(sessions, headers, (session) => handler(event, session, context))
    const answer = outcome instanceof Response ? resultOf(form, outcome) : applyTo(form, outcome.result, outcome.commit)
    return answer as Promise<Result>
  }
}
