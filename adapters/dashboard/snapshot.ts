import type { NodeHealth } from '../../src/store.ts'
import type { Collector } from './collector.ts'
import type { Row } from './columns.ts'
import type { Commands, CommandTimes } from './commands.ts'
import type { Health } from './health.ts'
import type { Sparse } from './histogram.ts'
import type { Notable } from './notable.ts'

/** What one process tells of itself: everything in it can be added to what others tell. */
export interface Snapshot {
  /** Another format is another number: during a deploy two releases may meet. */
  readonly format: 1
  /** Random, of the process: one that is listed among its own peers is counted once. */
  readonly process: string
  readonly store: string
  /** Milliseconds since 1970, by its own clock: when it began to count, and now. */
  readonly since: number
  readonly now: number
  readonly ready: boolean
  readonly rows: readonly Row[]
  /** In the order of `counted`. */
  readonly totals: readonly number[]
  readonly verbs: Readonly<Record<string, Sparse>>
  readonly commands: readonly CommandTimes[]
  readonly sizes: Sparse
  readonly nodes: readonly NodeHealth[]
  readonly notable: readonly Notable[]
}

/** What a process knows of itself. */
export interface Sources {
  readonly collector: Collector
  readonly commands: Commands
  readonly health: Health
  readonly store: string
  readonly now: () => number
}

/** Tells how this process is now; asks the store for its health. */
export function snapshots({ collector, commands, health, store, now }: Sources): () => Promise<Snapshot> {
  const process = crypto.randomUUID().slice(0, 8)
  const since = now()
  return async () => {
    const { ready, nodes } = await health.ask()
    const { series, notable, sizes } = collector
    return {
      ...{ format: 1, process, store, since, now: now(), ready },
      rows: series.rows(now()),
      totals: [...series.totals],
      verbs: collector.verbs(),
      commands: commands.list(),
      sizes: sizes.toSparse(),
      nodes,
      notable: notable.list,
    }
  }
}
