import { metrics } from '@opentelemetry/api'
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { ours } from './ours.mjs'

/** Spans go nowhere: sending them costs what the exporter costs, not what sessions do. */
const nowhere = { export: (_, done) => done({ code: 0 }), shutdown: async () => {} }

/** The real SDK: metrics, and the spans of this part of the requests. */
export async function startTelemetry(share) {
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new PrometheusExporter({ preventServerStart: true })] }))
  const tracerProvider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [new BatchSpanProcessor(nowhere)],
  })
  const { telemetry } = await ours('./telemetry')
  telemetry(share > 0 ? { tracerProvider } : {})
}
