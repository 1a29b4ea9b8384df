import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTokens } from '../../src/claim/token.ts'
import { deriveKeys } from '../../src/crypto/keys.ts'
import { createSessions } from '../../src/index.ts'
import { secret } from '../support/app.ts'
import { macOver, mintToken, referenceKeys } from '../support/reference.ts'
import { type AppData, alice, ignored, sessionApp } from '../support/session-app.ts'
import { waitFor } from '../support/wait-for.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const keys = referenceKeys(Buffer.from(secret))
const { ask, clock, login, memory, store } = sessionApp()
const token = await login('alice')
const parts = token.split('.') as [string, string, string]
const claims = JSON.parse(Buffer.from(parts[1], 'base64url').toString())
const tokens = createTokens(await deriveKeys([Buffer.from(secret)], '__Host-sid'), 'session', clock.now)

const mint = (payload: string | Uint8Array) => mintToken(keys.signing, keys.header, payload)
const cookie = (value: string) => ask(`__Host-sid=${value}`)
const isValid = async (value: string) => (await tokens.verify(value)).status === 'valid'

async function expectRefused(...values: readonly string[]) {
  for (const value of values) expect({ value, valid: await isValid(value) }).toEqual({ value, valid: false })
}

describe('one spelling per token', () => {
  it('B8 nothing is appended, put in front or put inside', async () => {
    const [head, body, mac] = parts
    const appended = ['=', '==', ' ', '\t', '\f', '.', '?', '%00', '\n', '\0', '#', '\u00a0']
    const inside = [' ', '\t', '\n', '=', '?'].flatMap((odd) => [
      macOver(keys.signing, `${head.slice(0, 8)}${odd}${head.slice(8)}.${body}`),
      macOver(keys.signing, `${head}.${body.slice(0, 8)}${odd}${body.slice(8)}`),
      `${head}.${body}.${mac.slice(0, 8)}${odd}${mac.slice(8)}`,
      macOver(keys.signing, `${head}.${body}${odd}`),
      macOver(keys.signing, `${head}${odd}.${body}`),
    ])
    expect(await isValid(token)).toBe(true)
    await expectRefused(`.${token}`, ` ${token}`, ...appended.map((odd) => token + odd), ...inside)
  })

  it('B8 nor through a cookie, where space and tab at the ends belong to the header', async () => {
    for (const odd of ['=', '==', '\f', '.', '?', '%00', '\u00a0']) expect(await cookie(token + odd)).toEqual(ignored)
    expect(await cookie(`.${token}`)).toEqual(ignored)
    expect(await cookie(`${token.slice(0, 9)} ${token.slice(9)}`)).toEqual(ignored)
    expect(await cookie(`${token} \t`)).toEqual(alice)
  })

  it('B9 of 64 last characters one is right, in each part', async () => {
    const count = async (spell: (last: string) => string) => {
      const verdicts = await Promise.all([...alphabet].map((last) => isValid(spell(last))))
      return verdicts.filter((valid) => valid).length
    }
    const but = (text: string) => text.slice(0, -1)
    expect(await count((last) => but(token) + last)).toBe(1)
    expect(await count((last) => macOver(keys.signing, `${but(parts[0])}${last}.${parts[1]}`))).toBe(1)
    // A subject of 1, 2 or 3 letters leads to every number of left-over bits.
    for (const sub of ['a', 'ab', 'abc']) {
      const [head, body] = mint(JSON.stringify({ ...claims, sub })).split('.') as [string, string, string]
      expect(await count((last) => macOver(keys.signing, `${head}.${but(body)}${last}`))).toBe(1)
    }
  })

  it('B10 the standard alphabet', async () => {
    const both = Array.from({ length: 500 }, (_, at) => mint(JSON.stringify({ ...claims, sub: `?>~${at}` }))).find(
      (value) => /^[^.]*\.[^.]*[-_][^.]*\.(?=.*-).*_/.test(value),
    )
    expect(await isValid(both ?? '')).toBe(true)
    const standard = (text = '') => text.replaceAll('-', '+').replaceAll('_', '/')
    const [head, body, mac] = (both ?? '').split('.')
    await expectRefused(standard(both), `${head}.${body}.${standard(mac)}`)
    await expectRefused(macOver(keys.signing, `${head}.${standard(body)}`))
  })

  it('B11 a token that was changed in any one character', async () => {
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A'
      await expectRefused(token.slice(0, at) + other + token.slice(at + 1))
    }
  })

  it('B18 other than three parts that are not empty', async () => {
    const [head, body, mac] = parts
    await expectRefused('', '.', '..', '...', head, `${head}.${body}`, `${token}.`, `${token}.${mac}`)
    await expectRefused(`${token}.${body}.${mac}`, `${head}..${mac}`, `.${body}.${mac}`, `${head}.${body}.`)
    await expectRefused(
      macOver(keys.signing, `${head}.`),
      macOver(keys.signing, `.${body}`),
      macOver(keys.signing, head),
    )
    await expectRefused(
      JSON.stringify({ protected: head, payload: body, signature: mac }),
      JSON.stringify({ payload: body, signatures: [{ protected: head, signature: mac }] }),
    )
  })

  it('B21 a MAC that was cut short', async () => {
    const [head, body, mac] = parts
    for (let bytes = 0; bytes < 32; bytes++) {
      const short = Buffer.from(mac, 'base64url').subarray(0, bytes).toString('base64url')
      await expectRefused(`${head}.${body}.${short}`)
    }
  })
})

describe('a payload is exactly what signing writes', () => {
  const sid = (value: unknown) => JSON.stringify({ ...claims, sid: value })
  const payload = JSON.stringify(claims)

  it.each<readonly [string, string | Uint8Array]>([
    ['an array', '[]'],
    ['null', 'null'],
    ['text', '"x"'],
    ['a number', '1'],
    ['invalid UTF-8', Buffer.from(payload.replace('session', '\u00ff\u00fe'), 'latin1')],
    ['overlong UTF-8', Buffer.from(payload.replace('session', 'sessio\u00c1\u00ae'), 'latin1')],
    ['half an object', '{'],
    ['an empty object', '{}'],
    ['a sid of 1 character', sid('a')],
    ['a sid of 10,000 characters', sid('a'.repeat(10_000))],
    ['a sid of 31 bytes', sid(Buffer.alloc(31, 7).toString('base64url'))],
    ['a sid of 33 bytes', sid(Buffer.alloc(33, 7).toString('base64url'))],
    ['a sid with a line break', sid(`${claims.sid.slice(0, 41)}\r\n`)],
    ['a sid with padding', sid(`${claims.sid}=`)],
    ['a sid that is no text', sid([claims.sid])],
    ['a sid in other words', sid(claims.sid.slice(0, -1) + alphabet[alphabet.indexOf(claims.sid.slice(-1)) + 1])],
    ['another member', JSON.stringify({ ...claims, admin: true })],
    ['__proto__', payload.replace('}', ',"__proto__":{"admin":true}}')],
    ['no sid', JSON.stringify({ ...claims, sid: undefined })],
    ['another order', JSON.stringify(Object.fromEntries(Object.entries(claims).reverse()))],
    ['white space', JSON.stringify(claims, null, 1)],
    ['a byte order mark', `\ufeff${payload}`],
    ['a line break at the end', `${payload}\n`],
    ['an escaped name', payload.replace('"sid"', '"\\u0073id"')],
    ['an escaped value', payload.replace('"session"', '"\\u0073ession"')],
    ['a revision of 49 bits', JSON.stringify({ ...claims, rev: 2 ** 48 })],
    ['a negative revision', JSON.stringify({ ...claims, rev: -1 })],
    ['a revision in parts', JSON.stringify({ ...claims, rev: claims.rev + 0.5 })],
    ['a revision as text', JSON.stringify({ ...claims, rev: `${claims.rev}` })],
    ['a number in another form', payload.replace(/"rev":\d+/, '"rev":1e3')],
    ['a negative zero', payload.replace(/"rev":\d+/, '"rev":-0')],
    ['a subject that is no text', JSON.stringify({ ...claims, sub: 1 })],
    ['null as subject', JSON.stringify({ ...claims, sub: null })],
  ])('B19 %s is refused', async (_, body) => {
    expect(await cookie(mint(body))).toEqual(ignored)
    await expectRefused(mint(body))
  })

  it('B19 a subject is accepted', async () => {
    // Its list is asked for beside the record, which says that it has no subject: nobody waits for the list.
    expect(await cookie(mint(JSON.stringify({ ...claims, sub: 'user-7' })))).toMatchObject({ user: 'alice' })
    await waitFor(() => expect(store.roundTrips).toBe(2))
  })

  it('B20 an empty id', async () => {
    await expectRefused(mint(sid('')))
    expect(await cookie(mint(sid('')))).toEqual(ignored)
    // The contract of a store has RangeError for a bad key.
    await expect(memory.read('')).rejects.toThrow(RangeError)
  })
})

describe('no input makes it throw', () => {
  const sessions = createSessions<AppData>({ store, secret, now: clock.now })
  const userOf = (value: string) => sessions.open(`__Host-sid=${value}`).session.get('user')

  it('B33 10,000 random values, in bytes and in any text', async () => {
    store.reset()
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 64, minLength: 64 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
      fc.string({ unit: 'binary', maxLength: 64 }),
      fc.tuple(fc.constantFrom(...parts), fc.string({ unit: 'binary' })).map((pair) => pair.join('.')),
      fc.uint8Array().map((bytes) => mint(bytes)),
      fc.json().map((json) => mint(json)),
    )
    const refused = fc.asyncProperty(text, async (value) => (await userOf(value)) === undefined)
    await fc.assert(refused, { numRuns: 10_000 })
    expect(store.roundTrips).toBe(0)
  })

  it('B33 1,000 random headers through the middleware', async () => {
    const allowed = Array.from({ length: 253 }, (_, at) => String.fromCharCode(at + 3)).filter(
      (c) => !'\r\n'.includes(c),
    )
    const text = fc.string({ unit: fc.constantFrom(...allowed), maxLength: 64 })
    const header = fc.oneof(
      text,
      text.map((value) => `__Host-sid=${value}`),
    )
    await fc.assert(
      fc.asyncProperty(header, async (value) => {
        expect(await ask(value)).toEqual(ignored)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    '%',
    '%E0%A4%A',
    '%00',
    'undefined',
    'null',
    '[object Object]',
    '__proto__',
    '"',
    '\\',
    '..',
    ';;;',
    '=',
    ' ',
  ])('B33 %j', async (value) => {
    expect(await cookie(value)).toEqual(ignored)
  })
})
