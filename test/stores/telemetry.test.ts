import { AsyncLocalStorage } from 'node:async_hooks'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import {
  ATTR_DB_OPERATION_NAME,
  ATTR_DB_SYSTEM_NAME,
  ATTR_ERROR_TYPE,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  METRIC_DB_CLIENT_OPERATION_DURATION,
} from '@opentelemetry/semantic-conventions'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { createSessions } from '../../src/sessions.ts'
import type { Store } from '../../src/store.ts'
import { type Any, browser, secret } from '../support/app.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { type Sdk, startSdk } from '../support/telemetry.ts'

let server: TestServer
let store: Store
let sdk: Sdk
beforeEach(async () => {
  server = await startMemcached()
  store = memcachedStore({ servers: [server.address], connectMs: 5000, callMs: 5000 })
  sdk = startSdk({ store })
})
afterEach(async () => {
  sdk.stop()
  await store.close?.()
  await server.stop()
})

const sessions = () => createSessions<Any>({ store, secret, requestMs: 20_000 })

/** A span as it is printed: its name below that of its parent, and its attributes. */
function shown(spans: readonly ReadableSpan[]): readonly string[] {
  const nameOf = (id: string | undefined) => spans.find((span) => span.spanContext().spanId === id)?.name ?? '-'
  return spans.map((span) => `${nameOf(span.parentSpanContext?.spanId)} > ${span.name}`)
}

it('the spans of one request lie in its own span, commands in the load and the commit that need them', async () => {
  const user = browser(sessions())
  await user.visit((session) => session.set('user', 'alice'))
  const before = sdk.spans().length
  await sdk.inRequest(() =>
    user.visit(async (session) => {
      await session.get('user')
      session.set('cart', ['tea'])
    }),
  )
  const spans = sdk.spans().slice(before)
  const { address } = server
  expect(shown(spans)).toEqual([
    `claimcheck load > gat ${address}`,
    'GET /cart > claimcheck load',
    `claimcheck commit > cas ${address}`,
    'GET /cart > claimcheck commit',
    '- > GET /cart',
  ])
  console.log(
    spans.map(({ name, kind, attributes }) => JSON.stringify({ name, kind: SpanKind[kind], attributes })).join('\n'),
  )
  const [gat, load, , commit] = spans
  expect(gat?.kind).toBe(SpanKind.CLIENT)
  expect(gat?.attributes).toEqual({
    [ATTR_DB_SYSTEM_NAME]: 'memcached',
    [ATTR_DB_OPERATION_NAME]: 'gat',
    [ATTR_SERVER_ADDRESS]: '127.0.0.1',
    [ATTR_SERVER_PORT]: server.port,
  })
  const ref = expect.stringMatching(/^[\w-]{8}$/)
  expect([load?.kind, load?.attributes]).toEqual([
    SpanKind.INTERNAL,
    {
      'claimcheck.store.name': 'memcached',
      'claimcheck.load.outcome': 'hit',
      'claimcheck.session.ref': ref,
      'claimcheck.round_trips': 1,
    },
  ])
  expect(commit?.attributes).toEqual({
    'claimcheck.store.name': 'memcached',
    'claimcheck.commit.outcome': 'updated',
    'claimcheck.session.ref': ref,
    'claimcheck.round_trips': 1,
    'claimcheck.record.size': expect.any(Number),
    'claimcheck.commit.attempts': 1,
  })
})

it('the metrics have the names, units and buckets of the conventions, and no ref', async () => {
  const user = browser(sessions())
  await user.visit((session) => session.set('user', 'alice'))
  await user.visit((session) => session.get('user'))
  await user.visit((session) => session.destroy())
  await user.visit((session) => session.get('user'))
  const metrics = await sdk.metrics()
  const duration = metrics.get(METRIC_DB_CLIENT_OPERATION_DURATION)
  expect(duration?.descriptor).toMatchObject({ unit: 's', type: 'HISTOGRAM' })
  expect(metrics.get('claimcheck.node.hit_ratio')?.dataPoints).toMatchObject([{ value: 1 }])
  const operations = new Set(duration?.dataPoints.map(({ attributes }) => attributes[ATTR_DB_OPERATION_NAME]))
  expect(operations).toEqual(new Set(['add', 'gat', 'set']))
  const points = duration?.dataPoints as {
    attributes: object
    value: { buckets: { boundaries: number[] }; count: number }
  }[]
  expect(points[0]?.value.buckets.boundaries).toEqual([0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])
  for (const { attributes } of points)
    expect(new Set(Object.keys(attributes))).toEqual(
      new Set([ATTR_DB_OPERATION_NAME, ATTR_DB_SYSTEM_NAME, ATTR_SERVER_ADDRESS, ATTR_SERVER_PORT]),
    )
  const units = Object.fromEntries([...metrics].map(([name, { descriptor }]) => [name, descriptor.unit]))
  expect(units).toEqual({
    'db.client.operation.duration': 's',
    'claimcheck.session.operation.duration': 's',
    'claimcheck.session.record.size': 'By',
    'claimcheck.session.loads': '{load}',
    'claimcheck.session.commits': '{commit}',
    'claimcheck.node.up': '1',
    'claimcheck.node.latency': 's',
    'claimcheck.node.items': '{item}',
    'claimcheck.node.hit_ratio': '1',
    'claimcheck.node.evictions': '{eviction}',
  })
  const counts = (name: string, attribute: string) =>
    Object.fromEntries(
      (metrics.get(name)?.dataPoints ?? []).map(({ attributes, value }) => [attributes[attribute], value]),
    )
  expect(counts('claimcheck.session.loads', 'claimcheck.load.outcome')).toEqual({ hit: 1, 'never-stored': 2 })
  expect(counts('claimcheck.session.commits', 'claimcheck.commit.outcome')).toEqual({ created: 1, destroyed: 1 })
  const names = new Set(
    [...metrics.values()].flatMap(({ dataPoints }) => dataPoints.flatMap(({ attributes }) => Object.keys(attributes))),
  )
  expect([...names].filter((name) => name.includes('ref'))).toEqual([])
})

it("Prometheus' text has them by its own names", async () => {
  const user = browser(sessions())
  await user.visit((session) => session.set('user', 'alice'))
  await user.visit((session) => session.get('user'))
  const text = await sdk.prometheus()
  console.log(text)
  const of = `claimcheck_store_name="memcached"`
  for (const line of [
    '# UNIT db_client_operation_duration s',
    '# TYPE db_client_operation_duration histogram',
    '# TYPE claimcheck_session_loads_total counter',
    '# TYPE claimcheck_session_record_size histogram',
    '# TYPE claimcheck_node_up gauge',
  ])
    expect(text.split('\n')).toContain(line)
  expect(text).toMatch(
    new RegExp(`^claimcheck_session_loads_total\\{.*${of}.*claimcheck_load_outcome="hit".*\\} 1$`, 'm'),
  )
  expect(text).toMatch(new RegExp(`^claimcheck_node_up\\{.*claimcheck_node_name="${server.address}".*\\} 1$`, 'm'))
})

it('an outage is a failed span and an error.type out of a closed list, and the node is down', async () => {
  const user = browser(sessions())
  await user.visit((session) => session.set('user', 'alice'))
  await server.stop()
  await expect(user.visit((session) => session.get('user'))).rejects.toMatchObject({ code: 'unavailable' })
  const failed = sdk.spans().filter(({ status }) => status.code === SpanStatusCode.ERROR)
  expect(failed.map(({ name }) => name.split(' ').slice(0, 2).join(' '))).toContain('claimcheck load')
  for (const { attributes } of failed) expect(['refused', 'disconnected']).toContain(attributes[ATTR_ERROR_TYPE])
  expect(failed.every(({ status, events }) => status.message === undefined && events.length === 0)).toBe(true)
  const metrics = await sdk.metrics()
  expect(metrics.get('claimcheck.node.up')?.dataPoints).toMatchObject([{ value: 0 }])
  const loads = metrics
    .get('claimcheck.session.loads')
    ?.dataPoints.map(({ attributes }) => attributes['claimcheck.load.outcome'])
  expect(loads).toContain('unavailable')
})

it('is over with stop(): no span, no count, and no listener that sessions would pay for', async () => {
  const user = browser(sessions())
  await user.visit((session) => session.set('user', 'alice'))
  const before = sdk.spans().length
  sdk.stop()
  await user.visit((session) => session.get('user'))
  expect(sdk.spans()).toHaveLength(before)
})

it('without a provider of spans it counts all the same, and hands no context on', async () => {
  sdk.stop()
  sdk = startSdk({ spans: false })
  const user = browser(sessions())
  await user.visit((session) => session.set('user', 'alice'))
  const bound = vi.spyOn(AsyncLocalStorage.prototype, 'run')
  await user.visit((session) => session.get('user'))
  expect([bound.mock.calls.length, sdk.spans().length]).toEqual([0, 0])
  bound.mockRestore()
  const metrics = await sdk.metrics()
  const counted = (name: string) => metrics.get(name)?.dataPoints.map(({ value }) => value)
  expect([counted('claimcheck.session.loads'), counted('claimcheck.session.commits')]).toEqual([[1, 1], [1]])
})
