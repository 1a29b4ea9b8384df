import { refuseUnknown } from './checks.ts'
import { carriedIn, type RequestFrom } from './claim/carrier.ts'
import { claimsIn } from './claim/cookie-claims.ts'
import { signerOf } from './claim/signer.ts'
import type { Claim } from './claim/token.ts'
import type { BadTokenReason } from './events.ts'
import { checkTokenOptions, type SessionOptions, tokenOptions } from './options.ts'

/** The options of the sessions whose cookies are verified: the same values, without a store. */
export type VerifierOptions = Pick<
  SessionOptions,
  'secret' | 'signing' | 'refreshSeconds' | 'namespace' | 'cookie' | 'transport' | 'tokenHeader' | 'onEvent' | 'now'
>

/** What the cookies of a request say of its session, as far as the signature can tell. */
export type VerifiedCookie =
  /** There is no session cookie. */
  | { readonly status: 'absent' }
  /** Nothing there is a token of ours. */
  | { readonly status: 'bad'; readonly reason: BadTokenReason }
  /** Of tokens of several sessions the one issued last: only the store can tell whether another lives. */
  | {
      readonly status: 'valid'
      /** The 8 characters that `session.ref` has for this session. */
      readonly ref: string
      /** When the browser got the cookie: revision of its record, milliseconds since 1970 or a little more. */
      readonly revision: number
      /** The absolute end of the session, seconds since 1970. */
      readonly until: number
      /** The name of its times, of the option `lifetimes`; undefined where it has the default ones. */
      readonly lifetime?: string | undefined
    }

/** Verifies the session cookies in a Cookie header, or the token in the headers of a request. Never throws for what a client sent. */
export type Verifier = (from: RequestFrom) => Promise<VerifiedCookie>

/**
 * Verifies claim checks where there is no store: a Worker at the edge that turns forged cookies away before they cost a request
 * upstream.
 *
 * It knows what the token says and no more: whether the session still lives, only the store can tell. Throws
 * `SessionOptionsError`.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  refuseUnknown(options, tokenOptions, 'option')
  const settings = checkTokenOptions(options)
  const signer = signerOf(settings)
  return async function verify(from) {
    const { cookieHeader } = carriedIn(from, settings.cookie, settings.tokenHeader)
    let reason: BadTokenReason | undefined
    const { found } = await claimsIn(settings.cookie, cookieHeader, signer, (first) => {
      reason ??= first
    })
    // Which of several lives only the store can tell; the one issued last is the one that most likely does.
    const [claim] = found.toSorted((a, b) => b.revision - a.revision)
    if (claim) return told(claim)
    return reason === undefined ? { status: 'absent' } : { status: 'bad', reason }
  }
}

function told({ identity, revision, until, lifetime }: Claim): VerifiedCookie {
  return { status: 'valid', ref: identity.ref, revision, until, ...(lifetime === undefined ? {} : { lifetime }) }
}
