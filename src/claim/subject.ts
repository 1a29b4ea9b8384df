import { crypto } from '#crypto'
import { encodeBase64url, firstBytes } from '../crypto/base64url.ts'
import type { SealingKey } from '../crypto/contract.ts'
import type { Key, KeySet } from '../crypto/keys.ts'
import { type Identity, identify } from './identity.ts'

/** 128 bits tell subjects apart, and keep the cookie small. */
const hashBytes = 16
/** Of AES-256. */
const keyBytes = 32

const encoder = new TextEncoder()

/**
 * The hash of a subject, which stands in its sealed records and nowhere else: from it a name can be made under another secret.
 * base64url of the first 16 bytes of SHA-256.
 */
export async function hashOf(subject: string): Promise<string> {
  return shortened(await crypto.sha256(encoder.encode(subject)))
}

/** What a subject is called in tokens, and where its list lies: base64url of 16 bytes of HMAC-SHA-256(namespace, NUL, its hash). */
export async function nameOf(key: Key, namespace: string, hash: string): Promise<string> {
  return shortened(await (await key.subject()).digest(`${namespace}\0${hash}`))
}

const shortened = (digest: string) => encodeBase64url(firstBytes(digest, hashBytes))

/** Its names under all secrets, that of the first one first. */
export function namesOf({ all }: KeySet, namespace: string, hash: string): Promise<readonly string[]> {
  return Promise.all(all.map((key) => nameOf(key, namespace, hash)))
}

/** What stands for the list of a subject, as for a session. Its keys cannot be those of sessions: no namespace has a colon. */
export function identifyList(name: string, namespace: string, keys: KeySet): Promise<Identity> {
  return identify(encoder.encode(name), `${namespace}:subject`, keys)
}

/** Seals what only a request may open that has proven to be of this subject: HMAC-SHA-256(namespace, NUL, hash, NUL, `join`). */
export async function joiningKey(key: Key, namespace: string, hash: string): Promise<SealingKey> {
  return crypto.sealingKey(firstBytes(await (await key.subject()).digest(`${namespace}\0${hash}\0join`), keyBytes))
}
