import { type Buckets, quantile, type Sample, samplesOf } from './prometheus.ts'

/** Counters of the application's processes together, since they started. */
export interface Counters {
  /** Loads by what came of them: `hit`, or the reason why there was no session. */
  readonly loads: ReadonlyMap<string, number>
  readonly commits: ReadonlyMap<string, number>
  /** How long loads took, in seconds. */
  readonly durations: Buckets
}

/** What happened between two looks, per second. */
export interface Rates {
  readonly loads: number
  /** Of the requests that named a session, those that found it; undefined where there were none. */
  readonly hitRatio: number | undefined
  readonly losses: ReadonlyMap<string, number>
  /** Loads that the store did not answer: 503. */
  readonly unavailable: number
  readonly commits: ReadonlyMap<string, number>
  readonly p50Ms: number | undefined
  readonly p99Ms: number | undefined
}

const patienceMs = 2000
/** A visitor without a session, or with a cookie that is none of ours, has lost nothing; nor has one who is told to come again. */
const noLosses: ReadonlySet<string> = new Set(['never-stored', 'refused', 'unavailable'])

/** Asks one process; undefined where it does not answer, or has no such metrics. */
export async function countersAt(url: string, signal: AbortSignal): Promise<Counters | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) })
    if (!response.ok) return undefined
    const samples = samplesOf(await response.text())
    return samples.some(({ name }) => name.startsWith('claimcheck_')) ? countersOf(samples) : undefined
  } catch {
    return undefined
  }
}

/** OpenTelemetry's exporter for JavaScript leaves the unit out of the name, its Collector puts it in. */
const durationBucket = /^claimcheck_session_operation_duration(?:_seconds)?_bucket$/

function countersOf(samples: readonly Sample[]): Counters {
  return {
    loads: summed(samples, /^claimcheck_session_loads_total$/, ({ claimcheck_load_outcome: outcome }) =>
      wordOf(outcome),
    ),
    commits: summed(samples, /^claimcheck_session_commits_total$/, ({ claimcheck_commit_outcome: outcome }) =>
      wordOf(outcome),
    ),
    durations: summed(samples, durationBucket, (labels) =>
      labels.claimcheck_operation_name === 'load' && labels.le !== undefined
        ? Number(labels.le.replace('+Inf', 'Infinity'))
        : undefined,
    ),
  }
}

/** Outcomes and reasons are words of closed lists; whatever else an endpoint says is not counted and not shown. */
const wordOf = (text: string | undefined) => (text && /^[a-z][a-z-]{0,30}$/.test(text) ? text : undefined)

/** By a label, over all others. */
function summed<Key>(samples: readonly Sample[], name: RegExp, keyOf: (labels: Sample['labels']) => Key | undefined) {
  const sums = new Map<Key, number>()
  for (const one of samples) {
    const key = name.test(one.name) ? keyOf(one.labels) : undefined
    if (key !== undefined) sums.set(key, (sums.get(key) ?? 0) + one.value)
  }
  return sums
}

/** From one look to the next of one process. A counter that has fallen began anew with its process. */
export function grownSince(before: Counters, after: Counters): Counters {
  const isNew = total(after.loads) < total(before.loads) || total(after.commits) < total(before.commits)
  const grown = <Key>(from: ReadonlyMap<Key, number>, to: ReadonlyMap<Key, number>) =>
    new Map([...to].map(([key, value]) => [key, isNew ? value : Math.max(value - (from.get(key) ?? 0), 0)]))
  return {
    loads: grown(before.loads, after.loads),
    commits: grown(before.commits, after.commits),
    durations: grown(before.durations, after.durations),
  }
}

const total = (counts: ReadonlyMap<unknown, number>) => [...counts.values()].reduce((sum, one) => sum + one, 0)

/** Several processes as one. */
export function ratesOf(grown: readonly Counters[], seconds: number): Rates {
  const loads = together(grown.map((one) => one.loads))
  const losses = new Map([...loads].filter(([outcome]) => outcome !== 'hit' && !noLosses.has(outcome)))
  const [hits, lost] = [loads.get('hit') ?? 0, total(losses)]
  const durations = together(grown.map((one) => one.durations))
  const ms = (share: number) => {
    const found = quantile(durations, share)
    return found === undefined ? undefined : found * 1000
  }
  const perSecond = (counts: ReadonlyMap<string, number>) =>
    new Map([...counts].map(([key, value]) => [key, value / seconds]))
  return {
    loads: total(loads) / seconds,
    hitRatio: hits + lost > 0 ? hits / (hits + lost) : undefined,
    losses: perSecond(losses),
    unavailable: (loads.get('unavailable') ?? 0) / seconds,
    commits: perSecond(together(grown.map((one) => one.commits))),
    p50Ms: ms(0.5),
    p99Ms: ms(0.99),
  }
}

function together<Key>(all: readonly ReadonlyMap<Key, number>[]): Map<Key, number> {
  const sums = new Map<Key, number>()
  for (const counts of all) for (const [key, value] of counts) sums.set(key, (sums.get(key) ?? 0) + value)
  return sums
}
