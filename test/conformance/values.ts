let lastRevision = 0

/** A key no other case uses, so that all cases can run on one server at the same time. */
export function freshKey(): string {
  return `conformance:${[...randomBytes(16)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
}

/**
 * Bytes shaped like a sealed record, `24 + body` long, with a revision higher than any before.
 *
 * A store may take its version from the first 24 bytes, where every real record has a random iv, and a composition reads the
 * revision there: neither could work with arbitrary bytes. `body` is its length (default 40) or the bytes themselves.
 */
export function record(body: number | Uint8Array = 40): Uint8Array {
  const tail = typeof body === 'number' ? filler(body) : body
  const bytes = new Uint8Array(24 + tail.length)
  bytes[0] = 1
  bytes.set([0xc1, 0xa1, 0x3c, 0x4e], 1)
  bytes.set(nextRevision(), 5)
  bytes.set(randomBytes(12), 12)
  bytes.set(tail, 24)
  return bytes
}

/** Bytes shaped like a tombstone, 20 long, with a revision higher than any before. */
export function tombstone(): Uint8Array {
  const bytes = new Uint8Array(20)
  bytes[1] = 1
  bytes.set(nextRevision(), 2)
  return bytes
}

/** Every byte value once: NUL, CR LF, and much that is not UTF-8. */
export function everyByte(): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, index) => index)
}

function filler(length: number): Uint8Array {
  const [start = 0] = randomBytes(1)
  const bytes = new Uint8Array(length)
  for (let index = 0; index < length; index++) bytes[index] = start + index * 31
  return bytes
}

/** 48 bits, big endian. Read when a case runs: Workers have no clock and no randomness while a module loads. */
function nextRevision(): Uint8Array {
  lastRevision = Math.max(lastRevision + 1, Date.now())
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(lastRevision))
  return bytes.subarray(2)
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}
