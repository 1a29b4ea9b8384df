import type { SessionEvent } from '../../src/events.ts'
import { outcomes } from './columns.ts'
import { Histogram, milliseconds, RecentHistogram, recordBytes, type Sparse } from './histogram.ts'
import { NotableEvents, notableOf } from './notable.ts'
import { Series } from './series.ts'

/** What a request did with its session. */
export type Verb = 'load' | (typeof outcomes)[number]
const verbs: readonly Verb[] = ['load', ...outcomes]

/** What is known of the sessions of this process, in a size that does not grow. Told every event. */
export class Collector {
  readonly series: Series = new Series()
  readonly notable: NotableEvents = new NotableEvents()
  /** Bytes of the records that were written, since the start. */
  readonly sizes: Histogram = new Histogram(recordBytes)
  readonly #verbs: ReadonlyMap<Verb, RecentHistogram> = new Map(
    verbs.map((verb) => [verb, new RecentHistogram(milliseconds)]),
  )
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  readonly handle = (event: SessionEvent): void => {
    const now = this.#now()
    if (event.type === 'load') this.#countLoad(event, now)
    else if (event.type === 'commit') this.#countCommit(event, now)
    else this.series.count(event.type, now)
    const notable = notableOf(event, now)
    if (notable) this.notable.note(notable)
  }

  verbs(): Readonly<Record<string, Sparse>> {
    const now = this.#now()
    return Object.fromEntries([...this.#verbs].map(([verb, histogram]) => [verb, histogram.toSparse(now)]))
  }

  #countLoad(event: SessionEvent & { readonly type: 'load' }, now: number): void {
    this.series.count(`load:${event.hit ? 'hit' : event.reason}`, now)
    // A visitor without a session asked nothing of the store.
    if ((event.roundTrips ?? 0) > 0) this.#time('load', 'load', event.durationMs, now)
  }

  #countCommit(event: SessionEvent & { readonly type: 'commit' }, now: number): void {
    const { outcome, bytes, durationMs } = event
    this.series.count(`commit:${outcome}`, now)
    this.#time('commit', outcome, durationMs, now)
    if (outcome !== 'destroyed') this.sizes.add(bytes)
  }

  #time(what: 'load' | 'commit', verb: Verb, ms: number | undefined, now: number): void {
    if (ms === undefined) return
    this.series.took(what, ms, now)
    this.#verbs.get(verb)?.add(ms, now)
  }
}
