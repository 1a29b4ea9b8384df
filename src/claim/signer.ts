import type { Awaitable } from '../crypto/contract.ts'
import { deriveKeys, type KeySet } from '../crypto/keys.ts'
import type { Cookie } from './cookie.ts'
import { createReceipts, type Receipts } from './receipt.ts'
import { createTokens, type Tokens } from './token.ts'

/** The checked options that verify a token. */
export interface TokenSettings {
  readonly secrets: readonly Uint8Array[]
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
  let ready: Signer | undefined
  const build = async (): Promise<Signer> => {
    const keys = await deriveKeys(settings.secrets, settings.cookie.name)
    const tokens = createTokens(keys, settings.namespace, settings.now)
    ready ??= { keys, tokens, receipts: createReceipts(keys) }
    return ready
  }
  return () => ready ?? build()
}
