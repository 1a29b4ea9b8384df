import { readFileSync } from 'node:fs'
import type { JWK } from 'jose'
import { CompactSign } from 'jose/jws/compact/sign'
import { compactVerify } from 'jose/jws/compact/verify'
import { importJWK } from 'jose/key/import'
import { describe, expect, it } from 'vitest'
import { crypto } from '#crypto'
import { identify } from '../../src/claim/identity.ts'
import { createReceipts } from '../../src/claim/receipt.ts'
import { signerOf } from '../../src/claim/signer.ts'
import { hashOf, identifyList, joiningKey, nameOf } from '../../src/claim/subject.ts'
import { createTokens } from '../../src/claim/token.ts'
import { checkSecrets, deriveKeys } from '../../src/crypto/keys.ts'
import { checkTokenOptions } from '../../src/options.ts'
import { commitOf, encodeRecord, openRecord, sealRecord } from '../../src/record/record.ts'
import { revisionOf } from '../../src/record/revision.ts'
import { joinable, successorIn, tombstone } from '../../src/record/tombstone.ts'
import { createPublicVerifier } from '../../src/verify.ts'
import {
  referenceKeys,
  referenceOutput,
  referenceSigned,
  type SignedInput,
  type SignedOutput,
  secretOf,
  type VectorInput,
  type VectorOutput,
} from '../support/reference.ts'

interface Vector {
  readonly input: VectorInput
  readonly output: VectorOutput
}

const file = new URL('../conformance/vectors.json', import.meta.url)
const { cases, signed } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly cases: readonly Vector[]
  readonly signed: readonly { readonly input: SignedInput; readonly output: SignedOutput }[]
}
const vectors = cases.map((vector) => ({ ...vector, name: vector.input.name }))

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const hex = (given: Uint8Array) => Buffer.from(given).toString('hex')

/** What src makes of the given values: the ring goes through the option's own check. */
async function made({ input }: Vector) {
  const given = 'utf8' in input.secret ? input.secret.utf8 : bytes(input.secret.hex)
  const ring = await deriveKeys(checkSecrets(given), input.cookie)
  const identity = await identify(bytes(input.id), input.namespace, ring)
  const tokens = createTokens(ring, input.namespace, () => input.now)
  const { revision, until, subject, lifetime } = input
  return { ring, identity, tokens, claim: { identity, revision, until, subject, lifetime } }
}

it('there are vectors, with names of their own', () => {
  expect(new Set(vectors.map(({ name }) => name)).size).toBe(10)
})

describe.each(vectors)('$name', (vector) => {
  const { input, output } = vector

  it('the description leads to the written values', () => {
    expect(referenceOutput(input)).toEqual(output)
  })

  it('kid, header and tag', async () => {
    const { first } = (await made(vector)).ring
    expect(first.header).toBe(output.header)
    expect(first.header).toBe(`{"alg":"HS256","kid":"${output.kid}","typ":"session+jwt"}`)
    expect(first.encodedHeader).toBe(output.encodedHeader)
    expect(hex(first.tag)).toBe(output.tag)
  })

  it('store key and ref', async () => {
    const { identity } = await made(vector)
    expect(identity.key).toBe(output.key)
    expect(identity.ref).toBe(output.ref)
    expect(identity.sealing).toBe(output.sealingKey)
  })

  it('token, signed and verified', async () => {
    const { claim, tokens } = await made(vector)
    expect(await tokens.sign(claim)).toBe(output.token)
    const issued = Math.floor(input.now / 1000)
    expect(await tokens.verify(output.token)).toEqual({ status: 'valid', claim: { ...claim, issued, unseen: true } })
  })

  it('receipt, issued and read', async () => {
    const { ring, identity } = await made(vector)
    expect(await createReceipts(ring).issue(identity.key, input.revision)).toBe(output.receipt)
    const { latest } = createReceipts(ring)
    expect(await latest([output.receipt], identity.key, 0)).toBe(input.revision)
    expect(await latest([output.receipt], `${identity.key}x`, 0)).toBe(0)
  })

  it('token, as jose signs and verifies it', async () => {
    const { signing, header } = referenceKeys(secretOf(input), input.cookie)
    const { payload, protectedHeader } = await compactVerify(output.token, signing, { algorithms: ['HS256'] })
    expect(JSON.stringify(protectedHeader)).toBe(output.header)
    const signer = new CompactSign(payload).setProtectedHeader(JSON.parse(header))
    expect(await signer.sign(signing)).toBe(output.token)
  })

  it('record, sealed', async () => {
    const { ring, identity } = await made(vector)
    const plaintext = new TextEncoder().encode(input.plaintext)
    expect(hex(await sealRecord(ring, identity, input.revision, plaintext, bytes(input.iv)))).toBe(output.record)
  })

  it('record, opened, and its contents encoded again', async () => {
    const { ring, identity } = await made(vector)
    const opened = await openRecord(ring, identity, bytes(output.record))
    const { created, until, data, commits, authenticated, lifetime, subject, device, ...extra } = JSON.parse(
      input.plaintext,
    )
    const members = { commits, authenticated, lifetime, subject, device, extra }
    const record = { created, until, data: new Map(Object.entries(data)), ...members }
    expect(opened).toEqual({ status: 'record', revision: input.revision, record })
    if (opened.status !== 'record') throw new Error('not opened')
    expect(new TextDecoder().decode(encodeRecord(opened.record, 65_536))).toBe(input.plaintext)
    expect(commitOf(bytes(output.record))).toBe(output.commit)
  })

  it('record under an iv of its own, opened by the primitives alone', async () => {
    const { ring, identity } = await made(vector)
    const sealed = await sealRecord(ring, identity, input.revision, new TextEncoder().encode(input.plaintext))
    expect(hex(sealed.subarray(0, 12))).toBe(output.record.slice(0, 24))
    expect(hex(sealed.subarray(12, 24))).not.toBe(input.iv)
    const key = await crypto.sealingKey(referenceKeys(secretOf(input), input.cookie).sealing(output.sealingKey))
    const aad = Buffer.concat([sealed.subarray(0, 12), Buffer.from(output.key)])
    const open = (n: number) => key.open(sealed.subarray(12, 24), aad.subarray(0, n), sealed.subarray(24))
    expect(new TextDecoder().decode(await open(aad.length))).toBe(input.plaintext)
    expect(await open(aad.length - 1)).toBeUndefined()
  })

  it('record with any bit turned does not open', async () => {
    const { ring, identity } = await made(vector)
    const record = bytes(output.record)
    for (let at = 0; at < record.length; at++) {
      const turned = record.with(at, (record[at] as number) ^ 1)
      expect({ at, ...(await openRecord(ring, identity, turned)) }).not.toMatchObject({ status: 'record' })
    }
  })

  it('tombstones and revisions', async () => {
    const { ring, identity } = await made(vector)
    const newIdentity = await identify(bytes(input.newId), input.namespace, ring)
    expect(hex(tombstone('destroyed', input.revision))).toBe(output.destroyed)
    expect(hex(tombstone('regenerated', input.revision, newIdentity))).toBe(output.regenerated)
    expect(hex(tombstone('revoked', input.revision))).toBe(output.revoked)
    for (const value of [output.destroyed, output.regenerated, output.revoked]) {
      const opened = await openRecord(ring, identity, bytes(value))
      expect(opened).toMatchObject({ status: 'tombstone', revision: input.revision })
    }
    for (const value of [output.record, output.destroyed, output.regenerated])
      expect(revisionOf(bytes(value))).toBe(input.revision)
  })

  const { login } = input
  if (login === undefined) return

  it('what a subject leads to, and the way on that only it can open', async () => {
    const { ring, identity } = await made(vector)
    const { namespace, revision } = input
    const hash = await hashOf(login)
    const name = await nameOf(ring.first, namespace, hash)
    const list = await identifyList(name, namespace, ring)
    const newIdentity = await identify(bytes(input.newId), namespace, ring)
    const key = await joiningKey(ring.first, namespace, hash)
    const plain = tombstone('regenerated', revision, newIdentity)
    const wayOn = await joinable(plain, identity, newIdentity, key, bytes(input.iv))
    expect({ hash, name, listKey: list.key, wayOn: hex(wayOn) }).toEqual(output.login)
    expect(await openRecord(ring, identity, wayOn)).toEqual({ status: 'tombstone', revision })
    expect(hex((await successorIn(wayOn, identity, key)) ?? new Uint8Array(0))).toBe(input.newId)
    const other = await joiningKey(ring.first, namespace, await hashOf(`${login}x`))
    expect(await successorIn(wayOn, identity, other)).toBeUndefined()
    expect(await successorIn(wayOn, newIdentity, key)).toBeUndefined()
    for (let at = 0; at < wayOn.length; at++)
      expect(await successorIn(wayOn.with(at, (wayOn[at] as number) ^ 1), identity, key)).toBeUndefined()
  })
})

describe.each(signed.map((vector) => ({ ...vector, name: vector.input.name })))('$name', ({ input, output }) => {
  const part = (token: string, end: 2 | 3) => token.split('.').slice(0, end).join('.')
  const isSame = (token: string) => part(token, 'EdDSA' === JSON.parse(output.header).alg ? 3 : 2)

  it('the description leads to the written values', () => {
    const { token, ...rest } = referenceSigned(input)
    expect({ ...rest, token: isSame(token) }).toEqual({ ...output, token: isSame(output.token) })
  })

  it('token, signed and verified', async () => {
    const settings = checkTokenOptions({
      secret: 'a secret that has nothing to do with it, 9Kd',
      signing: { keys: [input.jwk] },
      namespace: input.namespace,
      cookie: { name: input.cookie },
      now: () => input.now,
    })
    const { tokens, keys, jwks } = await signerOf(settings)()
    const identity = await identify(bytes(input.id), input.namespace, keys)
    const { revision, until, subject, lifetime } = input
    const claim = { identity, revision, until, subject, lifetime }
    expect([keys.signer.header, jwks[0]?.kid]).toEqual([output.header, output.kid])
    expect(isSame(await tokens.sign(claim))).toBe(isSame(output.token))
    const issued = Math.floor(input.now / 1000)
    expect(await tokens.verify(output.token)).toEqual({ status: 'valid', claim: { ...claim, issued, unseen: true } })
  })

  it('of 64 last letters of the signature one is right (B9)', async () => {
    const { d: _, ...jwk } = input.jwk
    const { namespace, cookie, now } = input
    const verify = createPublicVerifier({ keys: [jwk], namespace, cookieName: cookie, now: () => now })
    const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
    const answers = letters.map((letter) => verify(`${cookie}=${output.token.slice(0, -1)}${letter}`))
    const right = (await Promise.all(answers)).flatMap(({ status }, at) => (status === 'valid' ? [letters[at]] : []))
    expect(right).toEqual([output.token.at(-1)])
  })

  it('token, as jose verifies it', async () => {
    const { d: _, ...point } = input.jwk
    const { alg } = JSON.parse(output.header)
    const { protectedHeader } = await compactVerify(output.token, await importJWK(point as unknown as JWK, alg))
    expect(JSON.stringify(protectedHeader)).toBe(output.header)
  })
})
