import type { AfterLogin, Observed, Outcome } from './history.ts'

/** What must hold for every history, whatever broke meanwhile. */
export type Violation =
  /** I1: an acknowledged append is missing from a later read, or is there twice. */
  | 'lost-write'
  | 'double-write'
  /** A write that was refused with 409 was applied. */
  | 'refused-write'
  /** I2, I5: a later read does not continue an earlier one. */
  | 'time-travel'
  /** I3: alive after an acknowledged destroy or regenerate, or after somebody was told that it has ended. */
  | 'resurrection'
  /** I4: another's data. */
  | 'foreign-data'
  /** Gone although nobody ended it. */
  | 'lost-session'
  /** One session's data was taken along by two logins. */
  | 'two-logins'
  /** The session after an acknowledged login is not there, or lacks an acknowledged append, or has one that was refused. */
  | 'lost-login'
  | 'dropped-by-login'
  | 'refused-write-after-login'

/** Changes the list. */
export const isWrite = ({ kind }: Observed): boolean => kind === 'append' || kind === 'increment'
/** Ends the session under its id. */
export const isEnding = ({ kind }: Observed): boolean => kind === 'destroy' || kind === 'login'

/** From then on it is dead. */
const hasSeenEnd = (request: Observed) => request.outcome === 'dead' || (request.outcome === 'ok' && isEnding(request))

/** The invariants that a history breaks, each once. */
export function check({ history, supersessions, afterLogin }: Outcome): readonly Violation[] {
  const done = history.filter(({ returned }) => returned !== undefined)
  const reads = done.filter(({ kind }) => kind === 'read')
  const acknowledged = done.filter(({ outcome }) => outcome === 'ok')
  const found = new Set<Violation>()
  for (const read of reads) for (const violation of checkRead(read, reads, done, acknowledged)) found.add(violation)
  const wasEnded = history.some(isEnding)
  if (!wasEnded && reads.some(({ outcome }) => outcome === 'dead')) found.add('lost-session')
  // Whoever comes too late begins a session of its own, without the data of the old one.
  if (supersessions > 1) found.add('two-logins')
  for (const end of afterLogin) for (const violation of checkLogin(end, history)) found.add(violation)
  return [...found]
}

/** A session that a login took along ends under its old id, so whatever was acknowledged under that was there before. */
function checkLogin({ login, list }: AfterLogin, history: readonly Observed[]): readonly Violation[] {
  const isOther = (request: Observed) => request !== login && isEnding(request)
  // Also one that never got an answer.
  if (list === undefined) return when('lost-login', login.isGoingOn === true && !history.some(isOther))
  const writes = history.filter(isWrite)
  return [
    ...when('double-write', new Set(list).size < list.length),
    ...when(
      'dropped-by-login',
      writes.some(({ outcome, id }) => outcome === 'ok' && !list.includes(id)),
    ),
    ...when(
      'refused-write-after-login',
      writes.some(({ outcome, id }) => (outcome === 'conflict' || outcome === 'dead') && list.includes(id)),
    ),
  ]
}

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
      done.some((other) => before(other) && hasSeenEnd(other)),
    ),
    ...when('foreign-data', read.owner !== 'alice'),
  ]
}

const when = (violation: Violation, condition: boolean): readonly Violation[] => (condition ? [violation] : [])
