import type { SubjectRequest } from './plan.ts'

/** One session, from its login on. */
export interface Life {
  readonly login: Call
}

/** One request as its client saw it. */
export interface Call extends Omit<SubjectRequest, 'id' | 'kind'> {
  readonly kind: SubjectRequest['kind'] | 'final'
  readonly called: number
  /** Of a change, whose handler may take its time in between. */
  committed?: number
  returned?: number
  /** `unknown`: 503. `dead`: the session was not there, or had ended. */
  outcome?: 'ok' | 'dead' | 'unknown'
  /** The session that was asked for. */
  life?: Life
  /** A login over it took the place of this one. */
  over?: Life | undefined
}

export type SubjectViolation =
  /** A session was alive, or took a change, after an acknowledged revocation, logout or login over it. */
  | 'admitted'
  /** A session was over although nobody ended it. */
  | 'lost'
  /** Alive after it was seen to be over. */
  | 'came-back'
  /** In the end there are fewer in the list than must live, or more than can. */
  | 'list'

/** What a schedule left behind. */
export interface SubjectOutcome {
  readonly calls: readonly Call[]
  /** How many sessions each process lists in the end. */
  readonly counts: readonly (number | undefined)[]
  /** When the list was lost with all its copies: from then on sessions may be over. */
  readonly lostAt?: number | undefined
  readonly trace: readonly string[]
}

const never = Number.POSITIVE_INFINITY
const isLook = ({ kind }: Call) => kind === 'read' || kind === 'change' || kind === 'final'

/** What may have ended a session, acknowledged or not. */
function endings(calls: readonly Call[], life: Life): readonly Call[] {
  return calls.filter((call) => {
    if (call === life.login) return false
    if (call.kind === 'revoke') return (call.returned ?? never) > life.login.called
    return (call.kind === 'logout' && call.life === life) || (call.kind === 'login-again' && call.over === life)
  })
}

/**
 * When the loss of the list is complete. A request that was under way may have read it on one copy just before, and puts it back on another
 * where it is missing: until then some find it and some do not, and it may stay, as if it had not been lost. That admits nobody who
 * was revoked, as what is put back is the last list that there was.
 */
function lostFor({ calls, lostAt }: SubjectOutcome): number {
  if (lostAt === undefined) return 0
  return Math.max(lostAt, ...calls.filter(({ called }) => called <= lostAt).map(({ returned = never }) => returned))
}

/** The invariants that a history breaks. */
export function checkSubjects(outcome: SubjectOutcome): ReadonlySet<SubjectViolation> {
  const { calls, counts } = outcome
  const mayLose = outcome.lostAt !== undefined
  const isLost = lostFor(outcome)
  const found = new Set<SubjectViolation>()
  const lives = new Set(calls.flatMap(({ life }) => life ?? []))
  for (const life of lives) {
    const looks = calls.filter((call) => call.life === life && isLook(call))
    const ends = endings(calls, life)
    for (const look of looks) {
      const before = (call: Call) => (call.returned ?? never) < look.called
      const beforeCommit = (call: Call) => (call.returned ?? never) < (look.committed ?? look.called)
      // A login and a revocation at the same time come in either order.
      const isOver = (end: Call) =>
        end.outcome === 'ok' && beforeCommit(end) && end.called >= (life.login.returned ?? never)
      if (look.outcome === 'ok' && ends.some(isOver)) found.add('admitted')
      const sawItOver = (other: Call) => other.outcome === 'dead' && other.called >= isLost && before(other)
      if (look.outcome === 'ok' && looks.some(sawItOver)) found.add('came-back')
      const mayBeOver = ends.some((end) => end.called <= (look.returned ?? never))
      if (look.outcome === 'dead' && !mayBeOver && !mayLose) found.add('lost')
    }
  }
  const mustLive = [...lives].filter((life) => endings(calls, life).length === 0).length
  const mayLive = calls.filter(({ kind, outcome }) => kind.startsWith('login') && outcome !== 'dead').length
  for (const count of counts)
    if (count !== undefined && ((count < mustLive && !mayLose) || count > mayLive)) found.add('list')
  return found
}
