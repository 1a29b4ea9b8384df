import type { Claim } from '../claim/token.ts'
import { SessionConflictError, SessionGoneError, StoreUnavailableError } from '../errors.ts'
import type { ConflictReason } from '../events.ts'
import type { SessionData } from '../record/journal.ts'
import type { UpdateResult } from '../store.ts'
import { reasonOf } from './absence.ts'
import type { Exchange } from './exchange.ts'
import { openEntry, readRecord } from './load.ts'
import { dataOf, type Ended, type Found } from './loaded.ts'
import type { RequestState } from './state.ts'

type Refused = Extract<UpdateResult, { status: 'missing' | 'conflict' | 'outranked' | 'superseded' }>

/** After a refused write: the newer record, or that the session has ended. Waits a little, so that rivals fall out of step. */
export async function newer(
  exchange: Exchange,
  claim: Claim,
  refused: Refused,
  base: Found,
  attempt: number,
): Promise<Found | Ended> {
  if (refused.status === 'missing') return { status: 'absent' }
  // A read would find the tombstone that this request has set on the first copy.
  const isOwn = refused.status === 'superseded'
  const current = isOwn || (refused.status === 'conflict' && attempt <= 2) ? refused.current : undefined
  if (attempt > 2) await pause(exchange, attempt)
  const loaded = current
    ? await openEntry(exchange, claim, current, performance.now())
    : await readRecord(exchange, claim, base.revision)
  if (loaded.status === 'found' && loaded.revision >= base.revision) return loaded
  return loaded.status === 'found' ? newerOnly(exchange, claim, base) : loaded
}

/** A lagging copy was read: building on it would undo what this request has already seen. */
async function newerOnly(exchange: Exchange, claim: Claim, base: Found): Promise<Found> {
  const again = await readRecord(exchange, claim, base.revision)
  if (again.status === 'found' && again.revision >= base.revision) return again
  throw new StoreUnavailableError('the store returned an older record than before')
}

/** Full jitter: a random part of a window that doubles (4, 8, ... 64 ms). */
function pause(exchange: Exchange, attempt: number): Promise<void> {
  const ms = Math.random() * Math.min(64, 2 ** (attempt + 1))
  return exchange.budget.wait(() => new Promise((wake) => setTimeout(wake, Math.min(ms, exchange.budget.leftMs))))
}

/** A late request of a browser that already has a newer cookie arrives within this time; later ones start anew. */
const goneMs = 5000

/**
 * Whether a session ended a little before this request came. An end in the future was set by a clock that is ahead: it must not keep
 * everybody from beginning anew until then.
 */
export function hasJustEnded(state: RequestState, endedAt: number): boolean {
  return endedAt > state.openedAt - goneMs && endedAt < state.settings.now() + goneMs
}

/** The error for a session that has ended meanwhile. After one that was lost there is nothing to wait for. */
export function gone(state: RequestState, ended: Ended): SessionGoneError {
  state.emit?.({ type: 'gone', reason: reasonOf(state, state.claim, ended) })
  const leftMs = ended.status === 'gone' ? ended.revision + goneMs - state.settings.now() : 0
  return new SessionGoneError('the session has ended meanwhile: it was destroyed, regenerated or lost', {
    retryAfterSeconds: Math.max(1, Math.ceil(leftMs / 1000)),
  })
}

/** The error for a change that does not go together with what another request has done meanwhile. */
export function conflict(state: RequestState, reason: ConflictReason): SessionConflictError {
  state.emit?.({ type: 'conflict', reason })
  return new SessionConflictError(`${conflicts[reason]}: nothing was written, the request may be sent again`)
}

const conflicts = {
  'changed-key': 'another request changed what this one had read',
  overtaken: 'other requests wrote to the session each time this one tried',
  'taken-twice': 'another request has taken what this one took by pull',
} as const

/** The data to write over `base`; throws where a key that this request saw and then changed is not as it was seen. */
export function dataToWrite(state: RequestState, base: Found): SessionData {
  const seen = state.loaded
  // Whoever joins a session has seen another one.
  if (seen && !state.hasJoined && seen !== base && !state.calls.guard.holds(dataOf(seen), base.record.data))
    throw conflict(state, 'changed-key')
  return state.dataOn(base)
}
