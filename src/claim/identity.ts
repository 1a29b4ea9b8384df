import { crypto } from '#crypto'
import { encodeBase64url } from '../crypto/base64url.ts'
import type { Awaitable } from '../crypto/contract.ts'
import type { KeySet } from '../crypto/keys.ts'

/** 32 random bytes: 256 bits, where OWASP ASVS 7.2.3 asks for 128. */
const idBytes = 32

const encoder = new TextEncoder()

/** An id and the names derived from it. */
export interface Identity {
  readonly id: Uint8Array
  /** SHA-256 of the id: the store never sees the id itself, and a lookup by hash is no timing oracle (CVE-2019-16782). */
  readonly hash: Uint8Array
  /** What the store sees: `<namespace>:<base64url(hash)>`. */
  readonly key: string
  /** The same in ASCII: every record is bound to it. */
  readonly keyBytes: Uint8Array
  /** 8 characters that stand for the id in logs. */
  readonly ref: string
}

/** A fresh id; throws where the runtime has no secure random source. */
export function drawId(): Uint8Array {
  return globalThis.crypto.getRandomValues(new Uint8Array(idBytes))
}

/**
 * The id that an old session has here: made of the old id alone, so that all processes make the same, also while secrets are
 * rotated. It opens nothing by itself: a claim check of it is signed, and handed out to whoever has shown the old cookie.
 */
export function legacyId(oldId: string, purpose: string): Awaitable<Uint8Array> {
  return crypto.hkdf(encoder.encode(oldId), `claimcheck/v1/legacy/${purpose}`)
}

/** Derives everything that follows from an id. */
export async function identify(id: Uint8Array, namespace: string, keys: KeySet): Promise<Identity> {
  const hash = await crypto.sha256(id)
  const ref = encodeBase64url(await keys.ref.digest(id)).slice(0, 8)
  const key = `${namespace}:${encodeBase64url(hash)}`
  return { id, hash, key, keyBytes: encoder.encode(key), ref }
}
