import type { NodeHealth } from '../../src/store.ts'
import { columns, counted, keptSeconds, type Row } from './columns.ts'
import { Histogram, milliseconds, recordBytes, type Scale, type Sparse } from './histogram.ts'
import { mostNotable, type Notable } from './notable.ts'
import type { Snapshot } from './snapshot.ts'

/** Percentiles in milliseconds of the last one to two minutes. */
export interface Times {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

/** One node, as all processes together see it. */
export interface NodeView extends NodeHealth {
  /** How many processes see it up, of how many that know it. */
  readonly upIn: number
  readonly knownIn: number
  /** Its share of the items of all nodes, and of the commands of the last minutes, 0 to 1. */
  readonly itemShare?: number | undefined
  readonly commandShare?: number | undefined
}

/** One process of the fleet. */
export interface ProcessView {
  readonly name: string
  readonly snapshot?: Snapshot | undefined
  /** Why there is none. */
  readonly error?: string | undefined
}

/** What the page is told every second. */
export interface View {
  readonly at: number
  readonly store: string
  readonly ready: boolean
  readonly since: number
  readonly rows: readonly Row[]
  readonly totals: readonly number[]
  readonly verbs: Readonly<Record<string, Times>>
  readonly commands: readonly (Times & { readonly node: string; readonly command: string })[]
  /** Records per bucket of `recordBytes`, since the start. */
  readonly sizes: readonly number[]
  readonly sizeTimes: Times
  readonly nodes: readonly NodeView[]
  readonly notable: readonly Notable[]
  readonly processes: readonly (Omit<ProcessView, 'snapshot'> & {
    readonly ready?: boolean | undefined
    readonly since?: number | undefined
    readonly rows?: readonly Row[] | undefined
  })[]
}

/** How many of its last seconds stand for what a process does now. */
const ownSeconds = 10

/** Adds up what all processes tell. One that is listed twice, as this process may be among its own peers, counts once. */
export function viewOf(processes: readonly ProcessView[], at: number): View {
  const distinct = processes.filter(
    ({ snapshot }, index) =>
      snapshot === undefined || processes.findIndex((one) => one.snapshot?.process === snapshot.process) === index,
  )
  const all = distinct.flatMap(({ snapshot }) => snapshot ?? [])
  const sizes = sumOf(
    recordBytes,
    all.map((one) => one.sizes),
  )
  const commands = commandsOf(all)
  return {
    at,
    store: [...new Set(all.map(({ store }) => store))].join(', '),
    ready: all.every(({ ready }) => ready),
    since: Math.min(...all.map(({ since }) => since)),
    rows: addRows(all),
    totals: counted.map((_, position) => all.reduce((sum, { totals }) => sum + (totals[position] as number), 0)),
    verbs: verbsOf(all),
    commands,
    sizes: [...sizes.counts],
    sizeTimes: timesOf(sizes),
    nodes: nodesOf(all, commands),
    notable: all
      .flatMap((one) => one.notable)
      .sort((a, b) => b.at - a.at)
      .slice(0, mostNotable),
    processes: distinct.map(({ name, snapshot, error }) => ({
      ...{ name, error, ready: snapshot?.ready, since: snapshot?.since },
      rows: snapshot?.rows.filter(([second = 0]) => second >= snapshot.now / 1000 - ownSeconds - 1),
    })),
  }
}

/** Counts add up; of times the slowest process counts. */
function addRows(all: readonly Snapshot[]): readonly Row[] {
  if (all.length === 1) return (all[0] as Snapshot).rows
  const bySecond = new Map<number, number[]>()
  for (const row of all.flatMap(({ rows }) => rows)) {
    const sum = bySecond.get(row[0] as number)
    if (!sum) bySecond.set(row[0] as number, [...row])
    else
      for (let at = 1; at <= columns.length; at++) {
        const [one, other] = [sum[at] as number, row[at] as number]
        sum[at] = at <= counted.length ? one + other : Math.max(one, other)
      }
  }
  return [...bySecond.values()].sort((a, b) => (a[0] as number) - (b[0] as number)).slice(-keptSeconds)
}

function sumOf(scale: Scale, all: readonly Sparse[]): Histogram {
  const histogram = new Histogram(scale)
  for (const sparse of all) histogram.addAll(sparse)
  return histogram
}

const timesOf = (histogram: Histogram): Times => ({
  count: histogram.count,
  ...{ p50: histogram.quantile(0.5), p90: histogram.quantile(0.9), p99: histogram.quantile(0.99) },
})

function verbsOf(all: readonly Snapshot[]): View['verbs'] {
  const names = new Set(all.flatMap(({ verbs }) => Object.keys(verbs)))
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      timesOf(
        sumOf(
          milliseconds,
          all.map(({ verbs }) => verbs[name] ?? []),
        ),
      ),
    ]),
  )
}

function commandsOf(all: readonly Snapshot[]): View['commands'] {
  const byKind = Map.groupBy(
    all.flatMap(({ commands }) => commands),
    ({ node, command }) => `${node} ${command}`,
  )
  return [...byKind.values()]
    .map((same) => {
      const [{ node, command }] = same as [Snapshot['commands'][number]]
      return {
        node,
        command,
        ...timesOf(
          sumOf(
            milliseconds,
            same.map(({ times }) => times),
          ),
        ),
      }
    })
    .filter(({ count }) => count > 0)
    .sort((a, b) => a.node.localeCompare(b.node) || a.command.localeCompare(b.command))
}

function nodesOf(all: readonly Snapshot[], commands: View['commands']): readonly NodeView[] {
  const byNode = Map.groupBy(
    all.flatMap(({ nodes }) => nodes),
    ({ node }) => node,
  )
  const views = [...byNode.values()].map((seen): NodeView => {
    // Whoever has trouble with it tells more of what is wrong.
    const worst = seen.find(({ up }) => !up) ?? seen.find(({ outMs }) => outMs !== undefined) ?? seen[0]
    return { ...(worst as NodeHealth), upIn: seen.filter(({ up }) => up).length, knownIn: seen.length }
  })
  const items = views.reduce((sum, view) => sum + (view.items ?? 0), 0)
  const asked = commands.reduce((sum, { count }) => sum + count, 0)
  return views.map((view) => {
    const own = commands.filter(({ node }) => node === view.node).reduce((sum, { count }) => sum + count, 0)
    return {
      ...view,
      itemShare: items > 0 && view.items !== undefined ? view.items / items : undefined,
      commandShare: asked > 0 ? own / asked : undefined,
    }
  })
}
