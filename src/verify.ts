import { need, refuseUnknown, wholeNumber } from './checks.ts'
import { carriedIn, type RequestFrom } from './claim/carrier.ts'
import { readCookie } from './claim/cookie.ts'
import { claimsIn } from './claim/cookie-claims.ts'
import { type Fetch, fetchJwks } from './claim/jwks.ts'
import { ringSource, type SigningRing } from './claim/signing.ts'
import { createTokenReader, type TokenClaims, type TokenReader } from './claim/token-reader.ts'
import { decodeBase64url, encodeBase64url } from './crypto/base64url.ts'
import { checkJwks, headerOf, type Jwk } from './crypto/jwk.ts'
import type { BadTokenReason } from './events.ts'

export type { RequestFrom, RequestHeaders } from './claim/carrier.ts'
export type { Fetch } from './claim/jwks.ts'
export type { Jwk } from './crypto/jwk.ts'
export type { BadTokenReason } from './events.ts'

/** Whose claim checks are verified: namespace, cookie name and transport are those of the sessions. */
export interface PublicVerifierOptions {
  /** The public keys: those that `sessions.jwks()` lists. */
  readonly keys?: readonly Jwk[] | undefined
  /** Or the address of a JWKS: https, or http to this machine. */
  readonly jwksUrl?: string | undefined
  /** How often the JWKS is fetched: 1 to 86400, default 300. */
  readonly refreshSeconds?: number | undefined
  /** Default `session`. */
  readonly namespace?: string | undefined
  /** Default `__Host-sid`. */
  readonly cookieName?: string | undefined
  /** `header`: also tokens that come by `Authorization: Bearer`. */
  readonly transport?: 'cookie' | 'header' | undefined
  /** Told `keys-kept` where the JWKS could not be fetched. */
  readonly onEvent?: ((event: { readonly type: 'keys-kept' }) => void) | undefined
  /** What fetches the JWKS; default `fetch`. */
  readonly fetch?: Fetch | undefined
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** What the claim check of a request says. */
export type VerifiedClaim =
  /** There is none. */
  | { readonly status: 'absent' }
  /** Nothing there is one of these sessions. */
  | { readonly status: 'bad'; readonly reason: BadTokenReason }
  | {
      readonly status: 'valid'
      /** When the browser got it: milliseconds since 1970, or a little more. */
      readonly revision: number
      /** The absolute end of the session, seconds since 1970. */
      readonly until: number
      /** Whose session it is, where the application has said so. */
      readonly subject?: string | undefined
      /** The name of its times, of the option `lifetimes`. */
      readonly lifetime?: string | undefined
    }

/**
 * Verifies the claim check of a request: by its Cookie header, or by all headers where tokens may come by Authorization. Never throws for what
 * a client sent; rejects with `StoreUnavailableError` while there are no keys yet.
 */
export type PublicVerifier = (from: RequestFrom) => Promise<VerifiedClaim>

const names = ['keys', 'jwksUrl', 'refreshSeconds', 'namespace', 'cookieName', 'transport', 'onEvent', 'fetch', 'now']
/** The keys are fetched for the sake of an unknown kid this often at most: anybody can make one up. */
const renewMs = 60_000

interface Claim extends TokenClaims {
  readonly identity: { readonly key: string; readonly ref?: undefined }
}
interface Reading {
  readonly tokens: TokenReader<Claim>
}

/**
 * Verifies claim checks with public keys alone, for gateways, edge Workers and other services: no store, no secret, no session.
 *
 * It knows what the token says and no more: whether the session still lives, only the store can tell. Throws `SessionOptionsError`.
 */
export function createPublicVerifier(options: PublicVerifierOptions): PublicVerifier {
  refuseUnknown(options, names, 'option')
  const { namespace = 'session', cookieName = '__Host-sid', transport = 'cookie' } = options
  need(/^[A-Za-z0-9._-]{1,64}$/.test(namespace), 'namespace must be 1-64 of A-Za-z0-9._-')
  need(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/.test(cookieName), 'cookieName must be a token (RFC 9110 section 5.6.2)')
  need(['cookie', 'header'].includes(transport), "transport must be 'cookie' or 'header'")
  const source = sourceOf(options, cookieName)
  const readerOf = readers(namespace, options.now ?? Date.now)
  const cookie = { name: cookieName, receiptName: '' }
  return async function verify(from) {
    const { cookieHeader } = carriedIn(from, cookie, transport === 'header' ? '' : undefined)
    const first = await read(cookie, cookieHeader, readerOf(await source.get()))
    if (first.status !== 'bad' || first.reason !== 'unknown-key') return first
    if (!readCookie(cookieHeader, cookieName).some((token) => isOurs(token, cookieName))) return first
    const renewal = source.renew(renewMs)
    if (!renewal) return first
    await renewal
    return read(cookie, cookieHeader, readerOf(await source.get()))
  }
}

async function read(cookie: { readonly name: string }, cookieHeader: string | null | undefined, reading: Reading) {
  let reason: BadTokenReason | undefined
  const { found } = await claimsIn(
    cookie,
    cookieHeader,
    () => reading,
    (one) => {
      reason = reason === undefined || reason === 'malformed' ? one : reason
    },
  )
  // Which of several lives only the store can tell; the one issued last is the one that most likely does.
  const [claim] = found.toSorted((a, b) => b.revision - a.revision)
  return claim ? told(claim) : told(reason)
}

function told(from: Claim | BadTokenReason | undefined): VerifiedClaim {
  if (from === undefined) return { status: 'absent' }
  if (typeof from === 'string') return { status: 'bad', reason: from }
  const { revision, until, subject, lifetime } = from
  const more = { ...(subject === undefined ? {} : { subject }), ...(lifetime === undefined ? {} : { lifetime }) }
  return { status: 'valid', revision, until, ...more }
}

/** Whether a token has the header of one of these sessions, under whatever kid: only then may a new key have come. */
function isOurs(token: string, cookieName: string): boolean {
  const bytes = decodeBase64url(token.slice(0, Math.max(token.indexOf('.'), 0)))
  const [, alg, kid] = /^\{"alg":"(ES256|EdDSA)","kid":"([\w.-]{1,64})"/.exec(new TextDecoder().decode(bytes)) ?? []
  return alg !== undefined && headerOf({ alg, kid: kid as string }, cookieName) === new TextDecoder().decode(bytes)
}

function sourceOf({ keys, jwksUrl, refreshSeconds, onEvent, fetch }: PublicVerifierOptions, cookieName: string) {
  const refreshMs = wholeNumber('refreshSeconds', refreshSeconds, 300, 1, 86_400) * 1000
  need((keys === undefined) !== (jwksUrl === undefined), 'either keys or jwksUrl is required')
  const named = { option: 'keys', giver: 'the request for the JWKS' }
  if (jwksUrl === undefined) return ringSource(checkJwks(keys, 'keys'), cookieName, onEvent, named)
  checkUrl(jwksUrl)
  // By its own name: `this` of the global one must not be anything else.
  const get: Fetch = fetch ?? ((url, init) => globalThis.fetch(url, init))
  return ringSource({ ask: () => fetchJwks(jwksUrl, get), refreshMs }, cookieName, onEvent, named)
}

function checkUrl(jwksUrl: string): void {
  const url = URL.canParse(jwksUrl) ? new URL(jwksUrl) : undefined
  const isHere = url?.protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)
  need(url?.protocol === 'https:' || isHere, 'jwksUrl must be an https address, or http to this machine')
}

/** A reader for the keys as they are, which forgets what it has verified when they change. */
function readers(namespace: string, now: () => number): (ring: SigningRing) => Reading {
  let last: { readonly ring: SigningRing; readonly reading: Reading } | undefined
  const complete = (claims: TokenClaims): Claim => ({ ...claims, identity: { key: encodeBase64url(claims.id) } })
  return (ring) => {
    if (last?.ring !== ring) {
      const keyOf = (header: string) => ring.byHeader.get(header)
      last = { ring, reading: { tokens: createTokenReader(keyOf, namespace, now, complete) } }
    }
    return last.reading
  }
}
