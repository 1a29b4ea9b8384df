import fc from 'fast-check'
import { Cookie, CookieJar } from 'tough-cookie'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { session } from '../../src/hono.ts'
import { type CookieOptions, type SessionOptions, SessionOptionsError } from '../../src/index.ts'
import { secret, tokenOf } from '../support/app.ts'
import { sessionApp } from '../support/session-app.ts'

const day = 86_400
const build = (cookie: unknown, more: Partial<SessionOptions> = {}) =>
  session({ store: memoryStore(), secret, cookie: cookie as CookieOptions, ...more })

afterEach(() => vi.unstubAllEnvs())

/** The Set-Cookie of a login, and those of the logout after it. */
async function inAndOut(cookie: CookieOptions, more: Partial<SessionOptions> = {}) {
  const { ask, ...site } = sessionApp({ cookie, ...more })
  const login = (await ask(undefined, '/login/alice', { method: 'POST' })).setCookies
  expect(login).toHaveLength(1)
  const set = login[0] as string
  const logout = (await ask(`${set.split(';')[0]}`, '/logout', { method: 'POST' })).setCookies
  return { ...site, ask, set, gone: logout[0] as string, logout }
}

describe('what a browser would drop or misread is refused when the middleware is built', () => {
  it('A14 a name too long for a cookie that browsers keep', async () => {
    expect(() => build({ name: 'x'.repeat(4000) })).toThrow(SessionOptionsError)
    const longest = Array.from({ length: 4096 }, (_, at) => 4096 - at).find((length) => {
      try {
        return build({ name: 'x'.repeat(length) })
      } catch {
        return false
      }
    })
    // The longest name that is accepted leads to a cookie that is kept: 4096 bytes of name and value.
    const { set } = await inAndOut({ name: 'x'.repeat(longest ?? 0) }, { namespace: 'x'.repeat(64) })
    expect(longest).toBe(256)
    expect(256 + tokenOf(set).length).toBeLessThan(4096)
  })

  it('A14 the default cookie has at most 352 bytes, name and value, up to the last revision', async () => {
    for (const ms of [Date.now(), 2 ** 48 - 60_000]) {
      const { set } = await inAndOut({}, { now: () => ms })
      expect(`__Host-sid${tokenOf(set)}`.length).toBeLessThanOrEqual(352)
    }
  })

  it.each<readonly [string, object]>([
    ['a line break in the name', { name: 'a\r\nb' }],
    ['a semicolon in the name', { name: 'a;b' }],
    ['a comma in the name', { name: 'a,b' }],
    ['NUL in the name', { name: 'a\0b' }],
    ['= in the name', { name: 'a=b' }],
    ['an empty name', { name: '' }],
    ['a name that is not text', { name: ['sid'] }],
    ['a second attribute in the path', { name: 'sid', path: '/;Domain=evil' }],
    ['a line break in the path', { name: 'sid', path: '/\r\nSet-Cookie: a=b' }],
    ['a trailing line break in the path', { name: 'sid', path: '/a\n' }],
    ['a comma in the path', { name: 'sid', path: '/a,b' }],
    ['NUL in the path', { name: 'sid', path: '/\0' }],
    ['a path that does not start with /', { name: 'sid', path: 'a' }],
    ['a path that is not text', { name: 'sid', path: ['/'] }],
    ['a second attribute in the domain', { name: '__Secure-sid', domain: 'x;Secure' }],
    ['a line break in the domain', { name: '__Secure-sid', domain: 'x\r\ny' }],
    ['a trailing line break in the domain', { name: '__Secure-sid', domain: 'example.com\n' }],
    ['a comma in the domain', { name: '__Secure-sid', domain: 'x,y' }],
    ['an empty domain', { name: '__Secure-sid', domain: '' }],
    ['null as domain', { name: '__Secure-sid', domain: null }],
    ['a second attribute in sameSite', { sameSite: 'Lax; Domain=e' }],
    ['sameSite in lower case', { sameSite: 'lax' }],
    ['null as sameSite', { sameSite: null }],
    ['a list as sameSite', { sameSite: ['Lax'] }],
    ['text as a flag', { persistent: 'false' }],
    ['an attribute that is none of ours', { httpOnly: false }],
  ])('A15 %s', (_, cookie) => {
    expect(() => build(cookie)).toThrow(SessionOptionsError)
  })

  it('A15 any text as name is refused, or a token that goes through a cookie jar', async () => {
    const naughty = [
      'undefined',
      'null',
      'NaN',
      "';--",
      '<script>',
      '%s',
      '../x',
      'ﷺ',
      '👩‍💻',
      '"a"',
      'a b',
      '\ufeffsid',
      '{}',
    ]
    const text = fc.oneof(fc.constantFrom(...naughty), fc.string(), fc.string({ unit: 'binary' }))
    fc.assert(
      fc.property(text, (name) => {
        try {
          build({ name })
        } catch (error) {
          return error instanceof SessionOptionsError
        }
        return Cookie.parse(`${name}=x`)?.key === name && /^[\x21-\x7e]+$/.test(name)
      }),
      { numRuns: 2000 },
    )
  })

  it.each<readonly [string, object]>([
    ['a Domain', { domain: 'example.com' }],
    ['a Path other than /', { path: '/app' }],
    ['no Secure', { name: '__Host-sid', insecure: true }],
    ['a misspelt prefix', { name: '__host-sid' }],
    ['a misspelt __Secure- prefix', { name: '__SECURE-sid' }],
    ['__Secure- and no Secure', { name: '__Secure-sid', insecure: true }],
  ])('A16 a __Host- name with %s', (_, cookie) => {
    expect(() => build(cookie)).toThrow(SessionOptionsError)
  })

  it.each<readonly [string, boolean, object]>([
    ['a misspelt __Http-', false, { name: '__HTTP-sid' }],
    ['a misspelt __Http- in lower case', false, { name: '__http-sid' }],
    ['a misspelt __Host-Http-', false, { name: '__Host-http-sid' }],
    ['another misspelt __Host-Http-', false, { name: '__HOST-HTTP-sid' }],
    ['__Http- and no Secure', false, { name: '__Http-sid', insecure: true }],
    ['__Host-Http- and no Secure', false, { name: '__Host-Http-sid', insecure: true }],
    ['__Host-Http- with a Path other than /', false, { name: '__Host-Http-sid', path: '/app' }],
    ['__Host-Http- with a Domain', false, { name: '__Host-Http-sid', domain: 'example.com' }],
    ['__Http-', true, { name: '__Http-sid' }],
    ['__Http- with a Domain and a Path', true, { name: '__Http-sid', domain: 'example.com', path: '/app' }],
    ['__Host-Http-', true, { name: '__Host-Http-sid' }],
    ['a name that only contains one', true, { name: 'x__Http-sid' }],
  ])('%s follows the rules of its prefix: accepted is %s (F18)', (_, isGood, cookie) => {
    if (isGood) expect(() => build(cookie)).not.toThrow()
    else expect(() => build(cookie)).toThrow(SessionOptionsError)
  })

  it('A17 SameSite=None without Secure', () => {
    expect(() => build({ sameSite: 'None', insecure: true })).toThrow(SessionOptionsError)
    expect(() => build({ sameSite: 'None', secure: false })).toThrow(SessionOptionsError)
    expect(() => build({ sameSite: 'None' })).not.toThrow()
  })

  it('A18 Partitioned without Secure or without SameSite=None', () => {
    expect(() => build({ partitioned: true })).toThrow(SessionOptionsError)
    expect(() => build({ partitioned: true, sameSite: 'Lax' })).toThrow(SessionOptionsError)
    expect(() => build({ partitioned: true, sameSite: 'None', insecure: true })).toThrow(SessionOptionsError)
  })

  it('A20 a life longer than the 400 days that browsers grant', async () => {
    expect(() => build({ persistent: true }, { absoluteSeconds: 401 * day })).toThrow(SessionOptionsError)
    expect(() => build({ persistent: true }, { absoluteSeconds: 400 * day + 1 })).toThrow(SessionOptionsError)
    const { set } = await inAndOut({ persistent: true }, { absoluteSeconds: 400 * day })
    expect(Cookie.parse(set)?.maxAge).toBe(400 * day)
  })

  it('A21 a Domain without a __Secure- name', async () => {
    expect(() => build({ domain: 'example.com' })).toThrow(SessionOptionsError)
    expect(() => build({ domain: 'example.com', name: 'sid' })).toThrow(SessionOptionsError)
    expect(() => build({ domain: 'example.com', name: 'sid', insecure: true })).toThrow(SessionOptionsError)
    const { set } = await inAndOut({ domain: 'example.com', name: '__Secure-sid' })
    expect(Cookie.parse(set)).toMatchObject({ key: '__Secure-sid', domain: 'example.com', secure: true })
  })

  it.each([undefined, '', 'development', 'test', 'production'])('A23 secure: false, with NODE_ENV %s', (mode) => {
    vi.stubEnv('NODE_ENV', mode)
    expect(() => build({ secure: false })).toThrow(SessionOptionsError)
    expect(() => build({ name: 'sid', secure: false })).toThrow(SessionOptionsError)
  })

  it.each([undefined, 'development', 'test', 'production'])('A23 Secure is there with NODE_ENV %s', async (mode) => {
    vi.stubEnv('NODE_ENV', mode)
    expect(Cookie.parse((await inAndOut({})).set)?.secure).toBe(true)
  })
})

describe('A22 Secure does not depend on the request', () => {
  it.each<readonly [string, Record<string, string>]>([
    ['no header', {}],
    ['X-Forwarded-Proto: http', { 'X-Forwarded-Proto': 'http' }],
    ['X-Forwarded-Proto: https', { 'X-Forwarded-Proto': 'https' }],
    ['X-Forwarded-Proto: https,http', { 'X-Forwarded-Proto': 'https,http' }],
    ['Forwarded: proto=http', { Forwarded: 'proto=http' }],
  ])('A22 with %s', async (_, headers) => {
    const secureOn = async (cookie: CookieOptions, origin: string) => {
      const { setCookies } = await sessionApp({ cookie }).ask(undefined, `${origin}/login/a`, {
        method: 'POST',
        headers,
      })
      return Cookie.parse(setCookies[0] as string)?.secure
    }
    for (const origin of ['http://example.com', 'https://example.com']) {
      expect(await secureOn({}, origin)).toBe(true)
      expect(await secureOn({ insecure: true }, origin)).toBe(false)
    }
  })
})

describe('the deleting cookie is the one that was set', () => {
  const jar = () => new CookieJar(undefined, { prefixSecurity: 'strict', rejectPublicSuffixes: false })

  it('A18 Partitioned is on both', async () => {
    const { set, gone } = await inAndOut({ sameSite: 'None', partitioned: true })
    for (const cookie of [set, gone]) {
      expect(Cookie.parse(cookie)).toMatchObject({ secure: true, sameSite: 'none', extensions: ['Partitioned'] })
    }
  })

  it.each<readonly [string, CookieOptions, string]>([
    ['the default', {}, 'https://example.com/any'],
    ['persistent', { persistent: true }, 'https://example.com/'],
    ['Strict', { sameSite: 'Strict' }, 'https://example.com/'],
    ['partitioned', { sameSite: 'None', partitioned: true }, 'https://example.com/'],
    ['a domain', { name: '__Secure-sid', domain: 'example.com' }, 'https://www.example.com/'],
    ['a path', { name: '__Secure-sid', path: '/app' }, 'https://example.com/app/x'],
    ['insecure', { insecure: true }, 'http://localhost/'],
  ])('A19 %s: the jar is empty after logout', async (_, options, url) => {
    const { set, gone, logout } = await inAndOut(options)
    const cookies = jar()
    await cookies.setCookie(set, url)
    expect(await cookies.getCookieString(url)).toBe(set.split(';')[0])
    const receipt = set.replace(/=[^;]*/, '-rev=x')
    await cookies.setCookie(receipt, url)
    for (const one of logout) await cookies.setCookie(one, url)
    expect(await cookies.getCookieString(url)).toBe('')
    expect((await cookies.serialize())?.cookies).toEqual([])
    const plain = (text: string) => text.replace(/^[^;]*/, '').replace(/; Max-Age=\d+/, '')
    expect(plain(gone)).toBe(plain(set))
    expect(Cookie.parse(gone)).toMatchObject({ value: '', maxAge: 0 })
  })

  it('A19 the jar of this test would keep the cookie if Secure or Path were missing', async () => {
    const url = 'https://example.com/'
    for (const attribute of ['; Secure', '; Path=/']) {
      const { set, gone } = await inAndOut({})
      const cookies = jar()
      await cookies.setCookie(set, url)
      await cookies.setCookie(gone.replace(attribute, ''), 'https://example.com/a/b').catch(() => {})
      expect(await cookies.getCookieString(url)).toBe(set.split(';')[0])
    }
  })
})
