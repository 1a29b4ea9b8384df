import type { Awaitable } from '../crypto/contract.ts'
import type { BadTokenReason } from '../events.ts'
import { type Cookie, readCookie } from './cookie.ts'
import type { Signer } from './signer.ts'
import type { Claim } from './token.ts'
import type { TokenReader } from './token-reader.ts'

/** What the session cookies of a request say, as far as signatures can tell. */
export interface Claims<One = Claim> {
  /** Every session that is named; of two tokens of one session the later. */
  readonly found: readonly One[]
  /** Some values were not looked at: there were too many that might have been tokens. */
  readonly overlooked: boolean
  /** A value was no valid token of ours: another application's, perhaps. */
  readonly foreign: boolean
}

/** What tells the session of a claim. */
interface Named {
  readonly identity: { readonly key: string }
  readonly revision: number
}
interface Reading<One> {
  readonly tokens: TokenReader<One>
}

/** Verifying costs CPU, and no browser sends more candidates than this. Remembered tokens cost nothing and do not count. */
const maxMacs = 4

/** Told what is wrong with a cookie; with the `ref` and the subject of its session, where they are known. */
export type OnBad = (reason: BadTokenReason, ref?: string, subject?: string) => void

const none: Claims<never> = { found: [], overlooked: false, foreign: false }

/**
 * Every session that the cookies of a request name, verified, without any store call; none where no cookie is a token of ours.
 *
 * Only what has the shape and the header of a token costs a MAC and counts: a sibling host can set any number of cookies of this
 * name, and must not hide the real one. Such junk is told once per reason.
 */
export function claimsIn<One extends Named>(
  cookie: Pick<Cookie, 'name'>,
  cookieHeader: string | null | undefined,
  signer: () => Awaitable<Reading<One>>,
  onBad: OnBad,
): Awaitable<Claims<One>> {
  const values = readCookie(cookieHeader, cookie.name)
  const [only, another] = values
  if (only === undefined) return none
  const ready = signer()
  const claim = another === undefined && 'tokens' in ready ? ready.tokens.remembered(only) : undefined
  return claim ? { found: [claim], overlooked: false, foreign: false } : verified(values, ready, onBad)
}

async function verified<One extends Named>(
  values: readonly string[],
  signer: Awaitable<Reading<One>>,
  onBad: OnBad,
): Promise<Claims<One>> {
  const { tokens } = await signer
  const macs = { left: maxMacs }
  const reasons: BadTokenReason[] = []
  const latest = new Map<string, One>()
  for (const token of values) {
    const result = await tokens.verify(token, macs)
    if (result.status === 'bad') {
      if (result.reason === 'signature' || !reasons.includes(result.reason))
        onBad(result.reason, result.ref, result.subject)
      reasons.push(result.reason)
    } else if (isLater(result.claim, latest.get(result.claim.identity.key)))
      latest.set(result.claim.identity.key, result.claim)
  }
  const overlooked = reasons.includes('too-many')
  return { found: [...latest.values()], overlooked, foreign: reasons.length > 0 }
}

const isLater = (claim: Named, than: Named | undefined) => than === undefined || than.revision < claim.revision

/** The claim with the last revision that its browser has seen: the token's, or that of a receipt. */
export function withReceipt(
  claim: Claim,
  cookie: Cookie,
  cookieHeader: string | null | undefined,
  { receipts }: Signer,
): Awaitable<Claim> {
  const values = readCookie(cookieHeader, cookie.receiptName)
  if (values.length === 0) return claim
  const revision = receipts.latest(values, claim.identity.key, claim.revision)
  return typeof revision === 'number' ? at(revision, claim) : revision.then((later) => at(later, claim))
}

const at = (revision: number, claim: Claim) => (revision === claim.revision ? claim : { ...claim, revision })
