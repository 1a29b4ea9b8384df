import { AsyncLocalStorage } from 'node:async_hooks'
import diagnostics from 'node:diagnostics_channel'
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
  nameOf(message: Message): string
  /** Of the span, when it begins. */
  begun(message: Message): Attributes
  /** Of the span, when it ends; counts what is to be counted. */
  ended(message: Message, seconds: number, failure: string | undefined): Attributes
}

interface Running {
  readonly span: Span
  readonly startedAt: number
}

/** The context of the span that is under way: those of commands lie in that of their load. */
const around = new AsyncLocalStorage<Context>()

/** Listens to a channel until the function that comes back is called. */
export function listenTo(tracer: Tracer, listener: Listener): () => void {
  const running = new WeakMap<object, Running>()
  const begin = (message: object): Context => {
    const parent = around.getStore() ?? context.active()
    if (!listener.concerns(message as Message)) return parent
    const options = { kind: listener.kind, attributes: listener.begun(message as Message) }
    const span = tracer.startSpan(listener.nameOf(message as Message), options, parent)
    running.set(message, { span, startedAt: performance.now() })
    return trace.setSpan(parent, span)
  }
  const asyncEnd = (message: object) => {
    const found = running.get(message)
    if (found) end(listener, message as Message, found)
  }
  const channel = diagnostics.tracingChannel<Context, object>(listener.channel)
  channel.start.bindStore(around, begin)
  channel.asyncEnd.subscribe(asyncEnd as never)
  return () => {
    channel.start.unbindStore(around)
    channel.asyncEnd.unsubscribe(asyncEnd as never)
  }
}

function end(listener: Listener, message: Message, { span, startedAt }: Running): void {
  const seconds = (performance.now() - startedAt) / 1000
  const failure = failureOf(message)
  span.setAttributes(listener.ended(message, seconds, failure))
  if (failure !== undefined) {
    span.setAttribute('error.type', failure)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}

/** A word of a closed list: the reason of an outage where it is known, else the code of the error. */
function failureOf({ error }: Message): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, reason } = error as { readonly code?: string; readonly reason?: string }
  return reason ?? code ?? 'failed'
}
