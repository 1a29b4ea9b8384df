/** The one-shot hash of node:crypto, a part of its overloads. */
type Hash = (algorithm: string, data: Uint8Array, outputEncoding: 'base64url' | 'binary' | 'hex') => string

/** What SHA-256 takes in at once. */
const blockBytes = 64
const hashBytes = 32
/** A token, a receipt and an id are far below this. */
const roomBytes = 2048

/**
 * HMAC-SHA-256 (RFC 2104) in base64url, by two one-shot hashes.
 *
 * `createHmac` makes an object and a buffer outside of the heap each time: 3.9 us alone and 10 in a busy server, where this takes 1.2
 * and 3 (measured on Node 24). Nothing waits in here, so one buffer serves all calls.
 */
export function createHmac(hash: Hash, raw: Uint8Array): (data: Uint8Array | string) => string {
  const key = raw.length > blockBytes ? Buffer.from(hash('sha256', raw, 'hex'), 'hex') : raw
  const padOf = (byte: number) => Buffer.alloc(blockBytes, byte).map((pad, at) => pad ^ (key[at] ?? 0))
  const inner = Buffer.concat([padOf(0x36), Buffer.alloc(roomBytes)])
  const outer = Buffer.concat([padOf(0x5c), Buffer.alloc(hashBytes)])
  const behindPad = (data: Uint8Array | string) => {
    // A letter has at most three bytes.
    if (typeof data === 'string' && data.length * 3 <= roomBytes)
      return inner.subarray(0, blockBytes + inner.write(data, blockBytes))
    return Buffer.concat([inner.subarray(0, blockBytes), typeof data === 'string' ? Buffer.from(data) : data])
  }
  return (data) => {
    outer.write(hash('sha256', behindPad(data), 'binary'), blockBytes, 'binary')
    return hash('sha256', outer, 'base64url')
  }
}
