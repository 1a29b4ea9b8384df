import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { otherSecret, secret } from '../support/app.ts'
import { macOver, mintToken, referenceKeys, referenceToken } from '../support/reference.ts'
import { alice, ignored, sessionApp } from '../support/session-app.ts'

// One live session and the key that signs it: but for the one thing that a row changes, every token here would be alice's.
const keys = referenceKeys(Buffer.from(secret))
const { ask, clock, events, login } = sessionApp()
const token = await login('alice')
const [encodedHeader, encodedPayload] = token.split('.') as [string, string, string]
const payload = Buffer.from(encodedPayload, 'base64url').toString()
const claims = JSON.parse(payload)

const mint = (header: string | Uint8Array, body: string | Uint8Array) => mintToken(keys.signing, header, body)
const withHeader = (header: object) => mint(JSON.stringify(header), payload)
const header = { alg: 'HS256', kid: keys.kid, typ: 'session+jwt' }
const cookie = (value: string) => ask(`__Host-sid=${value}`)

async function expectRefused(...tokens: readonly string[]) {
  for (const value of tokens) expect({ value, ...(await cookie(value)) }).toEqual({ value, ...ignored })
}

it('the token that the rows change is alice, and is the one that the description leads to', async () => {
  expect(await cookie(token)).toEqual(alice)
  expect(mint(keys.header, payload)).toBe(token)
  expect(referenceToken(keys, claims)).toBe(token)
  expect(JSON.stringify(header)).toBe(keys.header)
})

describe('no header chooses anything (G1)', () => {
  it('B1 alg none, in any case, with any signature', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      const good = withHeader({ ...header, alg })
      const unsigned = good.slice(0, good.lastIndexOf('.'))
      await expectRefused(good, `${unsigned}.`, unsigned)
    }
  })

  it('B2 a public key as HMAC key', async () => {
    for (const type of ['ec', 'ed25519'] as const) {
      const { publicKey } =
        type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
      const jwk = publicKey.export({ format: 'jwk' })
      const bytes = [
        publicKey.export({ format: 'der', type: 'spki' }),
        publicKey.export({ format: 'pem', type: 'spki' }),
        Buffer.from(`${jwk.x}${jwk.y ?? ''}`, 'base64url'),
        JSON.stringify(jwk),
      ]
      const alg = type === 'ec' ? 'ES256' : 'EdDSA'
      for (const key of bytes.map((given) => Buffer.from(given))) {
        await expectRefused(mintToken(key, keys.header, payload))
        await expectRefused(mintToken(key, JSON.stringify({ ...header, alg }), payload))
      }
    }
  })

  it('B3 another algorithm of the family, with a correct MAC', async () => {
    const { createHmac } = await import('node:crypto')
    for (const bits of [384, 512]) {
      const [head, body] = withHeader({ ...header, alg: `HS${bits}` }).split('.')
      const mac = createHmac(`sha${bits}`, keys.signing).update(`${head}.${body}`).digest()
      const short = mac.subarray(0, 32).toString('base64url')
      await expectRefused(`${head}.${body}.${mac.toString('base64url')}`, `${head}.${body}.${short}`)
      const plain = createHmac(`sha${bits}`, keys.signing).update(`${encodedHeader}.${encodedPayload}`).digest()
      await expectRefused(`${encodedHeader}.${encodedPayload}.${plain.subarray(0, 32).toString('base64url')}`)
      await expectRefused(withHeader({ ...header, alg: `HS${bits}` }))
    }
  })

  it('B4 a kid that means something elsewhere', async () => {
    const kids = [
      '../../dev/null',
      "' OR 1=1--",
      '__proto__',
      'constructor',
      'toString',
      '',
      {},
      [],
      0,
      'k'.repeat(10_000),
    ]
    events.length = 0
    await expectRefused(...[...kids, null, [keys.kid], ` ${keys.kid}`].map((kid) => withHeader({ ...header, kid })))
    await expectRefused(...['__proto__', 'constructor', 'toString'].map((head) => macOver(keys.signing, `${head}.e30`)))
    await expectRefused(withHeader({ alg: 'HS256', typ: 'session+jwt' }))
    expect(events.map((event) => event.type)).toEqual(Array(17).fill(['bad-token', 'load']).flat())
  })

  it('B5 a key in the header, or the address of one', async () => {
    let connections = 0
    const server = createServer().listen(0, '127.0.0.1')
    server.on('connection', () => {
      connections++
    })
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
    const own = Buffer.alloc(32, 7)
    const jwk = { kty: 'oct', alg: 'HS256', kid: keys.kid, k: own.toString('base64url') }
    for (const member of [{ jwk }, { jku: url }, { x5u: url }, { x5c: [own.toString('base64')] }]) {
      const extended = JSON.stringify({ ...header, ...member })
      await expectRefused(mintToken(own, extended, payload), mint(extended, payload))
    }
    await new Promise((closed) => server.close(closed))
    expect(connections).toBe(0)
  })

  it('B6 crit', async () => {
    for (const crit of [['exp'], ['b64'], [], 'exp']) await expectRefused(withHeader({ ...header, crit }))
  })

  it('B7 b64: false, over the encoded and over the plain payload (RFC 7797)', async () => {
    for (const extra of [{ b64: false, crit: ['b64'] }, { b64: false }]) {
      const head = JSON.stringify({ ...header, ...extra })
      const encoded = Buffer.from(head).toString('base64url')
      const mac = macOver(keys.signing, `${encoded}.${payload}`).split('.').at(-1)
      await expectRefused(mint(head, payload), macOver(keys.signing, `${encoded}.${payload}`))
      await expectRefused(`${encoded}.${encodedPayload}.${mac}`, `${encoded}..${mac}`)
    }
  })

  it('B12 duplicate members', async () => {
    const { kid } = keys
    await expectRefused(
      mint(`{"alg":"none","alg":"HS256","kid":"${kid}","typ":"session+jwt"}`, payload),
      mint(`{"alg":"HS256","kid":"x","kid":"${kid}","typ":"session+jwt"}`, payload),
      mint(keys.header, payload.replace('{', '{"sid":"x",')),
      mint(keys.header, payload.replace('}', `,"aud":"session"}`)),
    )
  })

  it('B13 the same header in another spelling', async () => {
    const { kid } = keys
    await expectRefused(
      ...[
        `\ufeff${keys.header}`,
        `${keys.header} `,
        `{"typ":"session+jwt","kid":"${kid}","alg":"HS256"}`,
        `{"alg":"HS256","kid":"${kid}","typ":"session+jwt","zip":"DEF"}`,
        `{"alg":"HS256","kid":"${kid}","typ":"session+jwt","foo":1}`,
        `{"\\u0061lg":"HS256","kid":"${kid}","typ":"session+jwt"}`,
        `{"alg":"HS256", "kid":"${kid}","typ":"session+jwt"}`,
      ].map((text) => mint(text, payload)),
    )
  })

  it('B14 a token for another purpose, or of another application', async () => {
    const { alg, kid } = header
    await expectRefused(
      withHeader({ alg, kid, typ: 'JWT' }),
      withHeader({ alg, kid }),
      withHeader({ alg, kid, typ: 'state+jwt' }),
      mint(keys.header, JSON.stringify({ ...claims, aud: 'another' })),
      mint(keys.header, JSON.stringify({ ...claims, aud: ['session'] })),
      ...[Buffer.from(secret), keys.ref, keys.sealing(0)].map((key) => mintToken(key, keys.header, payload)),
    )
    const other = sessionApp({ namespace: 'another' })
    await expectRefused(await other.login('alice'))
    expect(await other.ask(`__Host-sid=${token}`)).toEqual(ignored)
    await expectRefused(await sessionApp({ secret: otherSecret }).login('alice'))
  })
})

describe('a token out of its time (G1)', () => {
  const now = clock.now() / 1000
  const withClaims = (changes: object) => mint(keys.header, JSON.stringify({ ...claims, ...changes }))

  it('B15 exp is a whole number of seconds after now', async () => {
    const { exp: _, ...without } = claims
    await expectRefused(mint(keys.header, JSON.stringify(without)))
    for (const exp of [now - 1, now, '9999999999', null, 1e300, -1, now + 1.5, true, [now + 9]])
      await expectRefused(withClaims({ exp }))
    for (const text of ['1e300', '1e999', '9999999999.0', '1.7e10'])
      await expectRefused(mint(keys.header, payload.replace(/"exp":\d+/, `"exp":${text}`)))
    expect(await cookie(withClaims({ exp: now + 1 }))).toEqual(alice)
  })

  it('B16 nbf, which no token of ours has', async () => {
    for (const nbf of [now + 3600, now - 3600]) {
      await expectRefused(withClaims({ nbf }), withHeader({ ...header, nbf }))
    }
  })

  it('B17 iat is at most 60 s ahead', async () => {
    expect(await cookie(withClaims({ iat: now + 59 }))).toEqual(alice)
    expect(await cookie(withClaims({ iat: now + 60 }))).toEqual(alice)
    await expectRefused(withClaims({ iat: now + 61 }), withClaims({ iat: -1 }), withClaims({ iat: `${now}` }))
  })

  it('B30 a remembered token ends with its time', async () => {
    const site = sessionApp({ absoluteSeconds: 60, idleSeconds: 60 })
    const value = await site.login('alice')
    expect(await site.ask(`__Host-sid=${value}`)).toEqual(alice)
    site.clock.advance(59_999)
    expect(await site.ask(`__Host-sid=${value}`)).toEqual(alice)
    site.clock.advance(1)
    site.events.length = 0
    expect(await site.ask(`__Host-sid=${value}`)).toEqual(ignored)
    expect(site.events).toMatchObject([
      { type: 'bad-token', reason: 'expired' },
      { type: 'load', reason: 'absolute' },
    ])
  })
})
