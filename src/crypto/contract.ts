/** A value, or a promise of it: node:crypto answers at once, WebCrypto later; callers await either. */
export type Awaitable<T> = T | Promise<T>

/** Makes and checks compact JWS with HS256 (RFC 7515, RFC 7518 section 3.2). */
export interface SigningKey {
  /** The compact token over a protected header and a payload, both as JSON text. */
  sign(header: string, payload: string): Awaitable<string>
  /** Whether the full-length MAC fits, compared in constant time. The caller has checked spelling and header. */
  verify(token: string): Awaitable<boolean>
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
  digest(data: Uint8Array): Awaitable<Uint8Array>
}

/** What the core needs of a runtime; `#crypto` resolves to the implementation by package.json "imports" conditions. */
export interface Crypto {
  sha256(data: Uint8Array): Awaitable<Uint8Array>
  /** HKDF-SHA-256 with an empty salt, 32 bytes (RFC 5869). */
  hkdf(ikm: Uint8Array, info: string): Awaitable<Uint8Array>
  signingKey(raw: Uint8Array): Awaitable<SigningKey>
  sealingKey(raw: Uint8Array): Awaitable<SealingKey>
  macKey(raw: Uint8Array): Awaitable<MacKey>
}
