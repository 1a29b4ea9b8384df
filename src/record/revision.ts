/** The first byte of a tombstone; that of a record is higher. */
export const tombstoneFormat = 0

/** The revision of a record or tombstone, without any key: compositions compare copies by it. */
export function revisionOf(bytes: Uint8Array): number {
  const at = bytes[0] === tombstoneFormat ? 2 : 5
  let revision = 0
  for (let i = at; i < at + 6; i++) revision = revision * 256 + (bytes[i] ?? 0)
  return revision
}

/** As 48 bits, big endian. */
export function writeRevision(bytes: Uint8Array, at: number, revision: number): void {
  for (let i = at + 5, rest = revision; i >= at; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256
}
