import type { BatchObservableResult, Meter } from '@opentelemetry/api'
import type { NodeHealth, Store } from '../../src/store.ts'

/** Asks every node of a store whenever metrics are collected, until the function that comes back is called. */
export function observeNodes(meter: Meter, store: Store): () => void {
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableGauge(name, { unit, description })
  const up = gauge('claimcheck.node.up', '1', 'Whether a node of the store is up: 1 or 0.')
  const latency = gauge('claimcheck.node.latency', 's', 'How long a node took to answer.')
  const items = gauge('claimcheck.node.items', '{item}', 'Entries that a node holds.')
  const hitRatio = gauge(
    'claimcheck.node.hit_ratio',
    '1',
    'Reads of a node that found something, since it was started.',
  )
  const evictions = meter.createObservableCounter('claimcheck.node.evictions', {
    unit: '{eviction}',
    description: 'Entries that a node has thrown out for want of memory.',
  })
  const all = [up, latency, items, hitRatio, evictions]
  const observe = async (result: BatchObservableResult) => {
    const nodes = await nodesOf(store)
    for (const { node, latencyMs, items: held, hitRatio: ratio, evictions: evicted, ...health } of nodes) {
      const of = { 'claimcheck.node.name': node, 'claimcheck.store.name': store.name }
      result.observe(up, health.up ? 1 : 0, of)
      if (latencyMs !== undefined) result.observe(latency, latencyMs / 1000, of)
      if (held !== undefined) result.observe(items, held, of)
      if (ratio !== undefined) result.observe(hitRatio, ratio, of)
      if (evicted !== undefined) result.observe(evictions, evicted, of)
    }
  }
  meter.addBatchObservableCallback(observe, all)
  return () => meter.removeBatchObservableCallback(observe, all)
}

/** Metrics are collected also where the store cannot be asked. */
async function nodesOf(store: Store): Promise<readonly NodeHealth[]> {
  return (await store.check?.().catch(() => undefined))?.nodes ?? []
}
