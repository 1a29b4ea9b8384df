import type { Claim } from '../claim/token.ts'
import { StoreUnavailableError } from '../errors.ts'
import { bound, enlist } from './binding.ts'
import { conflict, dataToWrite, newer } from './conflict.ts'
import type { Entered } from './exchange.ts'
import type { Ended, Found } from './loaded.ts'
import type { RequestState } from './state.ts'
import { renewedTimes } from './times.ts'
import { type Created, create, rewrite, supersedeOld, undo } from './write.ts'

/** A login starts again from a newer record this often, within `requestMs`: parallel writes must not fail it, an endless stream may. */
const maxRegenerations = 16

/** The new session has taken the place of the old one. */
export interface Superseded {
  readonly status: 'superseded'
  readonly created: Created
  readonly entered: Entered
  readonly attempts: number
}

/**
 * A new session under a fresh id, which supersedes the old one; or that the old one has ended, and then there is no new one.
 *
 * Where this fails nothing of it is left: not the new session, and not the old one where it is superseded on one of its copies. Then
 * it is an outage, whatever it was that failed: all other errors say that nothing was written.
 */
export async function supersede(state: RequestState, claim: Claim, from: Found): Promise<Superseded | Ended> {
  const begun: Claim[] = []
  const takeBack = () => Promise.all(begun.map((ended) => undo(state, ended)))
  try {
    const result = await attempt(state, claim, from, begun)
    if (result.status !== 'superseded') await takeBack()
    return result
  } catch (error) {
    await takeBack()
    throw begun.includes(claim) ? asOutage(state, error) : error
  }
}

function asOutage(state: RequestState, error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error
  state.emit?.({ type: 'unavailable' })
  return new StoreUnavailableError('a login failed when it had begun to end the old session', { cause: error })
}

/** `begun` collects the sessions that must be ended where this fails. */
async function attempt(state: RequestState, claim: Claim, from: Found, begun: Claim[]): Promise<Superseded | Ended> {
  let base = from
  let created: Created | undefined
  let entered: Entered = 'listed'
  for (let attempts = 1; attempts <= maxRegenerations; attempts++) {
    const record = {
      ...base.record,
      ...renewedTimes(state, base.record, state.regenerated),
      ...(await bound(state)),
      data: dataToWrite(state, base),
      commits: '',
    }
    if (created) created = await rewrite(state, created, record, base.revision)
    else {
      created = await create(state, record, Math.max(base.revision, claim.revision))
      begun.push(created.claim)
      entered = await enlist(state, created.claim, claim)
      if (entered === 'ended') return { status: 'absent', reason: 'revoked' }
    }
    const result = await supersedeOld(state, claim, base, created)
    if (result.status === 'stored') return { status: 'superseded', created, entered, attempts }
    const hadBegun = begun.includes(claim)
    if (result.status === 'superseded' && !hadBegun) begun.push(claim)
    const next = await newer(state, claim, result, base, attempts)
    if (next.status === 'found') base = next
    else if (hadBegun) throw new StoreUnavailableError('the old session ended while a login was superseding its copies')
    else return next
  }
  throw conflict(state, 'overtaken')
}
