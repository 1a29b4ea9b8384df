/** The one-shot hash of node:crypto, a part of its overloads. */
type Hash = (algorithm: string, data: Uint8Array, outputEncoding: 'base64url' | 'binary' | 'hex') => string

/** What SHA-256 takes in at once. */
const blockBytes = 64

/**
 * HMAC-SHA-256 (RFC 2104) in base64url, by two one-shot hashes.
 *
 * `createHmac` makes an object and a buffer outside of the heap each time: 3.9 us alone and 10 in a busy server, where this takes 1.7
 * and 3 (measured on Node 24).
 */
export function createHmac(hash: Hash, raw: Uint8Array): (data: Uint8Array | string) => string {
  const key = raw.length > blockBytes ? Buffer.from(hash('sha256', raw, 'hex'), 'hex') : raw
  const padOf = (byte: number) => Buffer.alloc(blockBytes, byte).map((pad, at) => pad ^ (key[at] ?? 0))
  const inner = padOf(0x36)
  const outer = padOf(0x5c)
  return (data) => {
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    const first = hash('sha256', Buffer.concat([inner, bytes]), 'binary')
    return hash('sha256', Buffer.concat([outer, Buffer.from(first, 'binary')]), 'base64url')
  }
}
