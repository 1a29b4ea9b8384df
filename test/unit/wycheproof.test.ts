import { describe, expect, it } from 'vitest'
import { crypto } from '#crypto'
import { createTokens } from '../../src/claim/token.ts'
import type { Key } from '../../src/crypto/keys.ts'
import { deriveKeys } from '../../src/crypto/keys.ts'
import { secret } from '../support/app.ts'
import { publicVectors } from '../support/public-vectors.ts'

interface Groups<Group> {
  readonly testGroups: readonly Group[]
}
interface JwsGroup {
  readonly comment: string
  readonly private: { readonly kty: string; readonly alg: string; readonly k: string }
  readonly tests: readonly { readonly tcId: number; readonly jws: string; readonly result: string }[]
}
interface MacGroup {
  readonly tagSize: number
  readonly tests: readonly MacTest[]
}
interface MacTest {
  readonly tcId: number
  readonly key: string
  readonly msg: string
  readonly tag: string
  readonly result: string
}

const jws = publicVectors<Groups<JwsGroup>>('wycheproof/json_web_signature_test.json', 'the JWS vectors of Wycheproof')
const mac = publicVectors<Groups<MacGroup>>('wycheproof/hmac_sha256_test.json', 'the HMAC vectors of Wycheproof')

/** Labelled invalid but byte for byte the valid 357. */
const sameAs357 = [367, 370]
/** Labelled valid, with `?` inside a part, which RFC 7515 section 5.2 forbids. */
const malformed = [372, 373]

describe.skipIf(jws === undefined)('Wycheproof JWS, HS256', () => {
  const groups = (jws?.testGroups ?? []).filter((group) => group.private.kty === 'oct')
  const tests = groups.flatMap((group) => group.tests.map((test) => ({ ...test, k: group.private.k })))
  const isGood = ({ tcId, result }: { tcId: number; result: string }) =>
    sameAs357.includes(tcId) || (result === 'valid' && !malformed.includes(tcId))
  const good = tests.filter(isGood)
  const bad = tests.filter((test) => !isGood(test))

  /** The token layer with this key, and with whatever header the token has configured: only the rest can refuse it. */
  const verify = async (k: string, token: string) => {
    const ring = await deriveKeys([Buffer.from(secret)], '__Host-sid')
    const signing = await crypto.signingKey(Buffer.from(k, 'base64url'))
    const key: Key = { ...ring.first, signing }
    const byHeader = new Map([[token.split('.')[0] as string, key]])
    return createTokens({ ...ring, byHeader }, 'session', Date.now).verify(token)
  }

  it('is what was counted', () => {
    const labelled = good.filter(({ tcId }) => !sameAs357.includes(tcId))
    expect([tests.length, bad.length, labelled.length]).toEqual([40, 28 + malformed.length, 8])
    const text357 = tests.find(({ tcId }) => tcId === 357)?.jws
    for (const tcId of sameAs357) expect(tests.find((test) => test.tcId === tcId)?.jws).toBe(text357)
  })

  it.each(bad)('$tcId is refused for its form or its signature', async ({ k, jws }) => {
    expect(await verify(k, jws)).toMatchObject({
      status: 'bad',
      reason: expect.stringMatching(/^(malformed|signature)$/),
    })
  })

  it.each(good)('$tcId is accepted by the signing key, and refused only for its claims', async ({ k, jws }) => {
    const key = await crypto.signingKey(Buffer.from(k, 'base64url'))
    expect(await key.verify(jws)).toBe(true)
    expect(await verify(k, jws)).toEqual({ status: 'bad', reason: 'claims' })
  })

  it('none of the 40 is a token of ours', async () => {
    const tokens = createTokens(await deriveKeys([Buffer.from(secret)], '__Host-sid'), 'session', Date.now)
    for (const { jws } of tests) expect((await tokens.verify(jws)).status).toBe('bad')
  })
})

describe.skipIf(mac === undefined)('Wycheproof HMAC-SHA-256', () => {
  const testsOf = (bits: number) =>
    (mac?.testGroups ?? []).filter(({ tagSize }) => tagSize === bits).flatMap(({ tests }) => tests)
  const digest = async ({ key, msg }: MacTest) => {
    const text = await (await crypto.macKey(Buffer.from(key, 'hex'))).digest(Buffer.from(msg, 'hex'))
    return Buffer.from(text, 'base64url').toString('hex')
  }

  it('is what was counted', () => {
    expect([testsOf(256).length, testsOf(128).length]).toEqual([87, 87])
  })

  it('the 87 of full length come out as written', async () => {
    for (const test of testsOf(256)) {
      const verdict = (await digest(test)) === test.tag ? 'valid' : 'invalid'
      expect({ tcId: test.tcId, result: verdict }).toEqual({ tcId: test.tcId, result: test.result })
    }
  })

  it('the 87 that were cut short are refused, also where they are the beginning of the right MAC', async () => {
    let right = 0
    for (const test of testsOf(128)) {
      const whole = await digest(test)
      expect(test.tag).not.toBe(whole)
      if (whole.startsWith(test.tag)) right++
      const key = await crypto.signingKey(Buffer.from(test.key, 'hex'))
      const token = await key.sign('{"alg":"HS256"}', test.msg)
      const [header, payload, signature] = token.split('.') as [string, string, string]
      const short = Buffer.from(signature, 'base64url').subarray(0, 16).toString('base64url')
      const given = Buffer.from(test.tag, 'hex').toString('base64url')
      expect(await key.verify(token)).toBe(true)
      expect(await key.verify(`${header}.${payload}.${short}`)).toBe(false)
      expect(await key.verify(`${header}.${payload}.${given}`)).toBe(false)
    }
    expect(right).toBe(testsOf(128).filter(({ result }) => result === 'valid').length)
  })
})
