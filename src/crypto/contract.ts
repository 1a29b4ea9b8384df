/** A value, or a promise of it: node:crypto answers at once, WebCrypto later; callers await either. */
export type Awaitable<T> = T | Promise<T>

/** Makes and checks compact JWS with HS256, or ES256 or EdDSA (RFC 7515, RFC 7518 section 3, RFC 8037). */
export interface SigningKey {
  /** The compact token over a protected header and a payload, both as JSON text. */
  sign(header: string, payload: string): Awaitable<string>
  /** Whether the full-length MAC, compared in constant time, or the signature fits. The caller has checked spelling and header. */
  verify(token: string): Awaitable<boolean>
}

/** What a key of ES256 or EdDSA is imported from; with `d` it is private. */
export interface KeyMaterial {
  readonly kty: 'EC' | 'OKP'
  readonly crv: 'P-256' | 'Ed25519'
  readonly x: string
  readonly y?: string
  readonly d?: string
}

/** A checked key, and the kid that it was given. */
export interface CheckedJwk {
  readonly alg: 'ES256' | 'EdDSA'
  readonly kid: string | undefined
  readonly material: KeyMaterial
}

/** AES-256-GCM with 12-byte nonces and 16-byte tags (NIST SP 800-38D). */
export interface SealingKey {
  /** Writes ciphertext and tag into the frame from `at` on, which is as long as that; the frame. */
  seal(iv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array, frame: Uint8Array, at: number): Awaitable<Uint8Array>
  /** The plaintext, or undefined where anything was altered. */
  open(iv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Awaitable<Uint8Array | undefined>
}

/** HMAC-SHA-256. */
export interface MacKey {
  /** Of bytes, or of the UTF-8 of a text; in base64url, as {@link Crypto.sha256}. */
  digest(data: Uint8Array | string): Awaitable<string>
}

/** What the core needs of a runtime; `#crypto` resolves to the implementation by package.json "imports" conditions. */
export interface Crypto {
  /** As a `TextEncoder` does, for bytes that nobody keeps: they may share their buffer with others. */
  utf8(text: string): Uint8Array
  encodeBase64url(bytes: Uint8Array): string
  /** Undefined for every text but the canonical one. The bytes share their buffer with nobody. */
  decodeBase64url(text: string): Uint8Array | undefined
  /** The text whose UTF-8 this is; undefined for every spelling but the canonical one, and for what is no UTF-8. */
  decodeText(text: string): string | undefined
  /** Whether they are equal; not for secrets, since it stops at the first difference. */
  same(a: Uint8Array, b: Uint8Array): boolean
  /** The hash in base64url: as a buffer made by Node it costs 2 us more, and in a busy server 4 (measured on Node 24). */
  sha256(data: Uint8Array): Awaitable<string>
  /** HKDF-SHA-256 with an empty salt, 32 bytes (RFC 5869). */
  hkdf(ikm: Uint8Array, info: string): Awaitable<Uint8Array>
  signingKey(raw: Uint8Array): Awaitable<SigningKey>
  /** Of a public key, one that only verifies. Throws, or rejects, for what is no key of the curve. */
  keyPair(jwk: CheckedJwk): Awaitable<SigningKey>
  sealingKey(raw: Uint8Array): Awaitable<SealingKey>
  macKey(raw: Uint8Array): Awaitable<MacKey>
}
