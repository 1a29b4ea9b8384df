import { claimsIn, withReceipt } from '../../src/claim/cookie-claims.ts'
import { signerOf } from '../../src/claim/signer.ts'
import type { Claim } from '../../src/claim/token.ts'
import type { KeySet } from '../../src/crypto/keys.ts'
import type { BadTokenReason } from '../../src/events.ts'
import type { Settings } from '../../src/request/exchange.ts'

/** A session that a cookie names. */
export interface Claimed {
  readonly status: 'valid'
  readonly claim: Claim
  /** The last revision that the browser has seen, by its receipt where it sent one. */
  readonly seen: number
  readonly keys: KeySet
}

/** What a cookie says, as far as signatures can tell. */
export type ClaimedOrBad = Claimed | { readonly status: 'bad'; readonly reason: BadTokenReason | 'absent' }

/** Of several sessions the one issued last: `inspect` shows one. */
export async function claimIn(settings: Settings, cookies: string): Promise<ClaimedOrBad> {
  const signer = signerOf(settings)
  let reason: BadTokenReason | undefined
  const { found } = await claimsIn(settings.cookie, cookies, signer, (first) => {
    reason ??= first
  })
  const [claim] = found.toSorted((a, b) => b.revision - a.revision)
  if (claim === undefined) return { status: 'bad', reason: reason ?? 'absent' }
  const ready = await signer()
  const { revision } = await withReceipt(claim, settings.cookie, cookies, ready)
  return { status: 'valid', claim, seen: revision, keys: ready.keys }
}
