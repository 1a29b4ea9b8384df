import { crypto } from '#crypto'
import { need } from '../checks.ts'
import { encodeBase64url } from '../crypto/base64url.ts'
import type { CheckedJwk } from '../crypto/contract.ts'
import { checkJwks, headerOf, type Jwk, type PublicJwk, publicJwk } from '../crypto/jwk.ts'
import type { TokenKey } from '../crypto/keys.ts'
import { SessionOptionsError } from '../errors.ts'
import { type Asked, askingSource, type Source } from './asking.ts'

/** Gives the keys as they are now; told whether it was asked before. A list that is empty or wrong counts as a failure. */
export type JwkProvider = (refresh: boolean) => Promise<readonly Jwk[]>

/** Tokens that others can verify without the secret: signed by ES256 or EdDSA, and verified with public keys. */
export interface SigningOptions {
  /**
   * The first signs where it is private, all verify, and so does `secret`, which still seals the records. Rotate by `[old]`, `[old, new]`,
   * `[new, old]`, `[new]`. Or a function that gives them, asked at start and every `refreshSeconds`.
   */
  readonly keys: readonly Jwk[] | JwkProvider
}

/** The checked option. */
export type SigningSettings = readonly CheckedJwk[] | Asked

/** The keys of one cookie name. */
export interface SigningRing {
  /** Undefined where the first key is public: then the secret signs. */
  readonly signer: TokenKey | undefined
  readonly byHeader: ReadonlyMap<string, TokenKey>
  readonly jwks: readonly PublicJwk[]
}

/** What keys are called in errors: the option that lists them, and who gives them otherwise. */
export interface RingNames {
  readonly option: string
  readonly giver: string
}

/** Built on first use, as all keys are. */
export function ringSource(
  signing: SigningSettings,
  cookieName: string,
  onEvent: ((event: { readonly type: 'keys-kept' }) => void) | undefined,
  { option, giver }: RingNames = { option: 'signing.keys', giver: 'the function of the option signing' },
): Source<SigningRing> {
  const derive = (keys: readonly CheckedJwk[]) => deriveRing(keys, cookieName, option)
  if (!('ask' in signing)) {
    let ready: SigningRing | undefined
    const build = async () => {
      ready = await derive(signing)
      return ready
    }
    return { get: () => ready ?? build(), renew: () => undefined }
  }
  const read = (given: unknown) => {
    const keys = checkJwks(given, option)
    const make = async () => {
      const ring = await derive(keys)
      return () => ring
    }
    return { text: JSON.stringify(keys), make }
  }
  return askingSource(signing, read, () => tellKept(onEvent), { keys: 'keys', giver })
}

/** The last keys are kept. What a handler throws is dropped, as everywhere. */
function tellKept(onEvent: Parameters<typeof ringSource>[2]): void {
  try {
    onEvent?.({ type: 'keys-kept' })
  } catch {}
}

async function deriveRing(keys: readonly CheckedJwk[], cookieName: string, option: string): Promise<SigningRing> {
  const list = await Promise.all(keys.map((key, at) => derive(key, cookieName, `${option}[${at}]`)))
  const byHeader = new Map(list.map(({ key }) => [key.encodedHeader, key]))
  need(byHeader.size === list.length, `${option}: two of the keys have the same kid`)
  const [first] = list
  const signer = first && keys[0]?.material.d !== undefined ? first.key : undefined
  return { signer, byHeader, jwks: list.map(({ jwk }) => jwk) }
}

/** A private part that does not belong to the public one would sign what nobody can verify, so each is tried once. */
async function derive(key: CheckedJwk, cookieName: string, name: string) {
  const jwk = await publicJwk(key, crypto.sha256)
  const header = headerOf(jwk, cookieName)
  try {
    const signing = await crypto.keyPair(key)
    const isPair = key.material.d === undefined || (await signing.verify(await signing.sign(header, '{}')))
    if (isPair)
      return { jwk, key: { header, encodedHeader: encodeBase64url(new TextEncoder().encode(header)), signing } }
  } catch {
    // What a runtime says of a key may hold it.
  }
  throw new SessionOptionsError(`${name} is no key of its curve, or its private part belongs to another`)
}
