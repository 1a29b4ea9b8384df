import { describe, expect, it } from 'vitest'
import { crypto } from '#crypto'
import { createTokenReader } from '../../src/claim/token-reader.ts'
import { checkJwks } from '../../src/crypto/jwk.ts'
import type { Jwk } from '../../src/index.ts'
import { createPublicVerifier } from '../../src/verify.ts'
import { publicVectors } from '../support/public-vectors.ts'
import { ed25519, publicOf } from '../support/signing-keys.ts'

interface Groups<Group> {
  readonly testGroups: readonly Group[]
}
interface JwsGroup {
  readonly comment: string
  readonly public?: Jwk
  readonly tests: readonly { readonly tcId: number; readonly jws: string; readonly result: string }[]
}
interface RawGroup {
  readonly publicKeyJwk?: Jwk
  readonly publicKey: { readonly wx?: string; readonly wy?: string; readonly pk?: string }
  readonly tests: readonly {
    readonly tcId: number
    readonly msg: string
    readonly sig: string
    readonly result: string
  }[]
}

const name = 'the vectors of Wycheproof'
const jws = publicVectors<Groups<JwsGroup>>('wycheproof/json_web_signature_test.json', name)
const p1363 = publicVectors<Groups<RawGroup>>('wycheproof/ecdsa_secp256r1_sha256_p1363_test.json', name)
const edwards = publicVectors<Groups<RawGroup>>('wycheproof/ed25519_test.json', name)

/** The key as the option takes it, if it does. */
async function keyOf(jwk: Jwk) {
  try {
    return await crypto.keyPair(checkJwks([jwk], 'keys')[0] as never)
  } catch {
    return undefined
  }
}

/** The layer of claimcheck/verify below its one exact header: with whatever header the token has, only the rest can refuse it. */
async function verify(jwk: Jwk, token: string) {
  const signing = await keyOf(jwk)
  if (!signing) return { status: 'bad', reason: 'no key' }
  const complete = () => ({ issued: 0, until: 0, identity: {} })
  return createTokenReader(() => ({ signing }), 'session', Date.now, complete).verify(token)
}

describe.skipIf(jws === undefined)('Wycheproof JWS, ES256', () => {
  const groups = (jws?.testGroups ?? []).filter(({ public: key }) => key?.crv === 'P-256')
  const tests = groups.flatMap((group) => group.tests.map((test) => ({ ...test, jwk: group.public as Jwk })))
  const [good, bad] = [
    tests.filter(({ result }) => result === 'valid'),
    tests.filter(({ result }) => result !== 'valid'),
  ]

  it('is what was counted', () => {
    expect([tests.length, bad.length, good.length]).toEqual([41, 39, 2])
  })

  it.each(bad)('$tcId is refused for its form, its key or its signature', async ({ jwk, jws }) => {
    const { status, reason } = (await verify(jwk, jws)) as { status: string; reason: string }
    expect(status).toBe('bad')
    expect(reason).toMatch(/^(malformed|signature|no key)$/)
  })

  it.each(good)('$tcId is accepted by the key, and refused only for its claims', async ({ jwk, jws }) => {
    expect(await (await keyOf(jwk))?.verify(jws)).toBe(true)
    expect(await verify(jwk, jws)).toMatchObject({ status: 'bad', reason: 'claims' })
  })

  it('a verifier with the very key takes none of the 41, nor throws', async () => {
    const [{ jwk } = { jwk: {} }] = good
    for (const key of [jwk, { ...jwk, kid: undefined }]) {
      const verifier = createPublicVerifier({ keys: [key] })
      for (const { tcId, jws } of tests)
        expect({ tcId, ...(await verifier(`__Host-sid=${jws}`)) }).toMatchObject({ tcId, status: 'bad' })
    }
  })
})

const coordinate = (hex = '') => Buffer.from(hex.padStart(64, '0').slice(-64), 'hex').toString('base64url')

describe.each([
  [
    'ECDSA P-256 in the form of JWS',
    p1363,
    262,
    ({ wx, wy }: RawGroup['publicKey']): Jwk => ({ kty: 'EC', crv: 'P-256', x: coordinate(wx), y: coordinate(wy) }),
  ],
  [
    'Ed25519',
    edwards,
    151,
    ({ pk }: RawGroup['publicKey']): Jwk => ({ kty: 'OKP', crv: 'Ed25519', x: coordinate(pk) }),
  ],
] as const)('Wycheproof %s', (_, vectors, count, jwkOf) => {
  it.skipIf(vectors === undefined)('every signature turns out as labelled', async () => {
    const all: { tcId: number; result: string; is: boolean }[] = []
    for (const group of (vectors as Groups<RawGroup>).testGroups) {
      const key = await keyOf(jwkOf(group.publicKey))
      for (const { tcId, msg, sig, result } of group.tests) {
        // The bytes that are signed are a text of a token; where they are none, what a token is made of cannot carry them.
        const text = Buffer.from(msg, 'hex')
        const token = `${text.toString('latin1')}.${Buffer.from(sig, 'hex').toString('base64url')}`
        if (text.every((byte) => byte < 128)) all.push({ tcId, result, is: (await key?.verify(token)) === true })
      }
    }
    expect(all.length).toBeGreaterThan(count / 3)
    expect(all.filter(({ result, is }) => (result === 'valid') !== is)).toEqual([])
    expect(all.some(({ is }) => is) && all.some(({ is }) => !is)).toBe(true)
  })
})

describe('RFC 8037', () => {
  const token =
    'eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg'

  it('A.4 the signature is made as written', async () => {
    const key = await crypto.keyPair(checkJwks([ed25519], 'keys')[0] as never)
    expect(await key.sign('{"alg":"EdDSA"}', 'Example of Ed25519 signing')).toBe(token)
  })

  it('A.5 it is accepted by the public key, and refused only for its claims', async () => {
    expect(await (await keyOf(publicOf(ed25519)))?.verify(token)).toBe(true)
    expect(await verify(publicOf(ed25519), token)).toMatchObject({ status: 'bad', reason: 'claims' })
  })

  it('with any bit turned it is refused', async () => {
    const [header, payload, signature] = token.split('.') as [string, string, string]
    for (let at = 0; at < 64; at++) {
      const bytes = Buffer.from(signature, 'base64url')
      bytes[at] = (bytes[at] as number) ^ 0x10
      const altered = `${header}.${payload}.${bytes.toString('base64url')}`
      expect(await verify(publicOf(ed25519), altered)).toMatchObject({ status: 'bad', reason: 'signature' })
    }
    for (const altered of [token.replace('RXh', 'RXi'), token.replace('eyJh', 'eyJi'), token.slice(0, -1), `${token}A`])
      expect((await verify(publicOf(ed25519), altered)).status).toBe('bad')
  })
})
