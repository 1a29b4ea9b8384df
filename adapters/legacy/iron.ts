import { decodeBase64url } from '../../src/crypto/base64url.ts'

/** A password of an iron seal, or several by the id that stands in the seal. */
export type IronPassword = string | Readonly<Record<string, string>>

const encoder = new TextEncoder()
/** As iron itself: clocks may differ by so much. */
const skewMs = 60_000

/**
 * What an iron seal holds (`Fe26.2*<password id>*<salt>*<iv>*<sealed>*<expiry>*<salt>*<mac>`, of @hapi/iron and iron-webcrypto with
 * their default parameters: AES-256-CBC and HMAC-SHA-256, keys by one round of PBKDF2 with SHA-1); undefined for any other text.
 */
export async function unseal(sealed: string, password: IronPassword): Promise<unknown> {
  const parts = sealed.split('*')
  const [prefix, id = '', salt = '', iv = '', body = '', expiry = '', macSalt = '', mac = ''] = parts
  if (parts.length !== 8 || prefix !== 'Fe26.2' || !isCurrent(expiry)) return undefined
  const secret = typeof password === 'string' ? password : password[id || 'default']
  const bytes = [iv, body, mac].map((text) => decodeBase64url(text))
  if (secret === undefined || bytes.some((one) => one === undefined)) return undefined
  const [ivBytes, bodyBytes, macBytes] = bytes as readonly Uint8Array<ArrayBuffer>[]
  const signed = encoder.encode(parts.slice(0, 6).join('*'))
  const { subtle } = globalThis.crypto
  const macKey = await derive(secret, macSalt, { name: 'HMAC', hash: 'SHA-256', length: 256 }, ['verify'])
  if (!(await subtle.verify('HMAC', macKey, macBytes as Uint8Array<ArrayBuffer>, signed))) return undefined
  const key = await derive(secret, salt, { name: 'AES-CBC', length: 256 }, ['decrypt'])
  const cbc = { name: 'AES-CBC', iv: ivBytes as Uint8Array<ArrayBuffer> }
  const opened = await subtle.decrypt(cbc, key, bodyBytes as Uint8Array<ArrayBuffer>)
  return JSON.parse(new TextDecoder().decode(opened))
}

/** Never throws: what does not open says nothing. */
export const unsealed = (sealed: string, password: IronPassword): Promise<unknown> =>
  unseal(sealed, password).catch(() => undefined)

const isCurrent = (expiry: string) => expiry === '' || (/^\d+$/.test(expiry) && Number(expiry) > Date.now() - skewMs)

async function derive(
  secret: string,
  salt: string,
  algorithm: HmacKeyGenParams | AesKeyGenParams,
  usages: readonly KeyUsage[],
): Promise<CryptoKey> {
  const { subtle } = globalThis.crypto
  const base = await subtle.importKey('raw', encoder.encode(secret), 'PBKDF2', false, ['deriveKey'])
  const params = { name: 'PBKDF2', salt: encoder.encode(salt), iterations: 1, hash: 'SHA-1' }
  return subtle.deriveKey(params, base, algorithm, false, [...usages])
}
