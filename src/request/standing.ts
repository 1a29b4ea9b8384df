import type { Claim } from '../claim/token.ts'
import type { Exchange, Listing } from './exchange.ts'
import type { Ended, Found } from './loaded.ts'

/** The record of a session with a subject, if its list names it: that is the authority, also where it is not to be found. */
export async function standing(
  exchange: Exchange,
  claim: Claim,
  found: Found,
  listing: Promise<Listing> | undefined,
): Promise<Found | Ended> {
  if (!listing) return { status: 'absent', reason: 'revoked' }
  let { isListed, revision } = await listing
  if (isListed) return found
  // A replica that lags does not know of a login that has just been: older than that, its list cannot tell.
  const since = (found.record.authenticated ?? found.record.created) * 1000
  if ((revision ?? 0) < since) ({ isListed, revision } = await exchange.lists.look(exchange, claim))
  if (isListed) return found
  return revision === undefined
    ? { status: 'absent', reason: 'evicted' }
    : { status: 'gone', revision, reason: 'revoked' }
}
