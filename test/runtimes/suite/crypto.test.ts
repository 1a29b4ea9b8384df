import { describe, expect, inject, test } from 'vitest'
import { identify } from '../../../src/claim/identity.ts'
import { createReceipts } from '../../../src/claim/receipt.ts'
import { signerOf } from '../../../src/claim/signer.ts'
import { createTokens } from '../../../src/claim/token.ts'
import { checkSecrets, deriveKeys } from '../../../src/crypto/keys.ts'
import { checkTokenOptions } from '../../../src/options.ts'
import { encodeRecord, openRecord, sealRecord } from '../../../src/record/record.ts'
import { tombstone } from '../../../src/record/tombstone.ts'
import { isWorkers } from '../../../src/runtime.ts'
import { createPublicVerifier } from '../../../src/verify.ts'
import type { VectorInput } from '../../support/reference.ts'

const cases = inject('vectors').map((vector) => ({ ...vector, name: vector.input.name }))
const name = inject('crypto')
const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
const hex = (given: Uint8Array) => [...given].map((byte) => byte.toString(16).padStart(2, '0')).join('')
const utf8 = new TextEncoder()

/** What src makes of the given values, on whichever crypto this project has. */
async function subject(input: VectorInput) {
  const ring = await deriveKeys(
    checkSecrets('utf8' in input.secret ? input.secret.utf8 : bytes(input.secret.hex)),
    input.cookie,
  )
  const identity = await identify(bytes(input.id), input.namespace, ring)
  const tokens = createTokens(ring, input.namespace, () => input.now)
  return { ring, identity, tokens }
}

describe('crypto', () => {
  test(`is ${name}, as this project wants it`, async () => {
    const { first } = await deriveKeys(checkSecrets('a secret of at least thirty-two characters'), '__Host-sid')
    // Only WebCrypto takes its time.
    expect(first.signing.sign('{"alg":"HS256"}', '{}') instanceof Promise).toBe(name === 'WebCrypto')
    expect(cases.length).toBeGreaterThanOrEqual(7)
  })

  describe.each(cases)(`$name, by ${name}`, ({ input, output }) => {
    test('keys and token', async () => {
      const { ring, identity, tokens } = await subject(input)
      const { first } = ring
      expect([first.header, first.encodedHeader, hex(first.tag)]).toEqual([
        ...[output.header, output.encodedHeader, output.tag],
      ])
      expect([identity.key, identity.ref, identity.sealing]).toEqual([output.key, output.ref, output.sealingKey])
      const { revision, until, subject: sub, lifetime } = input
      const claim = { identity, revision, until, subject: sub, lifetime }
      expect(await tokens.sign(claim)).toBe(output.token)
      expect(await createReceipts(ring).issue(identity.key, input.revision)).toBe(output.receipt)
      const issued = Math.floor(input.now / 1000)
      expect(await tokens.verify(output.token)).toEqual({ status: 'valid', claim: { ...claim, issued, unseen: true } })
      expect(await tokens.verify(`${output.token.slice(0, -2)}AA`)).toEqual({ status: 'bad', reason: 'signature' })
    })

    test('record, sealed and opened', async () => {
      const { ring, identity } = await subject(input)
      const sealed = await sealRecord(ring, identity, input.revision, utf8.encode(input.plaintext), bytes(input.iv))
      expect(hex(sealed)).toBe(output.record)
      const opened = await openRecord(ring, identity, bytes(output.record))
      if (opened.status !== 'record') throw new Error(opened.status)
      expect(new TextDecoder().decode(encodeRecord(opened.record, 65_536))).toBe(input.plaintext)
      const turned = sealed.with(-1, (sealed.at(-1) as number) ^ 1)
      expect(await openRecord(ring, identity, turned)).toEqual({ status: 'corrupt' })
    })

    test('tombstones', async () => {
      const { ring } = await subject(input)
      const newIdentity = await identify(bytes(input.newId), input.namespace, ring)
      expect(hex(tombstone('destroyed', input.revision))).toBe(output.destroyed)
      expect(hex(tombstone('regenerated', input.revision, newIdentity))).toBe(output.regenerated)
    })
  })
})

/** Its node:crypto takes no KeyObject beside the encoding of a signature. Nothing runs on it there: `#crypto` is WebCrypto. */
const lacksPairs = isWorkers() && name === 'node:crypto'
if (lacksPairs)
  console.warn('SKIPPED: signing keys by the node:crypto of workerd, which the library does not use there')

describe.skipIf(lacksPairs).each(inject('signed').map((vector) => ({ ...vector, name: vector.input.name })))(
  `$name, by ${name}`,
  (vector) => {
    const { input, output } = vector
    const cookieHeader = `${input.cookie}=${output.token}`

    test('signed and verified', async () => {
      const { namespace, cookie, now } = input
      const secret = 'a secret that has nothing to do with it, 9Kd'
      const settings = { secret, signing: { keys: [input.jwk] }, namespace, cookie: { name: cookie }, now: () => now }
      const { tokens, keys } = await signerOf(checkTokenOptions(settings))()
      const identity = await identify(bytes(input.id), namespace, keys)
      const { revision, until, subject: sub, lifetime } = input
      const token = await tokens.sign({ identity, revision, until, subject: sub, lifetime })
      expect(token.slice(0, -86)).toBe(output.token.slice(0, -86))
      for (const one of [token, output.token]) expect((await tokens.verify(one)).status).toBe('valid')
      expect((await tokens.verify(`${output.token.slice(0, -2)}AA`)).status).toBe('bad')
    })

    test('verified with the public key alone', async () => {
      const { d: _, ...jwk } = input.jwk
      const options = { keys: [jwk], namespace: input.namespace, cookieName: input.cookie, now: () => input.now }
      const { revision, until } = input
      expect(await createPublicVerifier(options)(cookieHeader)).toMatchObject({ status: 'valid', revision, until })
    })
  },
)
