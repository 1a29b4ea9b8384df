import { decodeBase64url, encodeBase64url } from './base64url-plain.ts'
import type { Crypto, MacKey, SealingKey, SigningKey } from './contract.ts'

/** TypeScript tells ArrayBuffer from SharedArrayBuffer; nothing here is shared. */
type Bytes = Uint8Array<ArrayBuffer>

const { subtle } = globalThis.crypto
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const hmac = { name: 'HMAC', hash: 'SHA-256' }

/** For import, and for each signature: ES256 has one hash, EdDSA brings its own (RFC 7518 section 3.4, RFC 8037). */
const algorithms = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
} as const

async function compact(header: string, payload: string, sign: (input: Bytes) => Promise<ArrayBuffer>) {
  const input = `${encodeBase64url(encoder.encode(header))}.${encodeBase64url(encoder.encode(payload))}`
  return `${input}.${encodeBase64url(new Uint8Array(await sign(encoder.encode(input))))}`
}

async function fits(token: string, verify: (signature: Bytes, input: Bytes) => Promise<boolean>) {
  const dot = token.lastIndexOf('.')
  const signature = decodeBase64url(token.slice(dot + 1))
  return signature ? verify(signature as Bytes, encoder.encode(token.slice(0, dot))) : false
}

/** WebCrypto, for workerd and browsers; keys are imported once: importing a raw one costs 14 us (measured). */
export const crypto: Crypto = {
  utf8: (text) => encoder.encode(text),
  encodeBase64url,
  decodeBase64url,
  decodeText(encoded) {
    const bytes = decodeBase64url(encoded)
    try {
      return bytes && decoder.decode(bytes)
    } catch {
      return undefined
    }
  },
  same: (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]),
  sha256: async (data) => encodeBase64url(new Uint8Array(await subtle.digest('SHA-256', data as Bytes))),
  async hkdf(ikm, info) {
    const key = await subtle.importKey('raw', ikm as Bytes, 'HKDF', false, ['deriveBits'])
    const params = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(0), info: encoder.encode(info) }
    return new Uint8Array(await subtle.deriveBits(params, key, 256))
  },
  async signingKey(raw): Promise<SigningKey> {
    const key = await subtle.importKey('raw', raw as Bytes, hmac, false, ['sign', 'verify'])
    const { name } = hmac
    return {
      sign: (header, payload) => compact(header, payload, (input) => subtle.sign(name, key, input)),
      verify: (token) => fits(token, (mac, input) => subtle.verify(name, key, mac, input)),
    }
  },
  async keyPair({ alg, material }): Promise<SigningKey> {
    const algorithm = algorithms[alg]
    const load = (jwk: JsonWebKey, usage: KeyUsage) => subtle.importKey('jwk', jwk, algorithm, false, [usage])
    const { d, ...point } = material
    const publicKey = await load(point, 'verify')
    const privateKey = d === undefined ? publicKey : await load(material, 'sign')
    return {
      // By a public key WebCrypto refuses to.
      sign: (header, payload) => compact(header, payload, (input) => subtle.sign(algorithm, privateKey, input)),
      verify: (token) => fits(token, (signature, input) => subtle.verify(algorithm, publicKey, signature, input)),
    }
  },
  async sealingKey(raw): Promise<SealingKey> {
    const key = await subtle.importKey('raw', raw as Bytes, 'AES-GCM', false, ['encrypt', 'decrypt'])
    const params = (iv: Uint8Array, aad: Uint8Array) => ({
      name: 'AES-GCM',
      iv: iv as Bytes,
      additionalData: aad as Bytes,
    })
    return {
      async seal(iv, aad, plaintext, frame, at) {
        frame.set(new Uint8Array(await subtle.encrypt(params(iv, aad), key, plaintext as Bytes)), at)
        return frame
      },
      open: (iv, aad, sealed) =>
        subtle.decrypt(params(iv, aad), key, sealed as Bytes).then(
          (plaintext) => new Uint8Array(plaintext),
          () => undefined,
        ),
    }
  },
  async macKey(raw): Promise<MacKey> {
    const key = await subtle.importKey('raw', raw as Bytes, hmac, false, ['sign'])
    const bytesOf = (data: Uint8Array | string) => (typeof data === 'string' ? encoder.encode(data) : data) as Bytes
    return { digest: async (data) => encodeBase64url(new Uint8Array(await subtle.sign('HMAC', key, bytesOf(data)))) }
  },
}
