import type { Claim } from '../claim/token.ts'
import type { AbsentReason, BadTokenReason } from '../events.ts'
import type { Exchange } from './exchange.ts'
import type { Ended } from './loaded.ts'

/** A store may end an entry this much before its time: memcached counts whole seconds. */
const tickMs = 1000

/** What is wrong with a cookie of the session's name. */
export interface BadCookie {
  readonly reason: BadTokenReason
  readonly ref: string | undefined
  readonly subject: string | undefined
}

/** The load of a request whose cookies name no session: it costs no call. */
export function withoutClaim(exchange: Exchange, bad: BadCookie | undefined): Ended {
  const reason = bad === undefined ? 'never-stored' : bad.reason === 'expired' ? 'absolute' : 'refused'
  exchange.emit?.({ type: 'load', hit: false, reason }, bad?.ref, bad?.subject)
  return { status: 'absent', reason }
}

/**
 * Why a session is not there.
 *
 * Where nothing is stored, the claim says when its browser last saw a change, by the revision of token or receipt. An idle time counts
 * from the last use, so less than that ago nothing but the store can have ended it: that is sure, as far as clocks agree. Longer ago
 * it has most likely been idle; reads leave no trace in a cookie, so a session that was only read since may have been lost as well.
 */
export function reasonOf(exchange: Exchange, claim: Claim | undefined, ended: Ended): AbsentReason {
  if (ended.reason !== undefined) return ended.reason
  if (!claim) return 'never-stored'
  const idleMs = exchange.timesOf(claim.lifetime).recordSeconds * 1000
  return exchange.settings.now() - claim.revision < idleMs - tickMs ? 'evicted' : 'idle'
}
