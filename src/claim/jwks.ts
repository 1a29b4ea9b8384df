import { checkJwks, type Jwk } from '../crypto/jwk.ts'
import { SessionOptionsError } from '../errors.ts'

/** A hundred keys of P-256 are half of that. */
const maxBytes = 65_536
/** Of several for one application a handful is in use. */
const maxKeys = 32
const fetchMs = 5000

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * The public keys at an address (RFC 7517 section 5): what is no key for tokens is passed over, and of a private one the private part. Rejects
 * for an answer that is late, too large, no JWKS, or has none that can be used.
 */
export async function fetchJwks(url: string, fetch: Fetch): Promise<readonly Jwk[]> {
  // Followed nowhere: whoever may name another address could name another's keys.
  const signal = AbortSignal.timeout(fetchMs)
  const response = await fetch(url, { headers: { Accept: 'application/json' }, redirect: 'manual', signal })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the address of the JWKS answered ${response.status}`)
  }
  const { keys } = JSON.parse(await textOf(response)) as { readonly keys?: unknown }
  if (!Array.isArray(keys)) throw new Error('the address of the JWKS answered something else')
  const found = keys.flatMap(usable).slice(0, maxKeys)
  if (found.length === 0) throw new Error('the JWKS has no key of ES256 or EdDSA')
  return found
}

function usable(key: Jwk | null): readonly Jwk[] {
  try {
    const { d: _, ...rest } = key ?? {}
    checkJwks([rest], 'keys')
    return [rest]
  } catch (error) {
    if (error instanceof SessionOptionsError) return []
    throw error
  }
}

async function textOf(response: Response): Promise<string> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    bytes += next.value.length
    if (bytes > maxBytes) {
      await reader?.cancel()
      throw new Error(`the JWKS has more than ${maxBytes} bytes`)
    }
    text += decoder.decode(next.value, { stream: true })
  }
  return text + decoder.decode()
}
