import { need } from '../checks.ts'
import { decodeBase64url } from './base64url.ts'
import type { Awaitable, CheckedJwk, KeyMaterial } from './contract.ts'

/**
 * A key as JSON (RFC 7517): `kty` EC with `crv` P-256 signs by ES256, OKP with Ed25519 by EdDSA (RFC 8037). With `d` it is private.
 * Other members may be there; `alg`, `use` and `key_ops` must fit where they are.
 */
export interface Jwk {
  readonly kty?: string | undefined
  readonly crv?: string | undefined
  readonly x?: string | undefined
  readonly y?: string | undefined
  readonly d?: string | undefined
  /** 1-64 of `A-Za-z0-9._-`; without one it is the first 8 characters of the thumbprint (RFC 7638). */
  readonly kid?: string | undefined
  readonly alg?: string | undefined
  readonly use?: string | undefined
  readonly key_ops?: readonly string[] | undefined
  readonly ext?: boolean | undefined
}

/** The public members of a key, as a JWKS lists it. */
export interface PublicJwk {
  readonly kty: string
  readonly crv: string
  readonly x: string
  readonly y?: string
  readonly kid: string
  readonly alg: string
  readonly use: string
}

/** More than any rotation needs; each costs an import. */
const maxKeys = 32

/** Checks a list of keys; throws `SessionOptionsError` naming what is wrong, never showing a key. */
export function checkJwks(given: unknown, name: string): readonly CheckedJwk[] {
  need(Array.isArray(given), `${name} must be a list of JWKs`)
  const list = given as readonly unknown[]
  need(list.length > 0 && list.length <= maxKeys, `${name} must list 1 to ${maxKeys} keys`)
  const keys = list.map((one, at) => checkJwk(one, `${name}[${at}]`))
  const isDistinct = (values: readonly unknown[]) => new Set(values).size === values.length
  need(isDistinct(keys.map(({ material }) => material.x)), `${name}: two of the keys are the same`)
  need(isDistinct(keys.flatMap(({ kid }) => kid ?? [])), `${name}: two of the keys have the same kid`)
  return keys
}

function checkJwk(given: unknown, name: string): CheckedJwk {
  need(typeof given === 'object' && given !== null, `${name} must be a JWK`)
  const { kty, crv, x, y, d, kid, alg, use, key_ops } = given as Record<string, unknown>
  const isEc = kty === 'EC' && crv === 'P-256'
  need(isEc || (kty === 'OKP' && crv === 'Ed25519'), `${name} must be of kty EC with P-256, or of OKP with Ed25519`)
  need(is32Bytes(x) && (isEc ? is32Bytes(y) : y === undefined), `${name} has no public key of 32 bytes a coordinate`)
  need(d === undefined || is32Bytes(d), `${name}.d must have 32 bytes`)
  // RFC 9864 has a name of its own for EdDSA with this curve.
  const algorithms = isEc ? ['ES256'] : ['EdDSA', 'Ed25519']
  need(alg === undefined || algorithms.includes(alg as string), `${name}.alg must be ${algorithms.join(' or ')}`)
  need(use === undefined || use === 'sig', `${name}.use must be sig`)
  const operation = d === undefined ? 'verify' : 'sign'
  need(
    key_ops === undefined || (Array.isArray(key_ops) && key_ops.includes(operation)),
    `${name}.key_ops must have ${operation}`,
  )
  need(kid === undefined || (typeof kid === 'string' && isKid(kid)), `${name}.kid must be 1-64 of A-Za-z0-9._-`)
  const point = isEc ? { kty: 'EC', crv: 'P-256', x, y } : { kty: 'OKP', crv: 'Ed25519', x }
  const material = { ...point, ...(d === undefined ? {} : { d }) } as KeyMaterial
  return { alg: isEc ? 'ES256' : 'EdDSA', kid: kid as string | undefined, material }
}

const is32Bytes = (value: unknown) => typeof value === 'string' && decodeBase64url(value)?.length === 32
const isKid = (value: string) => /^[A-Za-z0-9._-]{1,64}$/.test(value)

/** The key without what is private, with the kid that stands in its tokens. */
export async function publicJwk(
  { alg, kid, material }: CheckedJwk,
  sha256: (data: Uint8Array) => Awaitable<string>,
): Promise<PublicJwk> {
  const { kty, crv, x, y } = material
  // The members in this order are what a thumbprint is made of (RFC 7638 section 3.2).
  const members = y === undefined ? { crv, kty, x } : { crv, kty, x, y }
  const thumbprint = async () => sha256(new TextEncoder().encode(JSON.stringify(members)))
  return { ...members, kid: kid ?? (await thumbprint()).slice(0, 8), alg, use: 'sig' }
}

/**
 * The one protected header of its tokens. It names the cookie, since the key alone does not: a verifier looks for exactly this text,
 * so that a token of another cookie of the same application is none of its own.
 */
export function headerOf({ alg, kid }: Pick<PublicJwk, 'alg' | 'kid'>, cookieName: string): string {
  return JSON.stringify({ alg, kid, typ: 'session+jwt', cookie: cookieName })
}
