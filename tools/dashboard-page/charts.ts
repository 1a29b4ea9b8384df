import uPlot from 'uplot'
import { minuteText, timeText } from './format.ts'
import { type Cell, fill } from './tables.ts'

/** One line of a chart. */
export interface Line {
  readonly name: string
  /** Of the last value, in the legend; and of all, in the table. */
  readonly text: (value: number | undefined) => string
}

/** What a chart shows of one line: as many values as there are times; null where there is nothing to say. */
export type Values = readonly (number | null)[]

const height = 190
/** Lines differ in their colours and in their dashes, for who does not see the colours apart. */
const dashes: readonly number[][] = [[], [7, 4], [2, 3], [10, 3, 2, 3]]
const style = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name)
const axis: uPlot.Axis = {
  stroke: () => style('--soft'),
  grid: { stroke: () => style('--rule'), width: 1 },
  ticks: { show: false },
  font: '12px system-ui, sans-serif',
}

/** Wide enough for one label beside the other; with seconds where they are what tells one from the next. */
const times: uPlot.Axis = {
  ...axis,
  space: 100,
  values: (_, at) => {
    const isFine = (at[1] ?? 60) - (at[0] ?? 0) < 60
    return at.map((seconds) => (isFine ? timeText : minuteText)(seconds * 1000))
  },
}

/** A chart, its legend and the table behind it. */
export class Chart {
  readonly #id: string
  readonly #lines: readonly Line[]
  readonly #place: HTMLElement
  readonly #plot: uPlot
  readonly #legend: readonly HTMLElement[]
  readonly #label: (x: number) => string

  constructor(
    id: string,
    lines: readonly Line[],
    options: Partial<uPlot.Options> = {},
    label: (x: number) => string = secondText,
  ) {
    this.#id = id
    this.#lines = lines
    this.#label = label
    this.#place = document.getElementById(id) as HTMLElement
    this.#legend = drawLegend(this.#place, lines)
    this.#plot = new uPlot(
      {
        ...{ width: this.#width, height, legend: { show: false }, cursor: { drag: { setScale: false } } },
        scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
        axes: [
          times,
          { ...axis, size: 60, values: (_, at) => at.map((value) => (value ? lines[0]?.text(value) : '0') ?? '') },
        ],
        series: [{}, ...lines.map((_, at) => seriesOf(at))],
        ...options,
      },
      [[], ...lines.map(() => [])],
      this.#place,
    )
    new ResizeObserver(() => this.#plot.setSize({ width: this.#width, height })).observe(this.#place)
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#plot.redraw(false, true))
  }

  /** `now` are the values of the legend, where they are not the last ones. */
  show(x: readonly number[], values: readonly Values[], now: Values = values.map((line) => line.at(-1) ?? null)): void {
    this.#plot.setData([x as number[], ...values.map((line) => line as (number | null)[])])
    const latest = this.#lines.map(({ name, text }, at) => `${name} ${text(now[at] ?? undefined)}`)
    for (const [at, text] of latest.entries()) this.#legend[at]?.replaceChildren(text)
    this.#place.ariaLabel = `${this.#title}: ${latest.join(', ')}`
    this.#fillTable(x, values)
  }

  get #title(): string {
    return document.getElementById(`${this.#id}-title`)?.textContent ?? ''
  }

  get #width(): number {
    return Math.max(240, this.#place.clientWidth)
  }

  /** Filled for who has opened it. */
  #fillTable(x: readonly number[], values: readonly Values[]): void {
    const isOpen = this.#place.parentElement?.querySelector('details')?.open
    if (!isOpen) return
    const heads = ['', ...this.#lines.map(({ name }) => name)]
    const rows = x.map((value, at): readonly Cell[] => [
      this.#label(value),
      ...this.#lines.map(({ text }, line) => text(values[line]?.[at] ?? undefined)),
    ])
    // Of times the newest first; buckets from the smallest on.
    if (this.#label === secondText) rows.reverse()
    fill(`${this.#id}-table`, heads, rows.slice(0, 60), 'nothing yet')
  }
}

const secondText = (seconds: number) => timeText(seconds * 1000)

const seriesOf = (at: number): uPlot.Series => ({
  ...{ stroke: () => style(`--line-${at + 1}`), width: 2, dash: dashes[at] ?? [] },
  points: { size: 4 },
})

/** Outside of the drawing, where it can be read aloud. */
function drawLegend(place: HTMLElement, lines: readonly Line[]): readonly HTMLElement[] {
  const list = document.createElement('ul')
  list.className = 'legend'
  const texts = lines.map(({ name }, at) => {
    const item = list.appendChild(document.createElement('li'))
    const mark = item.appendChild(document.createElement('span'))
    mark.className = `mark mark-${at + 1}`
    mark.ariaHidden = 'true'
    const text = item.appendChild(document.createElement('span'))
    text.textContent = name
    return text
  })
  place.before(list)
  return texts
}

/** Options of a chart of bars, one for each bucket. */
export const bars = (labels: readonly string[]): Partial<uPlot.Options> => ({
  scales: { x: { time: false, range: () => [-0.6, labels.length - 0.4] }, y: { range: (_, __, max) => [0, max || 1] } },
  axes: [
    {
      ...axis,
      splits: ({ width }) => labels.map((_, at) => at).filter((at) => at % (width < 450 ? 4 : 2) === 0),
      values: (_, at) => at.map((one) => labels[one] ?? ''),
    },
    { ...axis, size: 60 },
  ],
  series: [
    {},
    {
      ...{ stroke: () => style('--line-1'), fill: () => style('--fill'), width: 1, points: { show: false } },
      paths: uPlot.paths.bars?.({ size: [0.8, 60] }) as uPlot.Series.PathBuilder,
    },
  ],
})
