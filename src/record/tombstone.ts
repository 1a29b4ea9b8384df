import type { Identity } from '../claim/identity.ts'
import { firstBytes } from '../crypto/base64url.ts'
import type { SealingKey } from '../crypto/contract.ts'
import { boundTo } from './bound.ts'
import { tombstoneFormat, writeRevision } from './revision.ts'

/** Its bytes: 0 format = 0 | 1 kind | 2-7 revision, big endian | 8-19 successor: first 12 bytes of its key's hash, or zeros. */
export const tombstoneBytes = 20
const successorBytes = 12
/* One that tells its subject the way on to the successor: 20-31 iv | 32-63 the successor's id, sealed | 64-79 tag */
const ivEnd = 32
const joinableBytes = 80

/** Whether the bytes say that a session has ended. */
export function isTombstone(bytes: Uint8Array): boolean {
  return bytes[0] === tombstoneFormat && (bytes.length === tombstoneBytes || bytes.length === joinableBytes)
}

const successorOf = (bytes: Uint8Array) => bytes.subarray(8, tombstoneBytes)

/** Whether a tombstone names the session that goes on in the place of this one. */
export function namesSuccessor(bytes: Uint8Array): boolean {
  return isTombstone(bytes) && successorOf(bytes).some((byte) => byte !== 0)
}

/** Whether two tombstones name the same successor. */
export function nameSameSuccessor(a: Uint8Array, b: Uint8Array): boolean {
  const successor = successorOf(b)
  return namesSuccessor(a) && namesSuccessor(b) && successorOf(a).every((byte, at) => byte === successor[at])
}

const kinds = { destroyed: 1, regenerated: 2, revoked: 3 } as const

/** What a tombstone says became of the session. */
export function endingIn(bytes: Uint8Array): 'regenerated' | 'revoked' | 'logged-out' {
  return bytes[1] === kinds.regenerated ? 'regenerated' : bytes[1] === kinds.revoked ? 'revoked' : 'logged-out'
}

/** A record lives for `idleSeconds` at most. A tombstone lives this much longer, because clocks differ. */
export const tombstoneMarginSeconds = 60

/** What takes the place of a record that has ended; `successor` is the new session of a regenerate. */
export function tombstone(kind: keyof typeof kinds, revision: number, successor?: Identity): Uint8Array {
  const bytes = new Uint8Array(tombstoneBytes)
  bytes[0] = tombstoneFormat
  bytes[1] = kinds[kind]
  writeRevision(bytes, 2, revision)
  if (successor) bytes.set(firstBytes(successor.hash, successorBytes), 8)
  return bytes
}

/** The same with the id of the successor, sealed and bound to the session that has ended. */
export async function joinable(
  plain: Uint8Array,
  ended: Identity,
  { id }: Identity,
  key: SealingKey,
  iv: Uint8Array,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(joinableBytes)
  bytes.set(plain)
  bytes.set(iv, tombstoneBytes)
  return key.seal(iv, boundTo(bytes, tombstoneBytes, ended), id, bytes, ivEnd)
}

/** The id of the successor, where the tombstone has one that this key opens. */
export async function successorIn(
  bytes: Uint8Array,
  ended: Identity,
  key: SealingKey,
): Promise<Uint8Array | undefined> {
  if (bytes.length !== joinableBytes) return undefined
  return key.open(bytes.subarray(tombstoneBytes, ivEnd), boundTo(bytes, tombstoneBytes, ended), bytes.subarray(ivEnd))
}
