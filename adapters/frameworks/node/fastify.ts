import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Configured, configure } from '../../../src/configured.ts'
import type { SessionOptions } from '../../../src/options.ts'
import type { Session } from '../../../src/session.ts'
import { answerBare } from './answers.ts'
import { Gate } from './gate.ts'
import { Opened } from './opening.ts'

/** The parts of Fastify that are used, so that its package is not needed. */
interface Fastify {
  decorateRequest(name: string, value: unknown): unknown
  addHook(name: string, hook: (request: Request, reply: Reply, ...rest: never[]) => Promise<unknown>): unknown
}
interface Request {
  readonly raw: IncomingMessage
  readonly log: { error(error: unknown): void }
  session: Session<object>
  /** None where an earlier hook has refused the request. */
  [answer]: Answer | null
}
interface Reply {
  readonly raw: ServerResponse
  readonly statusCode: number
  getHeaders(): Readonly<Record<string, unknown>>
  removeHeader(name: string): unknown
}

/** What goes with the answer to one request. */
interface Answer {
  readonly gate: Gate
  /** The names of the headers that were there before. */
  readonly before: Readonly<Record<string, unknown>>
  /** A handler threw what is no answer. */
  failed: boolean
}
const answer: unique symbol = Symbol('claimcheck.answer')

/**
 * Sessions as a Fastify plugin: `await fastify.register(fastifySession, { store, secret })` gives `request.session`, committed before
 * the reply leaves, also one that is a stream, a `Response` or written to `reply.raw`.
 *
 * A conflict, an ended session, one that is too large and an outage go to the error handler with `error.status` 409, 409, 413 and
 * 503. A handler that throws changes nothing, unless `statusCode` of its error is below 500. It counts for the whole instance that it
 * is registered in, as with fastify-plugin. An invalid option fails the registration with `SessionOptionsError`.
 */
export function fastifySession(instance: object, options: SessionOptions, done: (error?: Error) => void): void {
  let reason: Error | undefined
  try {
    plugIn(instance as Fastify, configure(options))
  } catch (error) {
    reason = error as Error
  }
  done(reason)
}

Object.assign(fastifySession, {
  // Hooks and decorators of a plugin are seen by its own routes alone, unless it says so (Fastify reference, "Plugins").
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'claimcheck',
})

function plugIn(fastify: Fastify, configured: Configured): void {
  fastify.decorateRequest('session', null)
  fastify.decorateRequest(answer as unknown as string, null)
  fastify.addHook('onRequest', async (request, reply) => {
    const opened = new Opened(configured, request.raw)
    // Only for what is written past Fastify: then there is no error handler left to ask.
    const gate = new Gate(reply.raw, opened, (error) => {
      request.log.error(error)
      answerBare(reply.raw, error)
    })
    opened.tell(gate)
    request.session = opened.session
    request[answer] = { gate, before: reply.getHeaders(), failed: false }
  })
  fastify.addHook(
    'onError',
    async (request, _reply, error: { readonly statusCode?: number; readonly status?: number }) => {
      const { statusCode = error.status ?? 500 } = error
      if (request[answer] && statusCode >= 500) request[answer].failed = true
    },
  )
  fastify.addHook('onSend', send)
}

/** The answer is complete, and nothing of it has left. */
async function send(request: Request, reply: Reply, payload: never): Promise<unknown> {
  if (!request[answer]) return payload
  const { gate, before, failed } = request[answer]
  try {
    await gate.settle(failed ? 500 : reply.statusCode)
    return payload
  } catch (error) {
    for (const name of Object.keys(reply.getHeaders())) if (!(name in before)) reply.removeHeader(name)
    release(payload)
    throw error
  }
}

/** A stream that nobody will read. */
function release(payload: { destroy?: () => void; cancel?: () => Promise<void>; body?: ReadableStream | null } | null) {
  payload?.destroy?.()
  payload?.cancel?.().catch(() => {})
  payload?.body?.cancel().catch(() => {})
}
