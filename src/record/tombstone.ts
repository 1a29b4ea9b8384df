import type { Identity } from '../claim/identity.ts'
import { tombstoneFormat, writeRevision } from './revision.ts'

/** Its bytes: 0 format = 0 | 1 kind | 2-7 revision, big endian | 8-19 successor: first 12 bytes of its key's hash, or zeros. */
export const tombstoneBytes = 20

/** Whether the bytes say that a session has ended. */
export function isTombstone(bytes: Uint8Array): boolean {
  return bytes[0] === tombstoneFormat && bytes.length === tombstoneBytes
}

/** Whether a tombstone names the session that goes on in the place of this one. */
export function namesSuccessor(bytes: Uint8Array): boolean {
  return isTombstone(bytes) && bytes.subarray(8).some((byte) => byte !== 0)
}

/** Whether two tombstones name the same successor. */
export function nameSameSuccessor(a: Uint8Array, b: Uint8Array): boolean {
  return namesSuccessor(a) && namesSuccessor(b) && a.subarray(8).every((byte, at) => byte === b[8 + at])
}

const kinds = { destroyed: 1, regenerated: 2 } as const

/** Whether a tombstone says that the session goes on under another id. */
export function isRegenerated(bytes: Uint8Array): boolean {
  return isTombstone(bytes) && bytes[1] === kinds.regenerated
}

/** A record lives for `idleSeconds` at most. A tombstone lives this much longer, because clocks differ. */
export const tombstoneMarginSeconds = 60

/** What takes the place of a record that has ended; `successor` is the new session of a regenerate. */
export function tombstone(kind: keyof typeof kinds, revision: number, successor?: Identity): Uint8Array {
  const bytes = new Uint8Array(tombstoneBytes)
  bytes[0] = tombstoneFormat
  bytes[1] = kinds[kind]
  writeRevision(bytes, 2, revision)
  if (successor) bytes.set(successor.hash.subarray(0, 12), 8)
  return bytes
}
