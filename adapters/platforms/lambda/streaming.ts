import { SessionOptionsError, SessionUseError } from '../../../src/errors.ts'
import type { SessionOptions } from '../../../src/options.ts'
import type { Session } from '../../../src/session.ts'
import { createSessions } from '../../../src/sessions.ts'
import { isFields, readEvent } from './events.ts'
import { applyTo, resultOf } from './results.ts'
import { run } from './run.ts'

/** What a streaming handler returns: the status and headers now, the body piece by piece. */
export interface StreamingResult {
  readonly statusCode: number
  readonly headers?: Readonly<Record<string, string | number | boolean>> | undefined
  /** Set-Cookie values of the handler's own; the session's comes before them. */
  readonly cookies?: readonly string[] | undefined
  /** Texts go out as UTF-8. The session can be read in here where it was read before, and no longer changed. */
  readonly body?: string | Uint8Array | AsyncIterable<Chunk> | ReadableStream<Chunk> | undefined
}

type Chunk = string | Uint8Array

/** The part of Lambda's response stream that is used: of a `Writable` of Node. */
export interface ResponseStream {
  write(chunk: Chunk): boolean
  end(): unknown
  once(event: 'drain' | 'close' | 'error', listener: () => void): unknown
}

/** What Lambda's runtime calls for a function that streams. */
export type StreamingHandler<Event, Ctx> = (event: Event, stream: ResponseStream, context: Ctx) => Promise<void>

/** The global of the runtime (Lambda developer guide, "Writing response streaming-enabled Lambda functions"). */
interface StreamingRuntime {
  streamifyResponse<H>(handler: H): H
  readonly HttpResponseStream: { from(stream: ResponseStream, prelude: object): ResponseStream }
}

/**
 * A Lambda handler with a session that streams its response, for function URLs and REST APIs whose response transfer mode it is.
 *
 * The handler returns status, headers, cookies and a body; the session is committed, then they leave, then the body does. The
 * rest is as `withSession` has it. Throws `SessionOptionsError` where the runtime offers no streaming: it is Lambda's own, with
 * Node. A body that fails breaks the response off, and its error goes to Lambda.
 */
export function withStreamingSession<D extends object = Record<string, unknown>, Event = unknown, Ctx = unknown>(
  options: SessionOptions,
  handler: (event: Event, session: Session<D>, context: Ctx) => Promise<StreamingResult>,
): StreamingHandler<Event, Ctx> {
  const sessions = createSessions<D>(options)
  const runtime = streamingRuntime()
  return runtime.streamifyResponse(async function withStreamingSession(event, stream, context) {
    // The form is for cookies in; out, a stream has one of its own, which is that of format 2.0.
    const request = readEvent(event)
    const outcome = await run(sessions, request.headers, async (session) =>
      checked(await handler(event, session, context)),
    )
    const answer = outcome instanceof Response ? resultOf('v2', outcome) : applyTo('v2', outcome.result, outcome.commit)
    const { statusCode, headers, cookies, body } = (await answer) as StreamingResult
    await pipe(body, runtime.HttpResponseStream.from(stream, { statusCode, headers, cookies }))
  } satisfies StreamingHandler<Event, Ctx>)
}

function streamingRuntime(): StreamingRuntime {
  const runtime = (globalThis as { awslambda?: Partial<StreamingRuntime> }).awslambda
  if (typeof runtime?.streamifyResponse !== 'function' || typeof runtime.HttpResponseStream?.from !== 'function')
    throw new SessionOptionsError('withStreamingSession needs the streaming of the Lambda runtime for Node: not found')
  return runtime as StreamingRuntime
}

/** There is no bare result here: what would go out is not known before it is there. */
function checked(result: StreamingResult): StreamingResult {
  if (isFields(result) && result.statusCode !== undefined) return result
  throw new SessionUseError('a streaming handler must return an object with a statusCode')
}

async function pipe(body: StreamingResult['body'], stream: ResponseStream): Promise<void> {
  let isClosed = false
  const closed = new Promise<void>((settle) => {
    for (const event of ['close', 'error'] as const)
      stream.once(event, () => {
        isClosed = true
        settle()
      })
  })
  // Status and headers go out with the first write, so an empty body needs one too.
  stream.write('')
  for await (const chunk of chunksOf(body)) {
    if (isClosed) return
    if (!stream.write(chunk)) await Promise.race([closed, new Promise<void>((wake) => stream.once('drain', wake))])
  }
  stream.end()
}

async function* chunksOf(body: StreamingResult['body']): AsyncIterable<Chunk> {
  if (body === undefined) return
  if (typeof body === 'string' || body instanceof Uint8Array) yield body
  else if (Symbol.asyncIterator in body) yield* body
  else yield* readerOf(body)
}

/** Not every runtime's streams can be iterated. */
async function* readerOf(body: ReadableStream<Chunk>): AsyncIterable<Chunk> {
  const reader = body.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel()
  }
}
