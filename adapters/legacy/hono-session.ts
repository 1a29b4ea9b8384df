import { compactDecrypt } from 'jose/jwe/compact/decrypt'
import { need } from '../../src/checks.ts'
import { decoded } from './express-session.ts'
import { commonOf, type LegacyOptions, type LegacySessions, legacySessions } from './source.ts'

/** The storage of @hono/session, as far as it is needed. */
export interface HonoSessionStorage {
  get(sid: string): unknown
  delete(sid: string): unknown
}

/** Options of {@link fromHonoSession}. */
export interface FromHonoSessionOptions extends LegacyOptions {
  /** Its `secret`, or the environment's `AUTH_SECRET`; as bytes, the key itself. */
  readonly secret: string | Uint8Array
  /** What `useSessionStorage` had. Left out where the cookie holds the session itself. */
  readonly storage?: HonoSessionStorage | undefined
  /** Default `sid`, as there. */
  readonly cookieName?: string | undefined
}

/**
 * Sessions of @hono/session: the cookie is a JWE (`dir`, `A256GCM`) of the id, or of the session itself.
 *
 * Where the cookie holds it, no server keeps it: a logout here clears the cookie and refuses its session for `lifeSeconds`.
 * Throws `SessionOptionsError`.
 */
export function fromHonoSession(options: FromHonoSessionOptions): LegacySessions {
  const { secret, storage, cookieName = 'sid' } = options
  const common = commonOf(options, ['secret', 'storage', 'cookieName'], 'fromHonoSession')
  const isSecret = secret instanceof Uint8Array ? secret.length === 32 : typeof secret === 'string' && secret !== ''
  need(isSecret, 'secret must be that of @hono/session')
  const isStorage = typeof storage?.get === 'function' && typeof storage.delete === 'function'
  need(storage === undefined || isStorage, 'storage must be the one that @hono/session had')
  return legacySessions(
    {
      name: 'hono-session',
      cookieNames: [cookieName],
      async verify(value) {
        const claims = await decrypt(decoded(value), secret).catch(() => undefined)
        if (!isClaims(claims)) return undefined
        const { sid, iat, exp, ...data } = claims
        return { id: sid, data }
      },
      read: ({ id, data }) => (storage ? storage.get(id) : data),
      remove: ({ id }) => storage?.delete(id),
    },
    common,
  )
}

interface Claims {
  readonly sid: string
  readonly iat?: unknown
  readonly exp?: unknown
}

/** The id has 40 random characters of hexadecimal, in base64. */
function isClaims(claims: unknown): claims is Claims {
  if (typeof claims !== 'object' || claims === null) return false
  const { sid, exp } = claims as { sid?: unknown; exp?: unknown }
  const isCurrent = exp === undefined || (typeof exp === 'number' && exp > Date.now() / 1000)
  return typeof sid === 'string' && sid.length >= 16 && isCurrent
}

const onlyPair = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] }

/** What a JWE (RFC 7516) of this one pair of algorithms holds; rejects for any other text. */
async function decrypt(token: string, secret: string | Uint8Array): Promise<unknown> {
  const { plaintext } = await compactDecrypt(token, await keyOf(secret), onlyPair)
  return JSON.parse(new TextDecoder().decode(plaintext))
}

async function keyOf(secret: string | Uint8Array): Promise<CryptoKey> {
  const { subtle } = globalThis.crypto
  const aes = { name: 'AES-GCM', length: 256 }
  if (typeof secret !== 'string') return subtle.importKey('raw', secret.slice(), aes, false, ['decrypt'])
  const encoder = new TextEncoder()
  const ikm = await subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, ['deriveKey'])
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: encoder.encode('session jwe cek') }
  return subtle.deriveKey(hkdf, ikm, aes, false, ['decrypt'])
}
