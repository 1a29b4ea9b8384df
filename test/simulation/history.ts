import { SessionConflictError, SessionGoneError, StoreUnavailableError } from '../../src/index.ts'
import type { PlannedRequest } from './plan.ts'

/** One request as its client saw it; without `returned` it never got an answer. */
export interface Observed extends PlannedRequest {
  readonly called: number
  returned?: number
  /** `dead`: the session was not there. `unknown`: 503. */
  outcome?: 'ok' | 'dead' | 'conflict' | 'unknown'
  list?: readonly number[]
  owner?: string
  /** Of a login: it went on with the session that was there. */
  isGoingOn?: boolean
}

/** The end of one login's session, in the eyes of one process; without a list it is not there, or began anew. */
export interface AfterLogin {
  readonly login: Observed
  readonly list: readonly number[] | undefined
}

/** What a schedule left behind. */
export interface Outcome {
  readonly history: readonly Observed[]
  /** Logins that were answered and took the data of the old session along. */
  readonly supersessions: number
  /** What the session of each acknowledged login holds in the end, as each process sees it. */
  readonly afterLogin: readonly AfterLogin[]
  readonly trace: readonly string[]
}

/** What a client makes of an error. */
export function outcomeOf(error: unknown): 'conflict' | 'dead' | 'unknown' {
  if (error instanceof SessionConflictError) return 'conflict'
  if (error instanceof SessionGoneError) return 'dead'
  if (error instanceof StoreUnavailableError) return 'unknown'
  throw error
}
