import { type MeterProvider, metrics, ProxyTracerProvider, type TracerProvider, trace } from '@opentelemetry/api'
import { need, refuseUnknown } from '../src/checks.ts'
import type { Store } from '../src/store.ts'
import { listenTo } from './telemetry/channels.ts'
import { createInstruments } from './telemetry/instruments.ts'
import { listenersOf } from './telemetry/listeners.ts'
import { observeNodes } from './telemetry/nodes.ts'

/** Options of {@link telemetry}; unknown names are refused. */
export interface TelemetryOptions {
  /** Its nodes are asked whenever metrics are collected: `claimcheck.node.up` and others. Left out, there are none. */
  readonly store?: Store | undefined
  /** Default: the one that is registered with `@opentelemetry/api`, which must have been done before. Where there is none, no spans are made. */
  readonly tracerProvider?: TracerProvider | undefined
  /** Default: the one that is registered with `@opentelemetry/api`, which must have been done before. */
  readonly meterProvider?: MeterProvider | undefined
}

/** What listens. */
export interface Telemetry {
  /** Listens no more: sessions then cost what they cost without it. */
  stop(): void
}

const scope = 'claimcheck'

/**
 * Spans and metrics of all sessions of this process, through OpenTelemetry: call it once, after the SDK is started.
 *
 * Listens to the tracing channels, so it needs Node, Bun or Deno, and no option of the sessions. No id, token, key or value is in any
 * span or metric, and `ref` only in spans. Throws `SessionOptionsError`.
 */
export function telemetry(options: TelemetryOptions = {}): Telemetry {
  refuseUnknown(options, ['store', 'tracerProvider', 'meterProvider'], 'option of telemetry:')
  const { store, tracerProvider = registered(), meterProvider = metrics } = options
  need(store === undefined || typeof store?.read === 'function', 'store must be the store of the sessions')
  const meter = meterProvider.getMeter(scope)
  const instruments = createInstruments(meter)
  const { loads, commits, conflicts } = instruments
  const stops = listenersOf(instruments).map((listener) => listenTo(tracerProvider?.getTracer(scope), listener))
  stops.push(loads.stop, commits.stop, conflicts.stop)
  if (store) stops.push(observeNodes(meter, store))
  return {
    stop() {
      for (const stop of stops.splice(0)) stop()
    },
  }
}

function registered(): TracerProvider | undefined {
  const provider = trace.getTracerProvider()
  return provider instanceof ProxyTracerProvider && !provider.getDelegateTracer(scope) ? undefined : provider
}
