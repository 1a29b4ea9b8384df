import { AsyncLocalStorage } from 'node:async_hooks'
import diagnostics, { type TracingChannel } from 'node:diagnostics_channel'
import {
  type Attributes,
  type Context,
  context,
  type Span,
  type SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** A message of a channel in the end. */
export type Message = Readonly<Record<string, unknown>>

/** What becomes of the messages of one channel. */
export interface Listener {
  readonly channel: string
  readonly kind: SpanKind
  /** Whether this is told at all. */
  concerns(message: Message): boolean
  /** Counts what is to be counted, at its end. */
  count(message: Message, seconds: number, failure: string | undefined): void
  nameOf(message: Message): string
  /** Of the span, when it begins. */
  begun(message: Message): Attributes
  /** Of the span, when it ends. */
  ended(message: Message, failure: string | undefined): Attributes
}

/** What is under way is noted in its message: a WeakMap takes a microsecond more. */
const running: unique symbol = Symbol('claimcheck.telemetry')
interface Marked {
  [running]?: { readonly startedAt: number; readonly span: Span | undefined }
}

/** The context of the span that is under way: those of commands lie in that of their load. */
const around = new AsyncLocalStorage<Context>()

/** Listens to a channel until the function that comes back is called. Without a tracer it only counts, and hands no context on. */
export function listenTo(tracer: Tracer | undefined, listener: Listener): () => void {
  const channel = diagnostics.tracingChannel<Context, object>(listener.channel)
  const stop = tracer ? beginSpans(channel, tracer, listener) : beginCounting(channel, listener)
  const asyncEnd = (message: object) => end(listener, message)
  channel.asyncEnd.subscribe(asyncEnd as never)
  return () => {
    stop()
    channel.asyncEnd.unsubscribe(asyncEnd as never)
  }
}

function beginCounting(channel: TracingChannel<Context, object>, listener: Listener): () => void {
  const start = (message: object) => {
    if (listener.concerns(message as Message))
      (message as Marked)[running] = { startedAt: performance.now(), span: undefined }
  }
  channel.start.subscribe(start as never)
  return () => void channel.start.unsubscribe(start as never)
}

function beginSpans(channel: TracingChannel<Context, object>, tracer: Tracer, listener: Listener): () => void {
  channel.start.bindStore(around, (message: object): Context => {
    const parent = around.getStore() ?? context.active()
    if (!listener.concerns(message as Message)) return parent
    const options = { kind: listener.kind, attributes: listener.begun(message as Message) }
    const span = tracer.startSpan(listener.nameOf(message as Message), options, parent)
    ;(message as Marked)[running] = { startedAt: performance.now(), span }
    return trace.setSpan(parent, span)
  })
  return () => void channel.start.unbindStore(around)
}

function end(listener: Listener, message: object): void {
  const found = (message as Marked)[running]
  if (!found) return
  const failure = failureOf(message as Message)
  listener.count(message as Message, (performance.now() - found.startedAt) / 1000, failure)
  const { span } = found
  if (span?.isRecording()) {
    span.setAttributes(listener.ended(message as Message, failure))
    if (failure !== undefined) {
      span.setAttribute('error.type', failure)
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
  }
  span?.end()
}

/** A word of a closed list: the reason of an outage where it is known, else the code of the error. */
function failureOf({ error }: Message): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, reason } = error as { readonly code?: string; readonly reason?: string }
  return reason ?? code ?? 'failed'
}
