import { isLifetime } from '../checks.ts'
import { decodeBase64url, encodeBase64url } from '../crypto/base64url.ts'
import type { Key, KeySet } from '../crypto/keys.ts'
import type { BadTokenReason } from '../events.ts'
import { type Identity, identify } from './identity.ts'
import { createTokenCache, ownText } from './token-cache.ts'

/** The verified contents of a token: whose session, the revision its browser last saw, and when it ends for good. */
export interface Claim {
  readonly identity: Identity
  readonly revision: number
  /** Seconds since 1970: the absolute end of the record. */
  readonly until: number
  /** Accepted and carried along; nothing here writes one yet. */
  readonly subject?: string | undefined
  /** The name of its times, where they are not the default ones: a read slides the expiry before the record is known. */
  readonly lifetime?: string | undefined
  /** Signed by a key that is not the first: the next commit that writes sends the token again. */
  readonly outdated?: true | undefined
  /** Found by the cookie of another library: the browser has no token yet, so the next answer carries it. */
  readonly unsent?: true | undefined
}

export type Verification =
  | { readonly status: 'valid'; readonly claim: Claim }
  | { readonly status: 'bad'; readonly reason: BadTokenReason; readonly ref: string | undefined }

/** Signs and verifies the tokens of one namespace. */
export interface Tokens {
  sign(claim: Claim): Promise<string>
  /** Each MAC that is computed is taken off `macs`; a token that is remembered needs none. */
  verify(token: string, macs?: { left: number }): Promise<Verification>
  /** What a token says that was verified before and is valid still: most of them were, so a request need not wait for it. */
  remembered(token: string): Claim | undefined
}

/** A token of ours is under 300 characters; with the longest namespace and a subject still far below this. */
const maxTokenLength = 1024
/** RFC 7519 section 4.1.4 allows a small leeway for clocks: 60 s ahead for `iat`, none for `exp`. */
const leewaySeconds = 60
const maxRevision = 2 ** 48 - 1

const shape = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

type Issued = Claim & { readonly issued: number }

/**
 * Compact JWS, HS256 (RFC 7515), more strictly than the standard asks: ONE exact protected header per key, looked up and
 * never parsed; canonical base64url; exact claims. So there is one spelling per token, and no header can choose anything.
 */
export function createTokens(keys: KeySet, namespace: string, now: () => number): Tokens {
  const memory = createTokenCache<Issued>()

  async function verify(token: string, macs = { left: 1 }): Promise<Verification> {
    const known = memory.get(token)
    if (known) return judge(known, now())
    if (token.length > maxTokenLength) return bad('malformed')
    const parts = shape.exec(token)
    if (!parts) return bad('malformed')
    const [, header, payload, signature] = parts as unknown as [string, string, string, string]
    const key = keys.byHeader.get(header)
    if (!key) return bad('unknown-key')
    const bytes = decodeBase64url(payload)
    if (!bytes || !decodeBase64url(signature)) return bad('malformed')
    if (macs.left-- <= 0) return bad('too-many')
    if (!(await key.signing.verify(token))) return bad('signature')
    const claims = parseClaims(bytes, namespace)
    if (!claims) return bad('claims')
    const { id, ...rest } = claims
    const outdated = key === keys.first ? undefined : (true as const)
    const issued = { ...rest, outdated, identity: await identify(id, namespace, keys) }
    memory.set(ownText(token), issued)
    return judge(issued, now())
  }

  function remembered(token: string): Claim | undefined {
    const known = memory.get(token)
    return known && judge(known, now()).status === 'valid' ? known : undefined
  }

  return { verify, remembered, sign: (claim) => signClaim(keys.first, namespace, claim, now()) }
}

async function signClaim(key: Key, namespace: string, claim: Claim, now: number): Promise<string> {
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

const bad = (reason: BadTokenReason, ref?: string): Verification => ({ status: 'bad', reason, ref })

/** Time is judged on every use, also of a remembered token (GHSA-x937: a cache that outlived `exp`). */
function judge(claim: Issued, now: number): Verification {
  const seconds = now / 1000
  if (claim.issued > seconds + leewaySeconds) return bad('claims')
  return claim.until > seconds ? { status: 'valid', claim } : bad('expired', claim.identity.ref)
}

/** The claims, only if the bytes are exactly what signing would write: no other member, order, spelling or number form. */
function parseClaims(payload: Uint8Array, namespace: string) {
  try {
    const text = decoder.decode(payload)
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
