import type { Observed, Outcome } from './simulate.ts'

/** What must hold for every history, whatever broke meanwhile. */
export type Violation =
  /** I1: an acknowledged append is missing from a later read, or is there twice. */
  | 'lost-write'
  | 'double-write'
  /** A write that was refused with 409 was applied. */
  | 'refused-write'
  /** I2, I5: a later read does not continue an earlier one. */
  | 'time-travel'
  /** I3: alive after an acknowledged destroy or regenerate. */
  | 'resurrection'
  /** I4: another's data. */
  | 'foreign-data'
  /** Gone although nobody ended it. */
  | 'lost-session'
  | 'two-logins'

const isWrite = ({ kind }: Observed) => kind === 'append' || kind === 'increment'
const isEnding = ({ kind }: Observed) => kind === 'destroy' || kind === 'login'

/** The invariants that a history breaks, each once. */
export function check({ history, liveLogins }: Outcome): readonly Violation[] {
  const done = history.filter(({ returned }) => returned !== undefined)
  const reads = done.filter(({ kind }) => kind === 'read')
  const acknowledged = done.filter(({ outcome }) => outcome === 'ok')
  const found = new Set<Violation>()
  for (const read of reads) for (const violation of checkRead(read, reads, done, acknowledged)) found.add(violation)
  const wasEnded = history.some(isEnding)
  if (!wasEnded && reads.some(({ outcome }) => outcome === 'dead')) found.add('lost-session')
  const wins = acknowledged.filter(({ kind }) => kind === 'login')
  const wasDestroyed = history.some(({ kind }) => kind === 'destroy')
  const startedNew = wins.length > 1 && liveLogins > 1 && !wasDestroyed
  if (startedNew && !areFarApart(wins)) found.add('two-logins')
  return [...found]
}

/** 5 s after an old id ended, its cookie may start a new session: no second winner. Clocks differ by up to 600 ms. */
const areFarApart = (wins: readonly Observed[]) => wins.some((win) => win.called - (wins[0] as Observed).called > 4300)

function checkRead(
  read: Observed,
  reads: readonly Observed[],
  done: readonly Observed[],
  acknowledged: readonly Observed[],
): readonly Violation[] {
  const list = read.list
  if (read.outcome !== 'ok' || !list) return []
  const before = ({ returned = Number.POSITIVE_INFINITY }: Observed) => returned < read.called
  const earlier = reads.filter((other) => other.list && before(other))
  const continues = (other: Observed) => (other.list ?? []).every((id, at) => list[at] === id)
  return [
    ...when('double-write', new Set(list).size < list.length),
    ...when(
      'lost-write',
      acknowledged.some((write) => isWrite(write) && before(write) && !list.includes(write.id)),
    ),
    ...when(
      'refused-write',
      done.some((write) => isWrite(write) && write.outcome === 'conflict' && list.includes(write.id)),
    ),
    ...when('time-travel', !earlier.every(continues)),
    ...when(
      'resurrection',
      acknowledged.some((end) => isEnding(end) && before(end)),
    ),
    ...when('foreign-data', read.owner !== 'alice'),
  ]
}

const when = (violation: Violation, condition: boolean): readonly Violation[] => (condition ? [violation] : [])
