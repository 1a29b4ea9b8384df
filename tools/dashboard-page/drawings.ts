import { columns, ends, keptSeconds, losses, positionOf, type Row } from '../../adapters/dashboard/columns.ts'
import { edge, recordBytes } from '../../adapters/dashboard/histogram.ts'
import type { View } from '../../adapters/dashboard/view.ts'
import { bars, Chart, type Values } from './charts.ts'
import { bytesText, msText, numberText, percentText, wordsOf } from './format.ts'

/** So that the first seconds are not drawn over the whole width. */
const leastSeconds = 60

/** Every second of the last minutes: those in which nothing happened are not told. */
export interface Timeline {
  readonly x: readonly number[]
  /** The sum of some columns, per second. */
  sum(...names: readonly string[]): readonly number[]
  /** One column, null where it is 0. */
  where(name: string): Values
}

export function timelineOf({ rows, at, since }: Pick<View, 'rows' | 'at' | 'since'>): Timeline {
  const last = Math.floor(at / 1000) - 1
  // Nothing was counted before the start, which is not the same as 0.
  const first = Math.max(last - keptSeconds + 2, Math.min(Math.floor(since / 1000) + 1, last - leastSeconds))
  const bySecond = new Map(rows.map((row) => [row[0] as number, row]))
  const x = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  const lined = x.map((second) => bySecond.get(second))
  return {
    x,
    sum: (...names) => lined.map((row) => names.reduce((sum, name) => sum + valueIn(row, name), 0)),
    where: (name) => lined.map((row) => valueIn(row, name) || null),
  }
}

function valueIn(row: Row | undefined, name: string): number {
  return row?.[1 + (positionOf(name) ?? columns.length)] ?? 0
}

export const loadNames: readonly string[] = columns.filter((name) => name.startsWith('load:') && !/p\d+$/.test(name))
export const commitNames: readonly string[] = columns.filter(
  (name) => name.startsWith('commit:') && !/p\d+$/.test(name),
)
export const lossNames: readonly string[] = losses.map((name) => `load:${name}`)
/** Loads that came with a good cookie, and found nothing. */
export const missNames: readonly string[] = [...losses, ...ends].map((name) => `load:${name}`)

/** The ratio of five seconds, so that one load is not 0 or 100 %. */
function ratios(hits: readonly number[], misses: readonly number[]): Values {
  const width = 5
  const sumTo = (list: readonly number[], at: number) =>
    list.slice(Math.max(0, at - width + 1), at + 1).reduce((sum, value) => sum + value, 0)
  return hits.map((_, at) => {
    const found = sumTo(hits, at)
    const all = found + sumTo(misses, at)
    return all > 0 ? found / all : null
  })
}

const labels = Array.from({ length: recordBytes.buckets }, (_, at) => bytesText(edge(recordBytes, at)))
const of = (text: (value: number | undefined) => string, ...names: readonly string[]) =>
  names.map((name) => ({ name, text }))

/** Draws every chart anew from what the page was told last. */
export function drawings(): (view: View, timeline: Timeline) => void {
  const requests = new Chart('requests', of(numberText, 'loads', 'commits'))
  const hits = new Chart('hits', of(percentText, 'hit ratio'), { scales: { y: { range: [0, 1.05] } } })
  const lost = new Chart('losses', of(numberText, ...losses.map(wordsOf)))
  const refusals = new Chart('refusals', of(numberText, 'conflict', 'gone', 'unavailable', 'bad token'))
  const times = new Chart('times', of(msText, 'load, half', 'load, 99 %', 'commit, half', 'commit, 99 %'))
  const sizes = new Chart('sizes', of(numberText, 'records'), bars(labels), (at) => `${labels[at]} and more`)
  return ({ sizes: counts }, { x, sum, where }) => {
    requests.show(x, [sum(...loadNames), sum(...commitNames)])
    hits.show(x, [ratios(sum('load:hit'), sum(...missNames))])
    lost.show(
      x,
      lossNames.map((name) => sum(name)),
    )
    refusals.show(x, [sum('conflict'), sum('gone'), sum('unavailable'), sum('bad-token')])
    times.show(x, ['load:p50', 'load:p99', 'commit:p50', 'commit:p99'].map(where))
    sizes.show(
      counts.map((_, at) => at),
      [counts],
      [counts.reduce((sum, count) => sum + count, 0)],
    )
  }
}
