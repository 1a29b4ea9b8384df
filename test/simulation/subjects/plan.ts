import { type FaultClass, faultClasses } from '../faults.ts'
import { makePlan, type Plan } from '../plan.ts'
import { seededRandom } from '../virtual-time.ts'

/** As for one session, and what memory pressure does: the list is gone, from one copy or from all. */
export type SubjectFault = FaultClass | 'evict' | 'evict-all'
export const subjectFaults: readonly SubjectFault[] = [...faultClasses, 'evict', 'evict-all']

export type SubjectKind = 'login' | 'login-again' | 'read' | 'change' | 'logout' | 'revoke'

export interface SubjectRequest {
  readonly id: number
  readonly kind: SubjectKind
  readonly process: number
  readonly at: number
  /** Milliseconds between reading and committing. */
  readonly think: number
  /** Which of the sessions there are. */
  readonly pick: number
}

export interface SubjectPlan extends Omit<Plan, 'requests'> {
  readonly requests: readonly SubjectRequest[]
  /** When the list is evicted, and from which copies. */
  readonly evictions: readonly { readonly at: number; readonly nodes: readonly number[] }[]
}

const kinds: readonly SubjectKind[] = [
  ...(['login', 'login', 'login-again', 'read', 'read', 'read'] as const),
  ...(['change', 'change', 'logout', 'revoke', 'revoke'] as const),
]

/** A seeded schedule; two sessions exist and are calm at time 0. */
export function makeSubjectPlan(seed: number, fault: SubjectFault): SubjectPlan {
  const isEviction = fault === 'evict' || fault === 'evict-all'
  // As for an import, of one copy at a time: a list is written as often. Where all copies lose answers, two writers soon acknowledge past
  // opposite ones, and of the two lists the lower one is lost: a login in 43 of 10,000 schedules, a revocation in one.
  const plan = makePlan(seed, isEviction ? 'crowd' : fault, fault === 'lose' ? 'import' : 'mix')
  const random = seededRandom(seed * 104_729 + 7)
  const usual = plan.requests.filter(({ id }) => id < 1000)
  const requests = usual.flatMap(({ process, at, think }, nth): SubjectRequest[] => {
    const draw = () => kinds[Math.floor(random() * kinds.length)] as SubjectKind
    const one = (id: number, later: number): SubjectRequest => {
      return { id, kind: draw(), process, at: at + later, think, pick: Math.floor(random() * 1000) }
    }
    // Twice as many as for one session: there is more that can meet.
    return [one(2 * nth + 1, 0), one(2 * nth + 2, Math.floor(random() * 300))]
  })
  const at = Math.floor(random() * 1200)
  const evictions = isEviction ? [{ at, nodes: fault === 'evict' ? [Math.floor(random() * 2)] : [0, 1, 2] }] : []
  return { ...plan, requests, evictions }
}
