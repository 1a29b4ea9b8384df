import type { Context } from './context.ts'
import { readCookie } from './cookie.ts'
import type { BadTokenReason, Claim } from './token.ts'

/**
 * Every session that the cookies of a request name, verified, without any store call; none where no cookie is a token of ours.
 *
 * Of two tokens of one session the later counts: a cookie whose path was changed is sent beside its successor.
 */
export async function claimsIn(
  cookieName: string,
  cookieHeader: string | null | undefined,
  context: () => Promise<Context>,
  onBad: (reason: BadTokenReason) => void,
): Promise<readonly Claim[]> {
  const candidates = readCookie(cookieHeader, cookieName)
  if (candidates.length === 0) return []
  const { tokens } = await context()
  const latest = new Map<string, Claim>()
  for (const token of candidates) {
    const result = await tokens.verify(token)
    if (result.status === 'bad') onBad(result.reason)
    else if (isLater(result.claim, latest.get(result.claim.identity.key)))
      latest.set(result.claim.identity.key, result.claim)
  }
  return [...latest.values()]
}

const isLater = (claim: Claim, than: Claim | undefined) => than === undefined || than.revision < claim.revision
