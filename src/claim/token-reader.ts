import { crypto } from '#crypto'
import { isLifetime } from '../checks.ts'
import { decodeBase64url } from '../crypto/base64url.ts'
import type { Awaitable } from '../crypto/contract.ts'
import type { BadTokenReason } from '../events.ts'
import { createTokenCache, ownText } from './token-cache.ts'

/** What a token says. */
export interface TokenClaims {
  readonly id: Uint8Array
  readonly revision: number
  /** Seconds since 1970. */
  readonly issued: number
  /** Seconds since 1970. */
  readonly until: number
  readonly subject: string | undefined
  readonly lifetime: string | undefined
}

/** The part of a key that checks a signature. */
export interface Checking {
  readonly signing: { verify(token: string): Awaitable<boolean> }
}

/** What is judged on every use. */
interface Timed extends Pick<TokenClaims, 'issued' | 'until'> {
  readonly subject?: string | undefined
  readonly identity: { readonly ref?: string | undefined }
}
/** Of one that has expired it is known whose it was. */
interface Bad {
  readonly status: 'bad'
  readonly reason: BadTokenReason
  readonly ref: string | undefined
  readonly subject?: string | undefined
}

/** How a token turned out. */
export type VerificationOf<One> = { readonly status: 'valid'; readonly claim: One } | Bad

/** Verifies the tokens of one namespace. */
export interface TokenReader<One> {
  /** Each MAC that is computed is taken off `macs`; a token that is remembered needs none. */
  verify(token: string, macs?: { left: number }): Promise<VerificationOf<One>>
  /** What a token says that was verified before and is valid still: most of them were, so a request need not wait for it. */
  remembered(token: string): One | undefined
}

/** A token of ours is under 450 characters; with the longest namespace and a subject still far below this. */
const maxTokenLength = 1024
/** RFC 7519 section 4.1.4 allows a small leeway for clocks: 60 s ahead for `iat`, none for `exp`. */
const leewaySeconds = 60
const maxRevision = 2 ** 48 - 1

/** A signature has 32 bytes (HS256), or 64 (ES256 and EdDSA). */
const shape = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43}(?:[A-Za-z0-9_-]{43})?)$/
/** Its last letter has bits left over, which are 0: 2 behind 32 bytes, 4 behind 64. */
const canonical = /^(?:.{42}[AEIMQUYcgkosw048]|.{85}[AQgw])$/

/**
 * Compact JWS (RFC 7515), more strictly than the standard asks: ONE exact protected header per key, looked up and never parsed;
 * canonical base64url; exact claims. So no header can choose anything.
 *
 * `complete` makes of the claims what a caller needs; it is asked once for each token that is remembered.
 */
export function createTokenReader<Key extends Checking, One extends Timed>(
  keyOf: (encodedHeader: string) => Key | undefined,
  namespace: string,
  now: () => number,
  complete: (claims: TokenClaims, key: Key) => Awaitable<One>,
): TokenReader<One> {
  const memory = createTokenCache<One>()

  async function verify(token: string, macs = { left: 1 }): Promise<VerificationOf<One>> {
    const known = memory.get(token)
    if (known) return judge(known, now())
    if (token.length > maxTokenLength) return bad('malformed')
    const parts = shape.exec(token)
    if (!parts) return bad('malformed')
    const [, header, payload, signature] = parts as unknown as [string, string, string, string]
    const key = keyOf(header)
    if (!key) return bad('unknown-key')
    const text = crypto.decodeText(payload)
    if (text === undefined || !canonical.test(signature)) return bad('malformed')
    if (macs.left-- <= 0) return bad('too-many')
    if (!(await key.signing.verify(token))) return bad('signature')
    const claims = parseClaims(text, namespace)
    if (!claims) return bad('claims')
    const one = await complete(claims, key)
    memory.set(ownText(token), one)
    return judge({ ...one, unseen: true }, now())
  }

  function remembered(token: string): One | undefined {
    const known = memory.get(token)
    return known && judge(known, now()).status === 'valid' ? known : undefined
  }

  return { verify, remembered }
}

const bad = (reason: BadTokenReason, ref?: string, subject?: string): Bad => ({ status: 'bad', reason, ref, subject })

/** Time is judged on every use, also of a remembered token (GHSA-x937: a cache that outlived `exp`). */
function judge<One extends Timed>(claim: One, now: number): VerificationOf<One> {
  const seconds = now / 1000
  if (claim.issued > seconds + leewaySeconds) return bad('claims')
  return claim.until > seconds ? { status: 'valid', claim } : bad('expired', claim.identity.ref, claim.subject)
}

/** The claims, only if the text is exactly what signing would write: no other member, order, spelling or number form. */
function parseClaims(text: string, namespace: string): TokenClaims | undefined {
  try {
    const { sid, rev, iat, exp, aud, sub, lifetime } = JSON.parse(text)
    if (JSON.stringify({ sid, rev, iat, exp, aud, sub, lifetime }) !== text) return undefined
    const id = typeof sid === 'string' ? decodeBase64url(sid) : undefined
    const numbers = isWhole(rev, maxRevision) && isWhole(iat) && isWhole(exp)
    if (id?.length !== 32 || !numbers || aud !== namespace) return undefined
    if (sub !== undefined && typeof sub !== 'string') return undefined
    if (lifetime !== undefined && !isLifetime(lifetime)) return undefined
    return {
      id,
      revision: rev as number,
      issued: iat as number,
      until: exp as number,
      subject: sub as string | undefined,
      lifetime: lifetime as string | undefined,
    }
  } catch {
    return undefined
  }
}

const isWhole = (value: unknown, max: number = Number.MAX_SAFE_INTEGER) =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max
