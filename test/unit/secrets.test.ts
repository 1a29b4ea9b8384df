import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { Hono } from 'hono'
import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { drawId } from '../../src/claim/identity.ts'
import { session } from '../../src/hono.ts'
import { createSessions, type SessionOptions, SessionOptionsError } from '../../src/index.ts'
import { otherSecret, secret, tokenOf } from '../support/app.ts'
import { referenceKeys, referenceStoreKey } from '../support/reference.ts'
import { alice, ignored, sessionApp } from '../support/session-app.ts'

const build = (given: unknown) => createSessions({ store: memoryStore(), secret: given as string })
const post = { method: 'POST' }
/** Distinct bytes without a pattern. */
const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * at * 7 + at * 31 + 5) % 251)
const letters = (length: number) =>
  String.fromCharCode(...Array.from({ length }, (_, at) => 33 + ((at * at + at * 5) % 89)))
const idIn = (token: string): string => {
  return JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()).sid
}
const headerIn = (token: string) => Buffer.from(token.split('.')[0] as string, 'base64url').toString()

describe('a weak secret is refused when the sessions are built', () => {
  it.each([0, 1, 16, 31])('B24 %i bytes', (length) => {
    for (const given of [bytes(length), letters(length), Buffer.from(letters(length))]) {
      expect(() => build(given)).toThrow(SessionOptionsError)
      expect(() => build([secret, given])).toThrow(SessionOptionsError)
    }
  })

  it('B24 32 bytes are enough, and bytes are counted, not letters', () => {
    for (const given of [bytes(32), letters(32), Buffer.from(letters(32))]) expect(() => build(given)).not.toThrow()
    // 16 different letters of two bytes each: the row has 16 times one letter, which B25 refuses as a pattern.
    expect(() => build('àáâãäåæçèéêëìíîï')).not.toThrow()
    expect(() => build('àáâãäåæçèéêëìíî')).toThrow(SessionOptionsError)
    expect(() => build('é'.repeat(16))).toThrow(SessionOptionsError)
  })

  it('B24 neither text nor bytes', () => {
    const jwk = { kty: 'oct', k: Buffer.from(bytes(32)).toString('base64url'), alg: 'HS256' }
    for (const given of [jwk, JSON, 42, true, Symbol('s'), bytes(32).buffer, [...bytes(32)]])
      expect(() => build(given)).toThrow(SessionOptionsError)
  })

  it.each(['ec', 'ed25519'] as const)(
    'B11 B29 an %s key: the ring is symmetric, so no kid can name another kind',
    (type) => {
      const pair = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
      const jwk = pair.privateKey.export({ format: 'jwk' })
      for (const given of [pair.publicKey, pair.privateKey, createPrivateKey({ key: jwk, format: 'jwk' }), jwk]) {
        expect(() => build(given)).toThrow(SessionOptionsError)
        expect(() => build([secret, given])).toThrow(SessionOptionsError)
      }
    },
  )

  it('B25 a pattern', () => {
    const periodic = Array.from({ length: 16 }, (_, at) =>
      letters(at + 1)
        .repeat(64)
        .slice(0, 64),
    )
    const few = '121323141526172819273645'.repeat(2).slice(0, 40)
    for (const given of [
      'a'.repeat(32),
      '0123456789abcdef'.repeat(2),
      '0123456789abcdef'.repeat(3).slice(0, 41),
      few,
      ...periodic,
    ]) {
      expect(() => build(given)).toThrow(SessionOptionsError)
      expect(() => build(new TextEncoder().encode(given))).toThrow(SessionOptionsError)
    }
    expect(() => build(new Uint8Array(64))).toThrow(SessionOptionsError)
    // Nine different bytes in no order are still too few; ten will do.
    expect(() => build('123456789192837465546372819198273645')).toThrow(SessionOptionsError)
    expect(() => build('123456789192837465546372819198273640')).not.toThrow()
  })

  it('B26 a missing secret', () => {
    for (const given of [undefined, null, '', [], 'undefined', 'null', [undefined], [secret, undefined], [secret, '']])
      expect(() => build(given)).toThrow(SessionOptionsError)
    expect(() => createSessions({ store: memoryStore() } as unknown as SessionOptions)).toThrow(SessionOptionsError)
    for (const space of [` ${secret}`, `${secret}\n`, `\ufeff${secret}`])
      expect(() => build(space)).toThrow(SessionOptionsError)
  })

  it('B26 the message names the option and does not show the secret', () => {
    for (const given of ['short-secret', [secret, 'short-secret'], ` ${secret}`, [secret, secret]]) {
      expect(() => build(given)).toThrow(/^secret/)
      for (const shown of ['short-secret', secret]) expect(() => build(given)).not.toThrow(shown)
    }
  })

  it('B26 a binding that is not set is a 500 with a fixed message, and the handler does not run', async () => {
    const handler = vi.fn((c) => c.text('ran'))
    const app = new Hono<{ Bindings: { SECRET?: string } }>()
    app.use(session((c) => ({ store: memoryStore(), secret: c.env.SECRET })))
    app.get('/', handler)
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    const response = await app.request('/', {}, {})
    logged.mockRestore()
    expect([response.status, await response.text()]).toEqual([500, 'Internal Server Error'])
    expect(response.headers.getSetCookie()).toEqual([])
    expect(handler).not.toHaveBeenCalled()
    expect((await app.request('/', {}, { SECRET: secret })).status).toBe(200)
  })

  it('B28 the same key twice', () => {
    for (const list of [
      [secret, secret],
      [secret, otherSecret, secret],
      [secret, new TextEncoder().encode(secret)],
    ])
      expect(() => build(list)).toThrow(SessionOptionsError)
  })
})

describe('B27 rotation', () => {
  const store = memoryStore({ now: () => 1_700_000_000_000 })
  const site = (...secrets: string[]) => sessionApp({ store, secret: secrets })
  const kidOf = (text: string) => referenceKeys(Buffer.from(text)).header

  it('B27 the first signs, all verify, and a write changes over', async () => {
    const token = await site(secret).login('alice')
    expect(headerIn(token)).toBe(kidOf(secret))
    const both = site(otherSecret, secret)
    expect(await both.ask(`__Host-sid=${token}`)).toEqual(alice)
    const { setCookies } = await both.ask(`__Host-sid=${token}`, '/cart', post)
    const renewed = tokenOf(setCookies[0])
    expect(headerIn(renewed)).toBe(kidOf(otherSecret))
    expect(idIn(renewed)).toBe(idIn(token))
    expect(await site(otherSecret).ask(`__Host-sid=${renewed}`)).toEqual(alice)
  })

  it('B27 a key that is not configured opens nothing', async () => {
    const token = await site(secret).login('alice')
    expect(await site(otherSecret).ask(`__Host-sid=${token}`)).toEqual(ignored)
  })

  it('B27 the second does not sign', async () => {
    const first = site(secret, otherSecret)
    expect(headerIn(await first.login('alice'))).toBe(kidOf(secret))
    const token = await site(otherSecret).login('alice')
    const { setCookies } = await first.ask(`__Host-sid=${token}`, '/cart', post)
    expect(headerIn(tokenOf(setCookies[0]))).toBe(kidOf(secret))
  })

  it('B30 a remembered token ends with its key', async () => {
    const token = await site(secret).login('alice')
    const secrets = [otherSecret, secret]
    const both = sessionApp({ store, secret: secrets })
    expect(await both.ask(`__Host-sid=${token}`)).toEqual(alice)
    // Options are read once: what a program does to its list later changes nothing.
    secrets.length = 0
    expect(await both.ask(`__Host-sid=${token}`)).toEqual(alice)
    expect(await site(otherSecret).ask(`__Host-sid=${token}`)).toEqual(ignored)
  })
})

describe('ids', () => {
  it('B23 a key in the store does not contain the id', async () => {
    const store = memoryStore()
    const written: [string, Uint8Array][] = []
    const create = vi.spyOn(store, 'create')
    const { login } = sessionApp({ store })
    const id = Buffer.from(idIn(await login('alice')), 'base64url')
    for (const [key, value] of create.mock.calls) written.push([key, value])
    expect(written.map(([key]) => key)).toEqual([referenceStoreKey('session', id)])
    for (const [key, value] of written) {
      for (const form of ['base64url', 'base64', 'hex', 'latin1'] as const) {
        expect(key).not.toContain(id.toString(form))
        expect(Buffer.from(value).toString('latin1')).not.toContain(id.toString(form))
      }
    }
  })

  // The row has 10^6 ids and 0.5 +- 0.003, six standard deviations; 2 * 10^5 ids are quicker and six are 0.0067.
  it('B31 depend on no clock and no Math.random', () => {
    const count = 200_000
    vi.spyOn(Math, 'random').mockReturnValue(0.5)
    vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_000)
    const seen = new Set<string>()
    const ones = new Uint32Array(256)
    for (let n = 0; n < count; n++) {
      const id = drawId()
      seen.add(Buffer.from(id).toString('latin1'))
      for (let bit = 0; bit < 256; bit++) ones[bit]! += ((id[bit >> 3] as number) >> (bit & 7)) & 1
    }
    vi.restoreAllMocks()
    expect(seen.size).toBe(count)
    for (const sum of ones) expect(Math.abs(sum / count - 0.5)).toBeLessThan(0.0067)
  })

  it('B31 without a secure random source there is no session', async () => {
    const { ask, memory } = sessionApp()
    await ask()
    const { subtle } = globalThis.crypto
    vi.stubGlobal('crypto', { subtle })
    const logged = vi.spyOn(console, 'error').mockImplementation(() => {})
    try {
      expect(() => drawId()).toThrow()
      expect(await ask(undefined, '/login/alice', post)).toMatchObject({ status: 500, setCookies: [], roundTrips: 0 })
      expect(memory.size).toBe(0)
    } finally {
      logged.mockRestore()
      vi.unstubAllGlobals()
    }
  })

  /** The random source gives this id, the next `times` times that an id is drawn. */
  const drawing = (id: Uint8Array, times: number) => {
    const draw = globalThis.crypto.getRandomValues.bind(globalThis.crypto)
    let left = times
    return vi.spyOn(globalThis.crypto, 'getRandomValues').mockImplementation((array) => {
      if (array instanceof Uint8Array && array.length === id.length && left-- > 0) array.set(id)
      else draw(array)
      return array
    })
  }

  it.each(['a new session', 'a regenerated one'])('B32 %s does not take over an id that is in use', async (which) => {
    const { ask, login, memory } = sessionApp()
    const token = await login('alice')
    const own = which === 'a new session' ? undefined : `__Host-sid=${await login('mallory')}`
    const id = Buffer.from(idIn(token), 'base64url')
    const before = await memory.read(referenceStoreKey('session', id))
    const random = drawing(id, 1)
    const { status, setCookies } = await ask(own, '/login/mallory', post)
    random.mockRestore()
    expect(status).toBe(200)
    expect(idIn(tokenOf(setCookies[0]))).not.toBe(idIn(token))
    expect(await memory.read(referenceStoreKey('session', id))).toEqual(before)
    expect(await ask(`__Host-sid=${token}`)).toEqual(alice)
    expect(await ask(setCookies[0]?.split(';')[0])).toEqual({ ...alice, user: 'mallory' })
  })

  it('B32 a random source that is stuck ends in 503, not in another session', async () => {
    const { ask, login } = sessionApp()
    const token = await login('alice')
    const random = drawing(Buffer.from(idIn(token), 'base64url'), 1000)
    expect(await ask(undefined, '/login/mallory', post)).toMatchObject({ status: 503, setCookies: [] })
    random.mockRestore()
    expect(await ask(`__Host-sid=${token}`)).toEqual(alice)
  })
})
