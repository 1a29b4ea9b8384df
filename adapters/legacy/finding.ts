import { readCookie } from '../../src/claim/cookie.ts'
import { identify, legacyId } from '../../src/claim/identity.ts'
import type { Claim } from '../../src/claim/token.ts'
import type { Exchange } from '../../src/request/exchange.ts'
import type { Legacy, LegacyCookie } from './contract.ts'

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
    const id = await legacyId(cookie.id, `${namespace}/${legacy.name}/${legacy.cookieNames[0]}`)
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
