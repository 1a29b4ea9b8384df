import { crypto } from '#crypto'
import { decodeBase64url } from '../crypto/base64url.ts'
import type { Awaitable } from '../crypto/contract.ts'
import type { KeySet } from '../crypto/keys.ts'

/** 32 random bytes: 256 bits, where OWASP ASVS 7.2.3 asks for 128. */
const idBytes = 32

const encoder = new TextEncoder()

/** An id and the names derived from it. */
export interface Identity {
  readonly id: Uint8Array
  /** SHA-256 of the id in base64url: the store never sees the id itself, and a lookup by hash is no timing oracle (CVE-2019-16782). */
  readonly hash: string
  /** The first byte of the hash: which of the sealing keys is its own. */
  readonly sealing: number
  /** What the store sees: `<namespace>:<hash>`. Every record is bound to it. */
  readonly key: string
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
  return identityOf(id, hash, namespace, (await keys.ref.digest(id)).slice(0, 8))
}

/** The names that follow from a hash: what reads a session need not know its id. */
export function identityOf(id: Uint8Array, hash: string, namespace: string, ref: string): Identity {
  return { id, hash, sealing: decodeBase64url(hash.slice(0, 4))?.[0] ?? 0, key: `${namespace}:${hash}`, ref }
}
