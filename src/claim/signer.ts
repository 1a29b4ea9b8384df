import { deriveRing, type KeyRing } from '../crypto/keys.ts'
import type { TokenSettings } from '../options.ts'
import { Lanes } from '../request/commit-queue.ts'
import type { Found } from '../request/state.ts'
import { createReceipts, type Receipts } from './receipt.ts'
import { createTokens, type Tokens } from './token.ts'

/** What one configuration shares between requests; holds nothing of any request. */
export interface Context {
  readonly ring: KeyRing
  readonly tokens: Tokens
  readonly receipts: Receipts
  readonly lanes: Lanes<Found>
}

/** Built on first use: Workers allow no crypto while a script loads, and a promise there belongs to the request that made it. */
export function contextOf(settings: TokenSettings): () => Promise<Context> {
  let ready: Context | undefined
  const build = async (): Promise<Context> => {
    const ring = await deriveRing(settings.secrets, settings.cookie.name)
    const tokens = createTokens(ring, settings.namespace, settings.now)
    return { ring, tokens, receipts: createReceipts(ring), lanes: new Lanes() }
  }
  return async () => {
    if (ready) return ready
    const built = await build()
    ready ??= built
    return ready
  }
}
