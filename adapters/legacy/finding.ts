import { readCookie } from '../../src/claim/cookie.ts'
import { identify } from '../../src/claim/identity.ts'
import type { Claim } from '../../src/claim/token.ts'
import type { Exchange } from '../../src/request/exchange.ts'
import type { Legacy, LegacyCookie } from './contract.ts'

const encoder = new TextEncoder()
/** As the claim check: each value that might be one costs a MAC. */
const maxValues = 4

/** A cookie that is genuine, and the session here that is made of it. */
export interface Found {
  readonly cookie: LegacyCookie
  readonly claim: Claim
}

/** The genuine cookie of the other library. Asks no store. */
export async function find(legacy: Legacy, exchange: Exchange): Promise<Found | undefined> {
  const values = valuesOf(legacy, exchange.carried.cookieHeader)
  for (const value of values) {
    const cookie = await legacy.verify(value)
    if (!cookie) continue
    const { namespace, now, absoluteSeconds } = exchange.settings
    const id = await deriveId(cookie.id, `${namespace}/${legacy.name}/${legacy.cookieNames[0]}`)
    const identity = await identify(id, namespace, (await exchange.signer()).keys)
    return { cookie, claim: { identity, revision: 0, until: Math.floor(now() / 1000) + absoluteSeconds } }
  }
  if (values.length > 0) exchange.emit?.({ type: 'legacy', outcome: 'not-genuine' })
  return undefined
}

/** The values of the cookie; of one in several parts their sum. */
function valuesOf({ cookieNames }: Legacy, header: string | null | undefined): readonly string[] {
  const [first = '', ...parts] = cookieNames.map((name) => readCookie(header, name))
  const joined = parts.map((values) => values[0] ?? '').join('')
  return [...first, ...(joined === '' ? [] : [joined])].slice(0, maxValues)
}

/**
 * The id that an old session has here: made of the old id alone, so that all processes make the same, also while secrets are
 * rotated. It opens nothing by itself: a claim check of it is signed, and handed out to whoever has shown the old cookie.
 */
async function deriveId(oldId: string, purpose: string): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto
  const ikm = await subtle.importKey('raw', encoder.encode(oldId), 'HKDF', false, ['deriveBits'])
  const info = encoder.encode(`claimcheck/v1/legacy/${purpose}`)
  const params = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info }
  return new Uint8Array(await subtle.deriveBits(params, ikm, 256))
}
