import { context } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { type Telemetry, type TelemetryOptions, telemetry } from '../../adapters/telemetry.ts'

/** OpenTelemetry's own SDK, with its exporters into memory and into Prometheus' text. */
export interface Sdk extends Telemetry {
  readonly spans: () => readonly ReadableSpan[]
  /** What was collected, by name. */
  metrics(): Promise<ReadonlyMap<string, MetricData>>
  /** What a Prometheus server would be told. */
  prometheus(): Promise<string>
  /** Runs work as a server's own span has it, and gives that. */
  inRequest<Result>(work: () => Promise<Result>): Promise<Result>
}

interface SdkOptions extends Pick<TelemetryOptions, 'store'> {
  /** False: nobody has registered a provider of spans. */
  readonly spans?: boolean
}

/** Starts the SDK, and the telemetry of sessions on it. */
export function startSdk({ store, spans = true }: SdkOptions = {}): Sdk {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const spanExporter = new InMemorySpanExporter()
  const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spanExporter })] })
  const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 1_000_000 })
  const prometheus = new PrometheusExporter({ preventServerStart: true })
  const meterProvider = new MeterProvider({ readers: [reader, prometheus] })
  const running = telemetry({ store, meterProvider, ...(spans ? { tracerProvider } : {}) })
  return {
    spans: () => spanExporter.getFinishedSpans(),
    async metrics() {
      metricExporter.reset()
      await reader.forceFlush()
      const scopes = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics)
      return new Map(scopes.flatMap(({ metrics }) => metrics).map((one) => [one.descriptor.name, one]))
    },
    async prometheus() {
      const { resourceMetrics } = await prometheus.collect()
      return new PrometheusSerializer().serialize(resourceMetrics)
    },
    inRequest: (work) =>
      tracerProvider.getTracer('a server').startActiveSpan('GET /cart', (span) => work().finally(() => span.end())),
    stop() {
      running.stop()
      context.disable()
    },
  }
}
