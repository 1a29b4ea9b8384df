import { columns, counted, keptSeconds, positionOf, type Row } from './columns.ts'
import { Histogram, milliseconds } from './histogram.ts'

/** A row of a second: its number, then the columns. */
const width = 1 + columns.length

/** Counts per second for the last minutes, and since the start. Its size does not change. */
export class Series {
  readonly #rows: Float64Array = new Float64Array(keptSeconds * width)
  readonly totals: Float64Array = new Float64Array(counted.length)
  /** Of the second under way. */
  readonly #loads: Histogram = new Histogram(milliseconds)
  readonly #commits: Histogram = new Histogram(milliseconds)
  #second = 0

  count(name: string, nowMs: number): void {
    const position = positionOf(name)
    if (position === undefined) return
    const at = this.#rowAt(nowMs) + 1 + position
    this.#rows[at] = (this.#rows[at] as number) + 1
    this.totals[position] = (this.totals[position] as number) + 1
  }

  took(what: 'load' | 'commit', ms: number, nowMs: number): void {
    this.#rowAt(nowMs)
    const histogram = what === 'load' ? this.#loads : this.#commits
    histogram.add(ms)
  }

  /** The seconds in which something happened, oldest first. The one under way is not yet told: it would look like a fall. */
  rows(nowMs: number): readonly Row[] {
    this.#rowAt(nowMs)
    const rows: Row[] = []
    for (let second = this.#second - keptSeconds + 1; second < this.#second; second++) {
      const start = startOf(second)
      if (this.#rows[start] === second) rows.push(Array.from(this.#rows.subarray(start, start + width), short))
    }
    return rows
  }

  /** Where the row of this second begins. A clock that was put back counts for the second that it has been at. */
  #rowAt(nowMs: number): number {
    const second = Math.floor(nowMs / 1000)
    if (second > this.#second || second < this.#second - keptSeconds) this.#begin(second)
    return startOf(this.#second)
  }

  #begin(second: number): void {
    this.#end()
    this.#second = second
    const start = startOf(second)
    this.#rows.fill(0, start, start + width)
    this.#rows[start] = second
  }

  /** Percentiles are made of the second that is over. */
  #end(): void {
    const start = startOf(this.#second) + 1
    for (const [what, histogram] of [['load', this.#loads] as const, ['commit', this.#commits] as const]) {
      this.#rows[start + (positionOf(`${what}:p50`) as number)] = histogram.quantile(0.5)
      this.#rows[start + (positionOf(`${what}:p99`) as number)] = histogram.quantile(0.99)
      histogram.clear()
    }
  }
}

const startOf = (second: number) => (second % keptSeconds) * width

/** Three digits are more than a chart shows. */
const short = (value: number) => Math.round(value * 1000) / 1000
