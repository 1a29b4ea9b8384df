import { encodeBase64url } from '../crypto/base64url.ts'
import type { KeySet, TokenKey } from '../crypto/keys.ts'
import { type Identity, identify } from './identity.ts'
import { createTokenReader, type TokenReader, type VerificationOf } from './token-reader.ts'

/** The verified contents of a token: whose session, the revision its browser last saw, and when it ends for good. */
export interface Claim {
  readonly identity: Identity
  readonly revision: number
  /** Seconds since 1970: the absolute end of the record. */
  readonly until: number
  /** The name of its subject, a keyed hash: which list says that the session lives. */
  readonly subject?: string | undefined
  /** The name of its times, where they are not the default ones: a read slides the expiry before the record is known. */
  readonly lifetime?: string | undefined
  /** Its token was verified for this request, not remembered from one before: its record is then not remembered, since most such come once. */
  readonly unseen?: true | undefined
  /** Not a session, but the list of those of a subject. No token says so. */
  readonly isList?: true | undefined
  /** Signed by a key that is not the first: the next commit that writes sends the token again. */
  readonly outdated?: true | undefined
  /** Found by the cookie of another library: the browser has no token yet, so the next answer carries it. */
  readonly unsent?: true | undefined
}

export type Verification = VerificationOf<Claim>

/** Signs and verifies the tokens of one namespace. */
export interface Tokens extends TokenReader<Claim> {
  sign(claim: Claim): Promise<string>
}

type Issued = Claim & { readonly issued: number }

/** Compact JWS: HS256 under the secret, or ES256 and EdDSA under keys of their own. Any key of the set verifies. */
export function createTokens(keys: KeySet, namespace: string, now: () => number): Tokens {
  const reader = createTokenReader<TokenKey, Issued>(
    (header) => keys.byHeader.get(header),
    namespace,
    now,
    async ({ id, ...rest }, key) => {
      const outdated = key === keys.signer ? undefined : (true as const)
      return { ...rest, outdated, identity: await identify(id, namespace, keys) }
    },
  )
  return { ...reader, sign: (claim) => signClaim(keys.signer, namespace, claim, now()) }
}

async function signClaim(key: TokenKey, namespace: string, claim: Claim, now: number): Promise<string> {
  const claims = {
    sid: encodeBase64url(claim.identity.id),
    rev: claim.revision,
    iat: Math.floor(now / 1000),
    exp: claim.until,
    aud: namespace,
    // JSON leaves out what is undefined.
    sub: claim.subject,
    lifetime: claim.lifetime,
  }
  return await key.signing.sign(key.header, JSON.stringify(claims))
}
