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
 * The invariants that a history breaks. `mayLose`: the list was lost with all its copies, so sessions may be over; and those that nobody ended
 * come back where a read had found the list on one copy just before, and put it back on the other.
 */
export function checkSubjects({ calls, counts }: SubjectOutcome, mayLose: boolean): ReadonlySet<SubjectViolation> {
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
      if (look.outcome === 'ok' && !mayLose && looks.some((other) => other.outcome === 'dead' && before(other)))
        found.add('came-back')
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
