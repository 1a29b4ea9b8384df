import { exitCodeOf, type Finding } from '../finding.ts'
import { type Cycled, type Latencies, percentile } from './cycles.ts'
import type { Examined } from './examine.ts'
import { count, type NodeFacts } from './facts.ts'

const verbs = ['create', 'read', 'update', 'delete'] as const satisfies readonly (keyof Latencies)[]
const shares = { p50: 0.5, p90: 0.9, p99: 0.99 } as const

/** For scripts; its members are stable. */
export function reportAsJson(examined: Examined): string {
  const { store, health, memcached, room, cycled, findings } = examined
  const nodes = memcached.flatMap((facts) => facts.nodes.map((one) => nodeAsJson(one)))
  const report = {
    ok: exitCodeOf(findings) === 0,
    store,
    nodes: nodes.length > 0 ? nodes : health,
    ...(room === undefined ? {} : { roomForSessions: room }),
    ...(cycled === undefined ? {} : { trial: trialAsJson(cycled) }),
    findings,
  }
  return JSON.stringify(report, null, 2)
}

function nodeAsJson({ node, failure, names, stats, settings, roundTripMs, skewSeconds }: NodeFacts) {
  return {
    node,
    up: failure === undefined,
    ...(failure === undefined ? {} : { failure }),
    addresses: names.map(({ address }) => address),
    ...(stats.size === 0 ? {} : { version: stats.get('version') }),
    ...{ roundTripMs: rounded(roundTripMs), skewSeconds },
    ...(stats.size === 0 ? {} : { memory: { bytes: count(stats, 'bytes'), most: count(stats, 'limit_maxbytes') } }),
    ...(stats.size === 0
      ? {}
      : { connections: { used: count(stats, 'curr_connections'), most: count(stats, 'max_connections') } }),
    ...(stats.size === 0 ? {} : { evictions: count(stats, 'evictions') }),
    ...(settings.size === 0 ? {} : { itemBytes: count(settings, 'item_size_max') }),
  }
}

const rounded = (ms: number | undefined) => (ms === undefined ? undefined : Math.round(ms * 100) / 100)

function trialAsJson({ cycles, failed, latencies }: Cycled) {
  const ofVerb = (verb: keyof Latencies) =>
    Object.fromEntries(
      Object.entries(shares).map(([name, share]) => [name, rounded(percentile(latencies[verb], share))]),
    )
  return { cycles, failed, milliseconds: Object.fromEntries(verbs.map((verb) => [verb, ofVerb(verb)])) }
}

/** For people. */
export function reportAsText(examined: Examined): string {
  const { store, health, memcached, room, cycled, findings } = examined
  const nodes = memcached.flatMap((facts) => facts.nodes.map(nodeAsText))
  const others = health.map(({ node, up, latencyMs }) => `  ${node}  ${up ? 'up' : 'DOWN'}${timed(latencyMs)}`)
  return [
    `store      ${store ?? 'none'}`,
    ...(nodes.length > 0 ? nodes : others),
    ...(room === undefined ? [] : [`room       for about ${room} sessions`]),
    ...(cycled === undefined ? [] : trialAsText(cycled)),
    '',
    ...findings.flatMap(findingAsText),
    summary(findings),
  ].join('\n')
}

const timed = (ms: number | undefined) => (ms === undefined ? '' : `  ${ms.toFixed(1)} ms`)

function nodeAsText({ node, failure, names, stats, skewSeconds, roundTripMs }: NodeFacts): string {
  const addresses = names.map(({ address }) => address).filter((address) => !node.startsWith(`${address}:`))
  const at = addresses.length === 0 ? '' : ` (${addresses.join(', ')})`
  if (failure !== undefined) return `  ${node}${at}  DOWN`
  if (stats.size === 0) return `  ${node}${at}  up${timed(roundTripMs)}`
  const mb = (name: string) => (count(stats, name) / 1_048_576).toFixed(1)
  return [
    `  ${node}${at}  memcached ${stats.get('version') ?? ''}${timed(roundTripMs)}`,
    `    memory ${mb('bytes')} of ${mb('limit_maxbytes')} MB, ${count(stats, 'curr_items')} items, ${count(stats, 'evictions')} thrown out`,
    `    connections ${count(stats, 'curr_connections')} of ${count(stats, 'max_connections')}, clock ${skewSeconds ?? '?'} s off`,
  ].join('\n')
}

function trialAsText({ cycles, failed, latencies }: Cycled): readonly string[] {
  const row = (verb: keyof Latencies) =>
    Object.values(shares)
      .map((share) => (percentile(latencies[verb], share)?.toFixed(2) ?? '-').padStart(9))
      .join('')
  return [
    `trial      ${cycles} sessions, ${failed} failed; milliseconds   ${Object.keys(shares).join('      ')}`,
    ...verbs.map((verb) => `  ${verb.padEnd(38)}${row(verb)}`),
  ]
}

function findingAsText({ level, code, node, what, why, todo }: Finding): readonly string[] {
  const head = `${level.toUpperCase().padEnd(8)} ${code}${node === undefined ? '' : ` at ${node}`}`
  return [head, `  ${what}`, `  Why it matters: ${why}`, `  What to do: ${todo}`, '']
}

function summary(findings: readonly Finding[]): string {
  const number = (level: Finding['level']) => findings.filter((one) => one.level === level).length
  const problems = number('error') + number('warning')
  if (problems === 0) return `All is well${number('note') === 0 ? '' : `, with ${number('note')} to know of`}.`
  return `${number('error')} errors, ${number('warning')} warnings, ${number('note')} notes.`
}
