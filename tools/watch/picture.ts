import { percentile } from '../doctor/cycles.ts'
import type { Rates } from './application.ts'
import type { NodeFigures } from './nodes.ts'

/** One server from one look to the next. */
export interface NodeView {
  readonly now: NodeFigures
  readonly before: NodeFigures | undefined
  /** How long its last answers took, in milliseconds. */
  readonly answers: readonly number[]
}

/** Everything that one picture shows. */
export interface View {
  readonly at: number
  readonly seconds: number
  /** Undefined where no metrics were asked for. */
  readonly application:
    | { readonly rates: Rates | undefined; readonly answering: number; readonly asked: number }
    | undefined
  readonly nodes: readonly NodeView[]
}

const column = 12
const cell = (text: string) => text.padStart(column)
const plain = (value: number | undefined, digits: number) => (value === undefined ? '-' : value.toFixed(digits))
const percent = (share: number | undefined) => (share === undefined ? '-' : `${(share * 100).toFixed(1)} %`)

/** The whole screen, as text. */
export function pictureOf({ at, seconds, application, nodes }: View): string {
  const widest = Math.max(12, ...nodes.map(({ now }) => now.node.length + 2))
  const heads = ['reads/s', 'found', 'evicted/s', 'items', 'memory', 'connections', 'p50 ms', 'p99 ms']
  return [
    `claimcheck   ${new Date(at).toISOString().slice(0, 19)}Z`,
    ...(application ? applicationLines(application) : []),
    '',
    'servers'.padEnd(widest) + heads.map(cell).join(''),
    ...nodes.map((one) => nodeLine(one, seconds, widest)),
  ].join('\n')
}

function applicationLines({ rates, answering, asked }: NonNullable<View['application']>): readonly string[] {
  const head = `processes    ${answering} of ${asked} answer`
  if (rates === undefined) return [head]
  return [
    head,
    `loads        ${plain(rates.loads, 1)}/s, ${percent(rates.hitRatio)} found, p50 ${plain(rates.p50Ms, 1)} ms, p99 ${plain(rates.p99Ms, 1)} ms`,
    `losses       ${listOf(rates.losses)}`,
    ...(rates.unavailable > 0 ? [`unavailable  ${plain(rates.unavailable, 1)}/s`] : []),
    `commits      ${listOf(rates.commits)}`,
  ]
}

function listOf(rates: ReadonlyMap<string, number>): string {
  const known = [...rates].filter(([, rate]) => rate > 0)
  const sorted = known.sort(([, a], [, b]) => b - a)
  return sorted.length === 0 ? 'none' : sorted.map(([word, rate]) => `${word} ${rate.toFixed(1)}/s`).join(', ')
}

function nodeLine({ now, before, answers }: NodeView, seconds: number, widest: number): string {
  const name = `  ${now.node}`.padEnd(widest)
  if (!now.up) return `${name}${cell('DOWN')}`
  const hits = grown(before?.hits, now.hits)
  const misses = grown(before?.misses, now.misses)
  const reads = hits === undefined || misses === undefined ? undefined : hits + misses
  const evicted = grown(before?.evictions, now.evictions)
  const sorted = [...answers].sort((a, b) => a - b)
  return [
    name,
    cell(plain(reads === undefined ? undefined : reads / seconds, 1)),
    cell(percent(reads === undefined || reads === 0 ? undefined : (hits as number) / reads)),
    cell(plain(evicted === undefined ? undefined : evicted / seconds, 1)),
    cell(plain(now.items, 0)),
    cell(percent(now.memory && now.memory.used / now.memory.most)),
    cell(plain(now.connections, 0)),
    cell(plain(percentile(sorted, 0.5), 1)),
    cell(plain(percentile(sorted, 0.99), 1)),
  ].join('')
}

/** A counter that has fallen began anew with its server. */
function grown(before: number | undefined, now: number | undefined): number | undefined {
  if (before === undefined || now === undefined) return undefined
  return now < before ? now : now - before
}
