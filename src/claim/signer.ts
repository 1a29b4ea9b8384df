import type { Awaitable } from '../crypto/contract.ts'
import { deriveKeys, type KeySet } from '../crypto/keys.ts'
import type { LivingSecret } from '../crypto/secrets.ts'
import type { SessionEventHandler } from '../events.ts'
import { type AskedSecrets, askingSigner, endingSigner } from './changing-signer.ts'
import type { Cookie } from './cookie.ts'
import { createReceipts, type Receipts } from './receipt.ts'
import { createTokens, type Tokens } from './token.ts'

/** The checked options that verify a token. */
export interface TokenSettings {
  readonly secrets: readonly LivingSecret[] | AskedSecrets
  readonly onEvent: SessionEventHandler | undefined
  readonly namespace: string
  readonly cookie: Cookie
  /** Whole milliseconds of `clock`. */
  readonly now: () => number
  readonly clock: () => number
}

/** The keys, and what is made of them. All requests of one configuration share it; it holds nothing of any request. */
export interface Signer {
  readonly keys: KeySet
  readonly tokens: Tokens
  readonly receipts: Receipts
}

/** Built on first use: Workers allow no crypto while a script loads, and a promise there belongs to the request that made it. */
export function signerOf(settings: TokenSettings): () => Awaitable<Signer> {
  const { secrets, namespace, cookie, now, onEvent } = settings
  const make = async (list: readonly Uint8Array[]): Promise<Signer> => {
    const keys = await deriveKeys(list, cookie.name)
    return { keys, tokens: createTokens(keys, namespace, now), receipts: createReceipts(keys) }
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
