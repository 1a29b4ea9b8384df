import { describe, expect, inject, test } from 'vitest'
import { decodeBase64url } from '../../../src/crypto/base64url.ts'
import { crypto as node } from '../../../src/crypto/node.ts'
import { crypto as web } from '../../../src/crypto/web.ts'

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))
const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
const hex = (given: Uint8Array) => [...given].map((byte) => byte.toString(16).padStart(2, '0')).join('')
/** Plain bytes: one side answers with a Buffer. */
const plain = (given: Uint8Array | undefined) => given && new Uint8Array(given)

const pairs = [
  ['node:crypto', node, 'WebCrypto', web],
  ['WebCrypto', web, 'node:crypto', node],
] as const
/** Empty, around the blocks of SHA-256 and AES, and the largest that a test should take. */
const lengths = [0, 1, 15, 16, 17, 55, 56, 63, 64, 65, 1000, 65_536]

describe('crypto', () => {
  describe.each(pairs)('%s', (_, one, otherName, other) => {
    test(`seals what ${otherName} opens`, async () => {
      for (const length of lengths) {
        const [raw, iv, aad, text] = [random(32), random(12), random(55), random(length)]
        const sealed = await (await one.sealingKey(raw)).seal(iv, aad, text, new Uint8Array(length + 16), 0)
        const key = await other.sealingKey(raw)
        expect(plain(await key.open(iv, aad, sealed))).toEqual(text)
        expect(await key.open(iv, aad.with(0, (aad[0] as number) ^ 1), sealed)).toBeUndefined()
        expect(await key.open(iv, aad, sealed.subarray(0, 15))).toBeUndefined()
      }
    })

    test(`signs what ${otherName} verifies`, async () => {
      const [raw, wrong] = [random(32), random(32)]
      const header = '{"alg":"HS256","kid":"01234567","typ":"session+jwt"}'
      const payload = '{"sid":"\u00e4\ud83d\ude00"}'
      const token = await (await one.signingKey(raw)).sign(header, payload)
      expect(await (await other.signingKey(raw)).sign(header, payload)).toBe(token)
      expect(await (await other.signingKey(raw)).verify(token)).toBe(true)
      expect(await (await other.signingKey(wrong)).verify(token)).toBe(false)
    })

    test(`hashes and derives as ${otherName}`, async () => {
      for (const length of lengths) {
        const data = random(length)
        expect(await one.sha256(data)).toBe(await other.sha256(data))
        expect(hex(await one.hkdf(data, 'claimcheck/v1/token'))).toBe(
          hex(await other.hkdf(data, 'claimcheck/v1/token')),
        )
      }
    })
  })

  const vectors = inject('macVectors')
  describe.skipIf(vectors === null)('the HMAC-SHA-256 vectors of Wycheproof', () => {
    test('are all there', () => {
      expect(vectors).toHaveLength(87)
    })

    test.each([
      ['node:crypto', node],
      ['WebCrypto', web],
    ] as const)('by %s', async (_, { macKey }) => {
      for (const { tcId, key, msg, tag, result } of vectors ?? []) {
        const digest = hex(decodeBase64url(await (await macKey(bytes(key))).digest(bytes(msg))) as Uint8Array)
        expect({ tcId, result: digest === tag ? 'valid' : 'invalid' }).toEqual({ tcId, result })
      }
    })
  })
})
