import type { JWK } from 'jose'
import { CompactSign } from 'jose/jws/compact/sign'
import { compactVerify } from 'jose/jws/compact/verify'
import { importJWK as load } from 'jose/key/import'
import { describe, expect, it, vi } from 'vitest'
import { createSessions, createVerifier, type Jwk, type SessionOptions } from '../../src/index.ts'
import { type Any, browser, kit, secret, tokenOf } from '../support/app.ts'
import { mintToken, referenceKeys } from '../support/reference.ts'
import { alice, ignored, sessionApp } from '../support/session-app.ts'
import { drawKey, ed25519, headerOf, p256, publicOf } from '../support/signing-keys.ts'

const kinds = [
  ['ES256', p256, 'oKIywvGU'],
  ['EdDSA', ed25519, 'kPrK_qmx'],
] as const

/** As jose has its keys. */
const importJWK = (key: Jwk, alg: string) => load(key as JWK, alg)

const signed = (...keys: readonly Jwk[]) => sessionApp({ signing: { keys } })
const cookie = (token: string) => `__Host-sid=${token}`

describe.each(kinds)('claim checks signed by %s', (alg, key, kid) => {
  it('carry the session as those under the secret do, at the same costs (G2)', async () => {
    const site = signed(key)
    const token = await site.login('alice')
    expect(await site.ask(cookie(token))).toEqual(alice)
    const { setCookies, ...added } = await site.ask(cookie(token), '/cart', { method: 'POST' })
    expect(added).toEqual({ status: 200, user: 'alice', roundTrips: 2 })
    expect(setCookies).toEqual([expect.stringMatching(/^__Host-sid-rev=/)])
  })

  it('have one exact header, which names key and cookie, and any JWS verifier takes them', async () => {
    const token = await signed(key).login('alice')
    expect(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).toBe(
      `{"alg":"${alg}","kid":"${kid}","typ":"session+jwt","cookie":"__Host-sid"}`,
    )
    const { payload } = await compactVerify(token, await importJWK(publicOf(key), alg), { algorithms: [alg] })
    expect(Object.keys(JSON.parse(new TextDecoder().decode(payload)))).toEqual(['sid', 'rev', 'iat', 'exp', 'aud'])
  })

  it('are verified as jose signs them', async () => {
    const site = signed(key)
    const token = await site.login('alice')
    const payload = Buffer.from(token.split('.')[1] as string, 'base64url')
    const other = await new CompactSign(payload)
      .setProtectedHeader(headerOf(token) as never)
      .sign(await importJWK(key, alg))
    expect(await site.ask(cookie(other))).toEqual(alice)
  })

  it('with any bit of the signature or the claims turned they are refused (G1)', async () => {
    const site = signed(key)
    const token = await site.login('alice')
    const [header, payload, signature] = token.split('.') as [string, string, string]
    const turn = (text: string, at: number) => {
      const bytes = Buffer.from(text, 'base64url')
      bytes[at] = (bytes[at] as number) ^ 1
      return bytes.toString('base64url')
    }
    for (let at = 0; at < 64; at++)
      expect({ at, ...(await site.ask(cookie(`${header}.${payload}.${turn(signature, at)}`))) }).toEqual({
        at,
        ...ignored,
      })
    for (let at = 0; at < 100; at++)
      expect({ at, ...(await site.ask(cookie(`${header}.${turn(payload, at)}.${signature}`))) }).toEqual({
        at,
        ...ignored,
      })
    for (const short of ['', signature.slice(0, 43), signature.slice(0, 85), `${signature}AA`])
      expect(await site.ask(cookie(`${header}.${payload}.${short}`))).toEqual(ignored)
  })

  it('are good under the name of their own cookie only (F17)', async () => {
    const shop = sessionApp({ cookie: { name: '__Host-shop' }, signing: { keys: [key] } })
    const admin = sessionApp({
      cookie: { name: '__Host-admin' },
      store: shop.memory,
      now: shop.clock.now,
      signing: { keys: [key] },
    })
    const token = await shop.login('alice')
    expect(await shop.ask(`__Host-shop=${token}`)).toMatchObject({ user: 'alice' })
    expect(await admin.ask(`__Host-admin=${token}`)).toEqual(ignored)
  })

  it('createVerifier takes them with the public key', async () => {
    const site = signed(key)
    const token = await site.login('alice')
    const verify = createVerifier({ secret, signing: { keys: [publicOf(key)] }, now: site.clock.now })
    expect(await verify(cookie(token))).toMatchObject({ status: 'valid' })
  })

  it('B1 B2 B3 B29 another algorithm under the kid is refused: none, HS256 with the public key as secret or under the secret, the other curve', async () => {
    const site = signed(key)
    const token = await site.login('alice')
    const payload = Buffer.from(token.split('.')[1] as string, 'base64url').toString()
    const publicKey = publicOf(key)
    const secrets = [JSON.stringify(publicKey), Buffer.from(`${key.x}${key.y ?? ''}`, 'base64url'), secret].map((one) =>
      Buffer.from(one),
    )
    const header = headerOf(token)
    for (const other of ['none', 'None', '', 'HS256', 'ES384', 'RS256', alg === 'ES256' ? 'EdDSA' : 'ES256']) {
      const text = JSON.stringify({ ...header, alg: other })
      for (const raw of [...secrets, referenceKeys(Buffer.from(secret)).signing])
        expect(await site.ask(cookie(mintToken(raw, text, payload)))).toEqual(ignored)
      const [, , signature] = token.split('.')
      expect(
        await site.ask(cookie(`${Buffer.from(text).toString('base64url')}.${token.split('.')[1]}.${signature}`)),
      ).toEqual(ignored)
    }
    for (const raw of secrets)
      expect(await site.ask(cookie(mintToken(raw, JSON.stringify(header), payload)))).toEqual(ignored)
  })

  it('B5 a key that the header brings along is not looked at', async () => {
    const site = signed(key)
    const token = await site.login('alice')
    const own = drawKey(alg)
    const signer = await importJWK(own, alg)
    for (const more of [{ jwk: publicOf(own) }, { jku: 'http://127.0.0.1:9/jwks' }, { x5c: ['AA=='] }, {}]) {
      const forged = await new CompactSign(Buffer.from(token.split('.')[1] as string, 'base64url'))
        .setProtectedHeader({ ...headerOf(token), ...more } as never)
        .sign(signer)
      expect(await site.ask(cookie(forged))).toEqual(ignored)
    }
  })
})

it('B11 a signature of ES256 has two spellings: both are one session, which a logout ends', async () => {
  const site = signed(p256)
  const token = await site.login('alice')
  const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const bytes = Buffer.from(signature, 'base64url')
  const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from((n - s).toString(16).padStart(64, '0'), 'hex')])
  const twin = `${header}.${payload}.${other.toString('base64url')}`
  expect(await site.ask(cookie(twin))).toEqual(alice)
  await site.ask(cookie(token), '/logout', { method: 'POST' })
  expect(await site.ask(cookie(twin))).toMatchObject({ user: null })
})

describe('rotation of signing keys (B27)', () => {
  const [k1, k2] = [drawKey('ES256', 'one'), drawKey('EdDSA', 'two')]

  it('[k1], [k1, k2], [k2, k1], [k2]: no session is lost, and none of k1 is accepted afterwards', async () => {
    const test = kit()
    const first: Record<string, string> = {}
    const users = ['a', 'b', 'c']
    const jar = new Map<string, string | undefined>()
    const at = (...keys: Jwk[]) => createSessions<Any>({ ...test.options, signing: { keys } })
    const visit = async (sessions: ReturnType<typeof at>, user: string) => {
      const there = browser(sessions, jar.get(user))
      const n = await there.visit((session) =>
        session.update('n', (before = 0) => before + 1).then(() => session.get('n')),
      )
      jar.set(user, there.cookie)
      test.clock.advance(1)
      return n
    }
    for (const [turn, keys] of [[k1], [k1, k2], [k2, k1], [k2]].entries())
      for (const user of users) {
        expect(await visit(at(...keys), user)).toBe(turn + 1)
        first[user] ??= jar.get(user) as string
      }
    for (const user of users) {
      expect(headerOf(tokenOf(first[user])).kid).toBe('one')
      expect(headerOf(tokenOf(jar.get(user))).kid).toBe('two')
      expect(await at(k2).open(first[user]).session.get('n')).toBeUndefined()
    }
  })

  it('a token under the secret goes on, and is sent anew under the key with the next change', async () => {
    const before = sessionApp()
    const token = await before.login('alice')
    const site = sessionApp({ store: before.memory, now: before.clock.now, signing: { keys: [k1] } })
    expect(await site.ask(cookie(token))).toEqual(alice)
    const { setCookies } = await site.ask(cookie(token), '/cart', { method: 'POST' })
    expect(headerOf(tokenOf(setCookies[0])).alg).toBe('ES256')
  })

  it('public keys alone verify, while the secret still signs: the first step of a deploy', async () => {
    const site = sessionApp({ signing: { keys: [publicOf(k1)] } })
    expect(headerOf(await site.login('alice')).alg).toBe('HS256')
    const other = sessionApp({ store: site.memory, now: site.clock.now, signing: { keys: [k1] } })
    expect(await site.ask(cookie(await other.login('alice')))).toEqual(alice)
  })

  it('a function gives the keys: asked at start and every refreshSeconds, kept on failure with an event', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      let answer: () => Promise<readonly Jwk[]> = async () => [k1]
      const keys = vi.fn((_refresh: boolean) => answer())
      const site = sessionApp({ signing: { keys }, refreshSeconds: 60 })
      const token = await site.login('alice')
      expect(keys.mock.calls.some(([refresh]) => refresh)).toBe(false)
      answer = () => Promise.reject(new Error('scripted'))
      vi.advanceTimersByTime(150_000)
      expect(await site.ask(cookie(token))).toEqual(alice)
      expect(site.events.map(({ type }) => type)).toContain('keys-kept')
      answer = async () => [k2]
      vi.advanceTimersByTime(150_000)
      expect(await site.ask(cookie(token))).toEqual(ignored)
      expect(headerOf(await site.login('alice')).kid).toBe('two')
      expect(keys.mock.calls.at(-1)).toEqual([true])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('jwks()', () => {
  const build = (signing: SessionOptions['signing']) => createSessions({ ...kit().options, signing })

  it('has the public members of every key and nothing else', async () => {
    const { keys } = await build({ keys: [p256, { ...ed25519, kid: 'mine', ext: true, use: 'sig' }] }).jwks()
    const { d: _, ...point } = p256
    expect(keys).toEqual([
      { ...point, kid: 'oKIywvGU', alg: 'ES256', use: 'sig' },
      { kty: 'OKP', crv: 'Ed25519', x: ed25519.x, kid: 'mine', alg: 'EdDSA', use: 'sig' },
    ])
    expect(JSON.stringify(keys)).not.toContain(p256.d)
  })

  it('is empty without the option', async () => {
    expect(await build(undefined).jwks()).toEqual({ keys: [] })
  })
})

describe('what is no signing key', () => {
  const build = (keys: unknown) => createSessions({ ...kit().options, signing: { keys: keys as Jwk[] } })

  it.each<readonly [string, unknown, RegExp]>([
    ['no list', p256, /signing\.keys must be a list/],
    ['an empty list', [], /signing\.keys must list 1 to 32/],
    ['no object', ['x'], /signing\.keys\[0\] must be a JWK/],
    ['a secret', [{ kty: 'oct', k: 'AAAA' }], /signing\.keys\[0\] must be of kty EC/],
    ['RSA', [{ kty: 'RSA', n: 'AQ', e: 'AQAB' }], /must be of kty EC/],
    ['another curve', [{ ...p256, crv: 'P-384' }], /must be of kty EC/],
    ['X25519', [{ ...ed25519, crv: 'X25519' }], /must be of kty EC/],
    ['no y', [{ ...p256, y: undefined }], /no public key/],
    ['a y too many', [{ ...ed25519, y: p256.y }], /no public key/],
    ['a short x', [{ ...p256, x: 'AAAA' }], /no public key/],
    ['a d of another length', [{ ...p256, d: 'AAAA' }], /signing\.keys\[0\]\.d must/],
    ['another alg', [p256, { ...ed25519, alg: 'ES256' }], /signing\.keys\[1\]\.alg must be EdDSA or Ed25519/],
    ['HS256 as alg', [{ ...p256, alg: 'HS256' }], /alg must be ES256/],
    ['for encryption', [{ ...p256, use: 'enc' }], /use must be sig/],
    ['not for signing', [{ ...p256, key_ops: ['deriveBits'] }], /key_ops must have sign/],
    ['a kid that means something elsewhere', [{ ...p256, kid: '../x' }], /kid must be/],
    ['an empty kid', [{ ...p256, kid: '' }], /kid must be/],
    ['a key twice', [p256, publicOf(p256)], /two of the keys are the same/],
    [
      'B28 a kid twice',
      [
        { ...p256, kid: 'a' },
        { ...ed25519, kid: 'a' },
      ],
      /same kid/,
    ],
    ['33 keys', Array.from({ length: 33 }, () => p256), /1 to 32/],
  ])('%s', (_, keys, message) => {
    expect(() => build(keys)).toThrow(message)
  })

  it('and an unknown name beside keys', () => {
    expect(() => createSessions({ ...kit().options, signing: { keys: [p256], kyes: 1 } as never })).toThrow(
      /signing\.kyes/,
    )
    expect(() => createSessions({ ...kit().options, signing: null as never })).toThrow(/signing must be an object/)
  })

  it.each([
    ['a point off the curve', { ...publicOf(p256), y: p256.x }],
    ['the private part of another key', { ...p256, d: ed25519.d }],
    ['the private part of another key of EdDSA', { ...ed25519, d: p256.d }],
  ])('%s is told at the first use, without a word of the key', async (_, key) => {
    const { session, commit } = build([key]).open(undefined)
    session.set('a', 1)
    const error = await commit().catch((reason: Error) => reason)
    expect(String(error)).toMatch(/SessionOptionsError: signing\.keys\[0\] is no key of its curve/)
    expect(String(error)).not.toContain(key.x)
  })
})
