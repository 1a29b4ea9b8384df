import { Lineage } from './lineage.ts'
import type { Look, Visit } from './visits.ts'

/** What must never be seen, whatever the weather. */
export type Violation =
  /** Acknowledged, and missing from a later look at the session or at the one it became by logging in. */
  | 'lost-write'
  | 'double-write'
  /** Refused with 409, and there. */
  | 'refused-write'
  /** Of a session that this one does not come from. */
  | 'foreign-data'
  /** Seen once, and missing from a later look at the same live session. */
  | 'flicker'
  /** Alive after it had ended, or after it was once not there. */
  | 'resurrection'
  /** Not there, though nobody ever tried to end it. */
  | 'lost-session'
  /** Two logins took the same session over. */
  | 'two-logins'
  /** An answer that came late gave the browser an ended session back. */
  | 'undone-login'
  /** Unavailable long after the weather was good again. */
  | 'not-recovered'
  | 'strange-answer'

/** A violation, and the visits that show it. */
export interface Finding {
  readonly violation: Violation
  readonly visits: readonly number[]
}

/** Holds what the visitors saw against what was promised. `calmAt`: from then on every request must succeed. */
export function judge(visits: readonly Visit[], calmAt: number): readonly Finding[] {
  const lineage = new Lineage(visits)
  return visits.flatMap((visit) => [
    ...judgeAnswer(lineage, visit, calmAt),
    ...(visit.look && visit.from ? judgeLook(lineage, visit, visit.from, visit.look) : []),
  ])
}

function judgeAnswer(lineage: Lineage, visit: Visit, calmAt: number): Finding[] {
  const { id, kind, from, to, outcome, called, jar } = visit
  const isLost = outcome === 'gone' || (to !== undefined && kind !== 'login' && to !== from)
  const wentBack = jar !== undefined && jar.after !== jar.before && jar.after !== undefined
  const rivals = lineage.takeovers(from).filter((login) => login !== visit)
  return [
    ...when('strange-answer', outcome?.startsWith('strange') ?? true, id),
    ...when('not-recovered', called > calmAt && outcome === 'unknown', id),
    ...when('lost-session', isLost && from !== undefined && !lineage.mayHaveEnded(from, visit.returned), id),
    ...when('resurrection', to !== undefined && to === from && lineage.isDeadAt(from, called), id),
    ...when('undone-login', wentBack && lineage.isEndedAt(jar.after, visit.returned ?? 0), id),
    ...when('two-logins', lineage.takeovers(from).includes(visit) && rivals.length > 0, id, ...rivals.map(idOf)),
  ]
}

function judgeLook(lineage: Lineage, visit: Visit, ref: string, look: Look): Finding[] {
  const { id } = visit
  if (look.data === undefined) return when('lost-session', !lineage.mayHaveEnded(ref, look.answered), id)
  const { list = [], user } = look.data
  const origins = lineage.idsIn(look).map((held) => lineage.visit(held))
  const refused = origins.filter(({ outcome }) => outcome === 'conflict' || outcome === 'gone')
  const foreign = origins.filter((origin) => !lineage.mayHold(ref, origin))
  const lost = lineage.expected(ref, look).filter(({ id, kind, tab }) => {
    if (kind === 'append') return !list.includes(id)
    return kind === 'set' ? (look.data?.[`own${tab}`] ?? 0) < id : user !== id
  })
  const flicker = lineage.earlierLooks(ref, look).filter((earlier) => !continues(earlier, look))
  return [
    ...when('double-write', new Set(list).size < list.length, id),
    ...when('refused-write', refused.length > 0, id, ...refused.map(idOf)),
    ...when('foreign-data', foreign.length > 0, id, ...foreign.map(idOf)),
    ...when('lost-write', lost.length > 0, id, ...lost.map(idOf)),
    ...when('flicker', flicker.length > 0, id),
    ...when('resurrection', lineage.isDeadAt(ref, look.asked), id),
  ]
}

/** A list only grows at its end, and other keys only move on. */
function continues(earlier: Look, later: Look): boolean {
  const [before, after] = [earlier.data ?? {}, later.data ?? {}]
  return Object.entries(before).every(([key, value]) => {
    const now = after[key as keyof typeof after]
    if (Array.isArray(value)) return value.every((id, at) => (now as readonly number[] | undefined)?.[at] === id)
    return Number(now ?? 0) >= Number(value)
  })
}

const idOf = ({ id }: Visit) => id

function when(violation: Violation, condition: boolean, ...visits: number[]): Finding[] {
  return condition ? [{ violation, visits }] : []
}
