import * as node from 'node:crypto'
import { expect, test } from 'vitest'
import { decodeBase64url } from '../../src/crypto/base64url.ts'
import { createHmac } from '../../src/crypto/hmac.ts'

const lengths = [0, 1, 32, 55, 64, 600, 682, 683, 2048, 2049, 70_000]

test('is the HMAC of node:crypto for keys and data of any length, of bytes and of text', () => {
  for (const keyBytes of [1, 32, 64, 65, 200]) {
    const key = node.randomBytes(keyBytes)
    const mac = createHmac(node.hash, key)
    for (const length of lengths)
      for (const data of [new Uint8Array(node.randomBytes(length)), 'x'.repeat(length), '\u20ac'.repeat(length)])
        expect(mac(data), `${keyBytes}, ${length}`).toBe(
          node.createHmac('sha256', key).update(data).digest('base64url'),
        )
  }
})

/** Where small buffers lie together: whoever hands out the `buffer` of one, by mistake, shows all of it. */
const poolNow = () => Buffer.allocUnsafe(1).buffer
const isIn = (pools: ReadonlySet<ArrayBufferLike>, bytes: Uint8Array<ArrayBuffer>) =>
  [...pools].some((pool) => Buffer.from(pool).includes(Buffer.from(bytes.buffer)))

test('no key of a MAC lies in the memory that small buffers share', () => {
  for (const key of [new Uint8Array(node.randomBytes(32)), new Uint8Array(node.randomBytes(100))]) {
    const pools = new Set([poolNow()])
    const mac = createHmac(node.hash, key)
    for (const length of lengths)
      for (const data of [new Uint8Array(length), 'x'.repeat(length)]) {
        mac(data)
        pools.add(poolNow())
      }
    const used = key.length <= 64 ? key : new Uint8Array(node.createHash('sha256').update(key).digest())
    for (const pad of [0, 0x36, 0x5c]) {
      const padded = used.map((byte) => byte ^ pad)
      expect(isIn(pools, padded), `${key.length} bytes, pad ${pad}`).toBe(false)
    }
  }
})

test('nor does what is decoded, which may be a key', () => {
  const bytes = new Uint8Array(node.randomBytes(32))
  const pools = new Set([poolNow()])
  expect(decodeBase64url(node.hash('sha256', bytes, 'base64url'))).toHaveLength(32)
  pools.add(poolNow())
  expect(isIn(pools, new Uint8Array(node.createHash('sha256').update(bytes).digest()))).toBe(false)
})
