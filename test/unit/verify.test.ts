import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { StoreUnavailableError } from '../../src/errors.ts'
import { createSessions, type Jwk } from '../../src/index.ts'
import { createPublicVerifier, type PublicVerifierOptions } from '../../src/verify.ts'
import { kit, secret } from '../support/app.ts'
import { mintToken, referenceKeys } from '../support/reference.ts'
import { sessionApp } from '../support/session-app.ts'
import { drawKey, ed25519, headerOf, p256, publicOf } from '../support/signing-keys.ts'

const cookie = (token: string) => `__Host-sid=${token}`

/** An app that signs by these keys, and one claim check of it. */
async function shop(...keys: readonly Jwk[]) {
  const site = sessionApp({ signing: { keys } })
  return { site, token: await site.login('alice') }
}

const servers: Server[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

/** A server of this machine at whose address a JWKS is. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`
}

/** A JWKS that can be changed, and the number of requests for it. */
async function jwksServer(keys: readonly unknown[]) {
  const seen = { keys, requests: 0, status: 200 }
  const url = await serve((_req, res) => {
    seen.requests++
    res.writeHead(seen.status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: seen.keys }))
  })
  return Object.assign(seen, { url })
}

describe.each([
  ['ES256', p256],
  ['EdDSA', ed25519],
] as const)('a verifier with public keys, %s', (alg, key) => {
  const build = (options: Partial<PublicVerifierOptions> = {}) =>
    createPublicVerifier({ keys: [publicOf(key)], ...options })

  it('tells revision and end of a valid claim check, and no more', async () => {
    const { site, token } = await shop(key)
    const begun = site.clock.now()
    const verify = build({ now: site.clock.now })
    const valid = { status: 'valid', revision: begun, until: Math.floor(begun / 1000) + 28_800 }
    expect(await verify(`theme=dark; ${cookie(token)}`)).toEqual(valid)
    expect(await verify(new Headers({ cookie: cookie(token) }))).toEqual(valid)
  })

  it('tells the lifetime where the session has one', async () => {
    const lifetimes = { remembered: { absoluteSeconds: 86_400 } }
    const test = kit({ signing: { keys: [key] }, lifetimes })
    const user = test.browser()
    await user.visit((session) => {
      session.regenerate({ reauthenticated: true, lifetime: 'remembered' })
      session.set('user', 'alice')
    })
    const verified = await build({ now: test.clock.now })(user.cookie)
    expect(verified).toMatchObject({ status: 'valid', lifetime: 'remembered' })
  })

  it('takes the list of jwks() as it is', async () => {
    const { site, token } = await shop(key)
    const { keys } = await createSessions({ ...kit().options, signing: { keys: [key] } }).jwks()
    expect(await createPublicVerifier({ keys, now: site.clock.now })(cookie(token))).toMatchObject({ status: 'valid' })
  })

  it('no claim check is no bad one', async () => {
    for (const from of [undefined, null, '', 'theme=dark', new Headers(), new Headers({ authorization: 'Bearer x' })])
      expect(await build()(from)).toEqual({ status: 'absent' })
  })

  it('a forged, altered, foreign or expired one is bad, with the reason', async () => {
    const { site, token } = await shop(key)
    const [header, , signature] = token.split('.') as [string, string, string]
    const verify = build({ now: site.clock.now })
    expect(await verify(cookie('x'))).toEqual({ status: 'bad', reason: 'malformed' })
    expect(await verify(cookie(`${header}.e30.${signature}`))).toEqual({ status: 'bad', reason: 'signature' })
    const elsewhere = build({ namespace: 'other', now: site.clock.now })
    expect(await elsewhere(cookie(token))).toEqual({ status: 'bad', reason: 'claims' })
    const foreign = createPublicVerifier({ keys: [publicOf(drawKey(alg))], now: site.clock.now })
    expect(await foreign(cookie(token))).toEqual({ status: 'bad', reason: 'unknown-key' })
    site.clock.advance(28_800_000)
    expect(await verify(cookie(token))).toEqual({ status: 'bad', reason: 'expired' })
  })

  it('takes one under the name of its own cookie only (F17)', async () => {
    const site = sessionApp({ cookie: { name: '__Host-shop' }, signing: { keys: [key] } })
    const token = await site.login('alice')
    const under = (cookieName: string) => build({ cookieName, now: site.clock.now })(`${cookieName}=${token}`)
    expect(await under('__Host-shop')).toMatchObject({ status: 'valid' })
    for (const name of ['__Host-admin', '__Secure-shop', 'shop', '__Host-shop-', '__Host-Shop'])
      expect({ name, ...(await under(name)) }).toEqual({ name, status: 'bad', reason: 'unknown-key' })
  })

  it('B1 B2 B3 B29 none, HS256 with the public key as secret, and the kid under another algorithm are refused', async () => {
    const { site, token } = await shop(key)
    const [, encoded, signature] = token.split('.') as [string, string, string]
    const payload = Buffer.from(encoded, 'base64url').toString()
    const verify = build({ now: site.clock.now })
    const refused = async (value: string) => expect((await verify(cookie(value))).status).toBe('bad')
    const secrets = [JSON.stringify(publicOf(key)), `${key.x}`, Buffer.from(`${key.x}`, 'base64url')].map((one) =>
      Buffer.from(one),
    )
    for (const other of ['none', 'HS256', 'HS512', 'ES384', alg === 'ES256' ? 'EdDSA' : 'ES256']) {
      const header = JSON.stringify({ ...headerOf(token), alg: other })
      for (const raw of secrets) await refused(mintToken(raw, header, payload))
      await refused(`${Buffer.from(header).toString('base64url')}.${encoded}.${signature}`)
      await refused(`${Buffer.from(header).toString('base64url')}.${encoded}.`)
    }
    for (const raw of secrets) await refused(mintToken(raw, JSON.stringify(headerOf(token)), payload))
  })

  it('a claim check under the secret is none of its own: it has no secret', async () => {
    const site = sessionApp()
    const token = await site.login('alice')
    expect(await build({ now: site.clock.now })(cookie(token))).toEqual({ status: 'bad', reason: 'unknown-key' })
    expect(referenceKeys(Buffer.from(secret)).kid).toBe(headerOf(token).kid)
  })
})

it('of several claim checks it tells of the last, and junk beside one does not hide it (F15, F16)', async () => {
  const { site, token } = await shop(p256)
  site.clock.advance(1000)
  const other = await site.login('bob')
  const verify = createPublicVerifier({ keys: [publicOf(p256)], now: site.clock.now })
  const junk = Array.from({ length: 30 }, (_, n) => cookie(`junk${n}`)).join('; ')
  for (const pair of [
    `${cookie(token)}; ${cookie(other)}`,
    `${cookie(other)}; ${cookie(token)}`,
    `${junk}; ${cookie(other)}`,
  ])
    expect(await verify(pair)).toMatchObject({ status: 'valid', revision: site.clock.now() })
})

it('by Authorization only where the transport says so, and then instead of the cookies', async () => {
  const { site, token } = await shop(p256)
  const verify = createPublicVerifier({ keys: [publicOf(p256)], transport: 'header', now: site.clock.now })
  const ask = (headers: Record<string, string>) => verify(new Headers(headers))
  expect(await ask({ Authorization: `Bearer ${token}` })).toMatchObject({ status: 'valid' })
  expect(await ask({ Cookie: cookie(token) })).toMatchObject({ status: 'valid' })
  expect(await ask({ Authorization: 'Bearer x', Cookie: cookie(token) })).toEqual({
    status: 'bad',
    reason: 'malformed',
  })
  expect(await ask({ Authorization: 'Bearer', Cookie: cookie(token) })).toEqual({ status: 'absent' })
  expect(await ask({ Authorization: 'Basic eDp5', Cookie: cookie(token) })).toMatchObject({ status: 'valid' })
})

describe('a verifier with the address of a JWKS', () => {
  const [k1, k2] = [drawKey('ES256', 'one'), drawKey('EdDSA', 'two')]
  const fakeTime = () => vi.useFakeTimers({ toFake: ['performance'] })

  it('fetches it once for many requests at once, and passes over keys that it cannot use', async () => {
    const { site, token } = await shop(k1)
    const rsa = { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'r' }
    const jwks = await jwksServer([rsa, null, 'x', { ...publicOf(k2), use: 'enc' }, { ...publicOf(k1), alg: 'ES256' }])
    const verify = createPublicVerifier({ jwksUrl: jwks.url, now: site.clock.now })
    const all = await Promise.all(Array.from({ length: 20 }, () => verify(cookie(token))))
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'valid'))
    expect(jwks.requests).toBe(1)
  })

  it('asks again for an unknown kid, at once and then at most once a minute', async () => {
    fakeTime()
    const { site, token } = await shop(k1)
    const { token: later } = await shop(k2)
    const jwks = await jwksServer([publicOf(k1)])
    const verify = createPublicVerifier({ jwksUrl: jwks.url, refreshSeconds: 3600, now: site.clock.now })
    expect(await verify(cookie(token))).toMatchObject({ status: 'valid' })
    jwks.keys = [publicOf(k1), publicOf(k2)]
    const unknown = { status: 'bad', reason: 'unknown-key' }
    for (let n = 0; n < 5; n++) expect(await verify(cookie(later))).toEqual(unknown)
    expect(jwks.requests).toBe(1)
    vi.advanceTimersByTime(60_000)
    const all = await Promise.all(Array.from({ length: 10 }, () => verify(cookie(later))))
    expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'valid'))
    expect(jwks.requests).toBe(2)
    const { token: never } = await shop(drawKey('ES256', 'three'))
    for (let n = 0; n < 5; n++) expect(await verify(cookie(never))).toEqual(unknown)
    expect(jwks.requests).toBe(2)
  })

  it('does not ask again for what cannot be of these sessions', async () => {
    fakeTime()
    const { site, token } = await shop(k1)
    const jwks = await jwksServer([publicOf(k1)])
    const verify = createPublicVerifier({ jwksUrl: jwks.url, refreshSeconds: 3600, now: site.clock.now })
    await verify(cookie(token))
    const hs256 = await sessionApp().login('alice')
    const other = await sessionApp({ cookie: { name: 'sid', insecure: true }, signing: { keys: [k2] } }).login('bob')
    const [, payload, signature] = token.split('.')
    for (const header of [
      'e30',
      'eyJhbGciOiJub25lIn0',
      Buffer.from('{"alg":"ES256","kid":"x"}').toString('base64url'),
    ]) {
      vi.advanceTimersByTime(61_000)
      await verify(cookie(`${header}.${payload}.${signature}`))
    }
    vi.advanceTimersByTime(61_000)
    await verify(cookie(hs256))
    await verify(cookie(other))
    expect(jwks.requests).toBe(1)
  })

  it('asks anew every refreshSeconds, forgets a key that has left, and what it had verified under it (B30)', async () => {
    fakeTime()
    const { site, token } = await shop(k1)
    const jwks = await jwksServer([publicOf(k1), publicOf(k2)])
    const verify = createPublicVerifier({ jwksUrl: jwks.url, refreshSeconds: 60, now: site.clock.now })
    expect(await verify(cookie(token))).toMatchObject({ status: 'valid' })
    jwks.keys = [publicOf(k2)]
    vi.advanceTimersByTime(121_000)
    expect(await verify(cookie(token))).toEqual({ status: 'bad', reason: 'unknown-key' })
  })

  it('keeps the last keys where it fails, with an event', async () => {
    fakeTime()
    const { site, token } = await shop(k1)
    const jwks = await jwksServer([publicOf(k1)])
    const onEvent = vi.fn()
    const verify = createPublicVerifier({ jwksUrl: jwks.url, refreshSeconds: 60, now: site.clock.now, onEvent })
    await verify(cookie(token))
    jwks.status = 500
    vi.advanceTimersByTime(121_000)
    expect(await verify(cookie(token))).toMatchObject({ status: 'valid' })
    expect(onEvent.mock.calls).toEqual([[{ type: 'keys-kept' }]])
  })

  it.each<readonly [string, RequestListener]>([
    ['500', (_, res) => void res.writeHead(500).end('{"keys":[]}')],
    ['a redirect', (_, res) => void res.writeHead(302, { Location: 'https://example.com/' }).end()],
    ['no JSON', (_, res) => void res.end('<html>')],
    ['no list', (_, res) => void res.end('{"keys":{}}')],
    ['null', (_, res) => void res.end('null')],
    ['no key that can be used', (_, res) => void res.end('{"keys":[{"kty":"RSA"}]}')],
    ['more than 64 KB', (_, res) => void res.end(JSON.stringify({ keys: [publicOf(k1)], more: 'x'.repeat(70_000) }))],
    ['a broken connection', (req) => void req.socket.destroy()],
  ])('where the first answer is %s it has no keys yet: an error with status 503', async (_, listener) => {
    const verify = createPublicVerifier({ jwksUrl: await serve(listener) })
    const error = await verify(cookie('x')).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StoreUnavailableError)
    expect(error).toMatchObject({ status: 503, message: 'there are no keys yet: the request for the JWKS failed' })
  })

  it('of many keys it takes 32, and of a private one the public part', async () => {
    const { site, token } = await shop(k1)
    const many = Array.from({ length: 40 }, (_, n) => ({ ...drawKey('EdDSA', `k${n}`) }))
    const jwks = await jwksServer([k1, ...many])
    expect(await createPublicVerifier({ jwksUrl: jwks.url, now: site.clock.now })(cookie(token))).toMatchObject({
      status: 'valid',
    })
  })

  it('a fetch of your own is given address, deadline and no redirects', async () => {
    const { site, token } = await shop(k1)
    const calls: unknown[] = []
    const own = async (url: string, init: RequestInit) => {
      calls.push([url, init.redirect, init.signal instanceof AbortSignal])
      return Response.json({ keys: [publicOf(k1)] })
    }
    const jwksUrl = 'https://shop.example/.well-known/jwks.json'
    const verify = createPublicVerifier({ jwksUrl, fetch: own, now: site.clock.now })
    expect(await verify(cookie(token))).toMatchObject({ status: 'valid' })
    expect(calls).toEqual([[jwksUrl, 'manual', true]])
  })
})

it('bad options are refused when it is built', () => {
  const build = (options: object) => () => createPublicVerifier(options)
  const keys = [publicOf(p256)]
  expect(build({})).toThrow(/either keys or jwksUrl/)
  expect(build({ keys, jwksUrl: 'https://shop.example/' })).toThrow(/either keys or jwksUrl/)
  expect(build({ keys, secret })).toThrow('unknown option secret')
  expect(build({ keys: [] })).toThrow(/keys must list/)
  expect(build({ keys, namespace: '' })).toThrow('namespace')
  expect(build({ keys, cookieName: 'a b' })).toThrow('cookieName')
  expect(build({ keys, transport: 'both' })).toThrow('transport')
  for (const jwksUrl of ['http://shop.example/', 'ftp://localhost/', 'x', 'http://localhost.example/'])
    expect(build({ jwksUrl, fetch: async () => Response.json({}) })).toThrow(/jwksUrl must be an https address/)
})
