import type { Awaitable } from '../crypto/contract.ts'
import type { PublicJwk } from '../crypto/jwk.ts'
import { deriveKeys, type KeySet, type TokenKey } from '../crypto/keys.ts'
import type { LivingSecret } from '../crypto/secrets.ts'
import type { SessionEventHandler } from '../events.ts'
import { type AskedSecrets, askingSigner, endingSigner } from './changing-signer.ts'
import type { Cookie } from './cookie.ts'
import { createReceipts, type Receipts } from './receipt.ts'
import { ringSource, type SigningRing, type SigningSettings } from './signing.ts'
import { createTokens, type Tokens } from './token.ts'

/** The checked options that verify a token. */
export interface TokenSettings {
  readonly secrets: readonly LivingSecret[] | AskedSecrets
  readonly signing: SigningSettings | undefined
  readonly onEvent: SessionEventHandler | undefined
  readonly namespace: string
  readonly cookie: Cookie
  /** The header that carries tokens to clients which speak by Authorization; undefined where only cookies do. */
  readonly tokenHeader: string | undefined
  /** Whole milliseconds of `clock`. */
  readonly now: () => number
  readonly clock: () => number
}

/** The keys, and what is made of them. All requests of one configuration share it; it holds nothing of any request. */
export interface Signer {
  readonly keys: KeySet
  readonly tokens: Tokens
  readonly receipts: Receipts
  /** The public keys that verify its tokens. */
  readonly jwks: readonly PublicJwk[]
}

/** Built on first use: Workers allow no crypto while a script loads, and a promise there belongs to the request that made it. */
export function signerOf(settings: TokenSettings): () => Awaitable<Signer> {
  const { signing, namespace, cookie, now, onEvent } = settings
  const signer = secretSigner(settings)
  return signing ? signedBy(signer, ringSource(signing, cookie.name, onEvent).get, namespace, now) : signer
}

function secretSigner(settings: TokenSettings): () => Awaitable<Signer> {
  const { secrets, namespace, cookie, now, onEvent } = settings
  const make = async (list: readonly Uint8Array[]): Promise<Signer> => {
    const keys = await deriveKeys(list, cookie.name)
    return { keys, tokens: createTokens(keys, namespace, now), receipts: createReceipts(keys), jwks: [] }
  }
  if ('ask' in secrets) return askingSigner(secrets, make, now, onEvent)
  if (secrets.some(({ endsAt }) => endsAt !== Number.POSITIVE_INFINITY)) return endingSigner(secrets, make, now)
  let ready: Signer | undefined
  const build = async (): Promise<Signer> => {
    const signer = await make(secrets.map(({ bytes }) => bytes))
    ready ??= signer
    return ready
  }
  return () => ready ?? build()
}

/** A signer whose tokens are signed by keys of their own. Those under the secret are accepted, and sent anew with the next change. */
function signedBy(
  secretSigner: () => Awaitable<Signer>,
  currentRing: () => Awaitable<SigningRing>,
  namespace: string,
  now: () => number,
): () => Awaitable<Signer> {
  let last: { readonly base: Signer; readonly ring: SigningRing; readonly signer: Signer } | undefined
  const join = async (from: Awaitable<Signer>, keys: Awaitable<SigningRing>) => {
    const [base, ring] = await Promise.all([from, keys])
    if (last?.base !== base || last.ring !== ring) {
      const byHeader = new Map<string, TokenKey>([...base.keys.byHeader, ...ring.byHeader])
      const set = { ...base.keys, byHeader, signer: ring.signer ?? base.keys.signer }
      last = { base, ring, signer: { ...base, jwks: ring.jwks, keys: set, tokens: createTokens(set, namespace, now) } }
    }
    return last.signer
  }
  return () => {
    const [base, ring] = [secretSigner(), currentRing()]
    return last && base === last.base && ring === last.ring ? last.signer : join(base, ring)
  }
}
