import { SessionConflictError, SessionGoneError, StoreUnavailableError } from './errors.ts'
import { openEntry, readRecord } from './reading.ts'
import type { Found, RequestState } from './request.ts'
import type { UpdateResult } from './store.ts'
import type { Claim } from './token.ts'

type Refused = Extract<UpdateResult, { status: 'missing' | 'conflict' | 'outranked' }>

/** After a refused write: the newer record, or the end of the matter. Waits a little, so that rivals fall out of step. */
export async function newer(
  state: RequestState,
  claim: Claim,
  refused: Refused,
  base: Found,
  attempt: number,
): Promise<Found> {
  if (refused.status === 'missing') throw gone(state)
  const current = refused.status === 'conflict' && attempt <= 2 ? refused.current : undefined
  if (attempt > 2) await pause(state, attempt)
  const loaded = current
    ? await openEntry(state, claim, current, performance.now())
    : await readRecord(state, claim, base.revision)
  if (loaded.status === 'found' && loaded.revision >= base.revision) return loaded
  if (loaded.status === 'found') return newerOnly(state, claim, base)
  throw gone(state)
}

/** A lagging copy was read: building on it would undo what this request has already seen. */
async function newerOnly(state: RequestState, claim: Claim, base: Found): Promise<Found> {
  const again = await readRecord(state, claim, base.revision)
  if (again.status === 'found' && again.revision >= base.revision) return again
  throw new StoreUnavailableError('the store returned an older record than before')
}

/** Full jitter: a random part of a window that doubles (4, 8, ... 64 ms). */
function pause(state: RequestState, attempt: number): Promise<void> {
  const ms = Math.random() * Math.min(64, 2 ** (attempt + 1))
  return new Promise((wake) => setTimeout(wake, Math.min(ms, state.budget.leftMs)))
}

/** The session that was to be written has ended meanwhile. */
export function gone(state: RequestState): SessionGoneError {
  state.emit({ type: 'gone' })
  return new SessionGoneError('the session has ended meanwhile: it was destroyed, regenerated or lost')
}

/** What this request had read and changed is not as it was. */
export function conflict(state: RequestState): SessionConflictError {
  state.emit({ type: 'conflict' })
  return new SessionConflictError('another request changed what this one had read: nothing was written')
}
