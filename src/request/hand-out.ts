import { serializeCookie } from '../claim/cookie.ts'
import type { Claim } from '../claim/token.ts'
import type { RequestState } from './state.ts'

/** Signs the claim of a session that has begun or got a new id, and makes it the request's own; the Set-Cookie value. */
export async function handOut(state: RequestState, claim: Claim): Promise<string> {
  const { tokens } = await state.signer()
  const { cookie } = state.settings
  state.claim = { ...claim, outdated: undefined, unsent: undefined }
  return serializeCookie(cookie, cookie.name, await tokens.sign(claim), maxAge(state, claim))
}

/**
 * What a change tells its browser: the new revision, by the receipt; the Set-Cookie value.
 *
 * Not by the claim check: sent with every change, a late answer put the dead id back over that of a login beside it (28 % of them at
 * 60 ms of jitter, measured). It is sent again only where it is no longer signed by the first key, or ends at another time.
 */
export async function tell(state: RequestState, claim: Claim, revision: number, until: number): Promise<string> {
  const told = { ...claim, revision, until }
  if (claim.outdated || claim.unsent || claim.until !== until) return handOut(state, told)
  const { receipts } = await state.signer()
  const { cookie } = state.settings
  state.claim = told
  const receipt = await receipts.issue(claim.identity.key, revision)
  return serializeCookie(cookie, cookie.receiptName, receipt, maxAge(state, told))
}

/** Undefined where the cookie ends with the browser. */
function maxAge(state: RequestState, { until, lifetime }: Claim): number | undefined {
  return state.timesOf(lifetime).persistent ? until - state.settings.now() / 1000 : undefined
}
