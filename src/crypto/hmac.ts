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
 * and 3 (measured on Node 24). Nothing waits in here, so one buffer serves all calls. What holds a key is made by `Buffer.alloc`: other
 * ways take it out of a pool, where any small buffer's `buffer` shows it.
 */
export function createHmac(hash: Hash, raw: Uint8Array): (data: Uint8Array | string) => string {
  const key = raw.length > blockBytes ? Buffer.alloc(hashBytes, hash('sha256', raw, 'hex'), 'hex') : raw
  const padded = (pad: number, bytesBehind: number) => {
    const buffer = Buffer.alloc(blockBytes + bytesBehind)
    for (let at = 0; at < blockBytes; at++) buffer[at] = (key[at] ?? 0) ^ pad
    return buffer
  }
  const inner = padded(0x36, roomBytes)
  const outer = padded(0x5c, hashBytes)
  return (data) => {
    // A letter has at most three bytes.
    const fits = (typeof data === 'string' ? data.length * 3 : data.length) <= roomBytes
    const text = fits ? inner : padded(0x36, Buffer.byteLength(data))
    const length = typeof data === 'string' ? text.write(data, blockBytes) : data.length
    if (typeof data !== 'string') text.set(data, blockBytes)
    outer.write(hash('sha256', text.subarray(0, blockBytes + length), 'binary'), blockBytes, 'binary')
    return hash('sha256', outer, 'base64url')
  }
}
