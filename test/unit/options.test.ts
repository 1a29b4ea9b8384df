import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import { session } from '../../src/hono.ts'
import type { SessionOptions } from '../../src/options.ts'
import { createSessions } from '../../src/sessions.ts'
import { type Any, browser, kit, secret } from '../support/app.ts'

const store = memoryStore()
const good: SessionOptions = { store, secret }
const day = 86_400
const wrongTypes = [null, true, 'x', {}, [], () => 1, Symbol('x'), 1n]

/** Both doors refuse at once, with the typed error, naming the option, hiding the secret. */
function refused(options: unknown, named: string | RegExp): void {
  const words = collectSecrets(options)
  for (const door of [createSessions, session] as ((options: never) => unknown)[]) {
    let error: unknown
    try {
      door(options as never)
    } catch (thrown) {
      error = thrown
    }
    expect(error, `${door.name}(${inspect(options)})`).toBeInstanceOf(SessionOptionsError)
    expect((error as SessionOptionsError).code).toBe('invalid-options')
    expect((error as Error).message).toMatch(named)
    const shown = inspect(error, { showHidden: true }) + String(error)
    for (const word of words) expect(shown).not.toContain(word)
  }
}

function collectSecrets(options: unknown): string[] {
  const given = (options as { secret?: unknown } | undefined)?.secret
  return [given].flat().filter((one): one is string => typeof one === 'string' && one.trim().length > 6)
}

const accepted = (options: Record<string, unknown>) =>
  expect(() => createSessions({ ...good, ...options } as never), inspect(options)).not.toThrow()

describe('options', () => {
  it('O1: unknown names are refused and named, at the top and in cookie', () => {
    refused({ ...good, secuer: false }, /unknown option secuer/)
    refused({ ...good, cookie: { secuer: false } }, /unknown option cookie\.secuer/)
    refused({ ...good, cookie: { secure: false } }, /cookie\.secure/)
    refused({ ...good, cookie: { httpOnly: false } }, /cookie\.httpOnly/)
    refused({ ...good, __proto__x: 1 }, /__proto__x/)
    refused(JSON.parse('{"__proto__":{"store":1}}'), /__proto__/)
  })

  it('options that are no object are refused', () => {
    for (const options of [undefined, null, 1, 'x', true]) refused(options, /must be an object/)
    for (const cookie of [null, 1, 'x']) refused({ ...good, cookie }, /^option cookie must be an object$/)
    for (const cookie of [null, 'x', 1, true]) refused({ ...good, cookie }, /cookie/)
  })

  it('undefined is the default, everywhere but for store and secret', () => {
    const names = [
      'namespace',
      'cookie',
      'idleSeconds',
      'absoluteSeconds',
      'maxBytes',
      'requestMs',
      'onUnavailable',
      'onEvent',
      'now',
    ]
    for (const name of names) accepted({ [name]: undefined })
    for (const name of ['name', 'sameSite', 'domain', 'path', 'partitioned', 'persistent', 'insecure'])
      accepted({ cookie: { [name]: undefined } })
    refused({ secret }, /^store/)
    refused({ ...good, store: undefined }, /^store/)
    refused({ store }, /^secret/)
    refused({ ...good, secret: undefined }, /^secret/)
  })

  it('store must have the four verbs', () => {
    const { read, create, update } = store
    for (const wrong of [...wrongTypes, { read, create, update }, { ...store, delete: true }, memoryStore])
      refused({ ...good, store: wrong }, /^store must/)
  })

  it('secret: missing, short, patterned, padded, doubled or of a wrong type', () => {
    const missing = [undefined, null, '', [], [undefined], [''], [secret, undefined], [secret, '']]
    const short = ['undefined', 'short-x1y2z3', 'k'.repeat(31), secret.slice(0, 31), new Uint8Array(31)]
    const patterned = [
      'a'.repeat(64),
      '0123456789abcdef'.repeat(2),
      'ab'.repeat(20),
      new Uint8Array(32),
      '123456789'.repeat(4),
    ]
    const padded = [`${secret}\n`, ` ${secret}`, `${secret}\t`, `\r\n${secret}`, `${secret}\u00a0`]
    const types = [1, true, {}, Symbol('x'), 1n, new ArrayBuffer(64), [[secret]], { 0: secret, length: 1 }]
    for (const wrong of [
      ...missing,
      ...short,
      ...patterned,
      ...padded,
      ...types,
      [secret, secret],
      [secret, 'short-x1y2z3'],
    ])
      refused({ ...good, secret: wrong }, /^secret(\[\d\])?/)
    refused({ ...good, secret: [secret, 'short-x1y2z3'] }, /^secret\[1\] has 12 bytes/)
    const bytes = Uint8Array.from({ length: 32 }, (_, at) => at * 7)
    for (const right of [secret, [secret], bytes, [bytes, secret], 'éàèùâêîôûçäëïöüÿ']) accepted({ secret: right })
  })

  it('secret: bytes are copied, a caller that wipes them changes nothing', async () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, at) => at * 7)
    const { options } = kit()
    const user = browser(createSessions<Any>({ ...options, secret: bytes.slice() }))
    const wiped = bytes.slice()
    const sessions = createSessions<Any>({ ...options, secret: wiped })
    wiped.fill(0)
    await user.visit((one) => one.set('user', 'alice'))
    expect(await browser(sessions, user.cookie).visit((one) => one.get('user'))).toBe('alice')
  })

  it('namespace: 1-64 of A-Za-z0-9._-', () => {
    for (const namespace of ['a', 'x'.repeat(64), 'My.app_v-2']) accepted({ namespace })
    for (const namespace of ['', 'x'.repeat(65), 'a b', 'a:b', 'é', 'a\n', 1, null, {}, ['session']])
      refused({ ...good, namespace }, /^namespace/)
  })

  it.each<[keyof SessionOptions, number, number]>([
    ['idleSeconds', 1, 28_800],
    ['absoluteSeconds', 1, 400 * day],
    ['maxBytes', 1, 999_960],
    ['requestMs', 1, 60_000],
  ])('%s: a whole number, from %d to %d', (name, least, most) => {
    for (const value of [least, most]) accepted({ [name]: value })
    for (const value of [0, -1, 0.5, 1.5, Number.NaN, Infinity, -Infinity, most + 1, 2 ** 53, '60', ...wrongTypes])
      refused({ ...good, [name]: value }, new RegExp(name))
  })

  it('O2: idle must not exceed absolute', () => {
    refused({ ...good, idleSeconds: 28_801 }, /^idleSeconds must not exceed absoluteSeconds, which is 28800: set both$/)
    refused({ ...good, idleSeconds: 61, absoluteSeconds: 60 }, /idleSeconds/)
    for (const options of [{ idleSeconds: 60, absoluteSeconds: 60 }, { absoluteSeconds: 60 }]) accepted(options)
    accepted({ idleSeconds: 400 * day, absoluteSeconds: 400 * day })
  })

  it('onUnavailable, onEvent, now', () => {
    for (const value of ['fail', 'anonymous']) accepted({ onUnavailable: value })
    for (const value of [...wrongTypes, 'Fail', '', ['fail'], 1])
      refused({ ...good, onUnavailable: value }, /^onUnavailable/)
    const isFunction = (value: unknown) => typeof value === 'function'
    for (const value of [...wrongTypes.filter((one) => !isFunction(one)), 1]) {
      refused({ ...good, onEvent: value }, /^onEvent/)
      refused({ ...good, now: value }, /^now/)
    }
  })

  it('cookie: every option of a wrong type or form', () => {
    const wrong: Record<string, readonly unknown[]> = {
      name: [
        ...wrongTypes.filter((one) => one !== 'x'),
        '',
        'a b',
        'a=b',
        'a;b',
        'a,b',
        'a\r\nb',
        '"a"',
        'é',
        'x'.repeat(4000),
        '__host-sid',
        '__SECURE-x',
        1,
      ],
      sameSite: [...wrongTypes, 'lax', 'Lax; Domain=evil', '', ['Lax'], 1],
      domain: ['', '.example.com', 'x;Secure', 'a b', 'a\nb', 'é.example', 1, true, {}, ['example.com']],
      path: ['', 'x', '/;Domain=evil', '/a b', '/\n', 1, true, {}, ['/']],
      partitioned: [null, 1, 'true', {}],
      persistent: [null, 1, 'true', {}],
      insecure: [null, 1, 'true', {}],
    }
    for (const [name, values] of Object.entries(wrong)) {
      const needed = name === 'domain' ? { name: '__Secure-sid' } : {}
      for (const value of values)
        refused(
          { ...good, cookie: { ...needed, [name]: value } },
          /cookie\.(name|sameSite|domain|path|partitioned|persistent|insecure)/,
        )
    }
    refused({ ...good, cookie: { path: '/app' } }, /cookie\.path/)
    refused({ ...good, cookie: { domain: 'example.com' } }, /cookie\.domain/)
    refused({ ...good, cookie: { partitioned: true } }, /cookie\.partitioned/)
    refused({ ...good, cookie: { insecure: true, name: '__Host-sid' } }, /cookie\.insecure/)
    refused({ ...good, cookie: { insecure: true, sameSite: 'None' } }, /cookie\.sameSite/)
    accepted({
      cookie: {
        name: '__Secure-sid',
        domain: 'example.com',
        path: '/app',
        sameSite: 'None',
        partitioned: true,
        persistent: true,
      },
    })
    accepted({ cookie: { insecure: true } })
  })

  it('what onEvent throws does not reach a request', async () => {
    const user = kit({ onEvent: () => expect.fail('a bug of the application') }).browser()
    await user.visit((one) => one.set('user', 'alice'))
    expect(await user.visit((one) => one.get('user'))).toBe('alice')
  })

  it('options are read once: changing the object later changes nothing', async () => {
    const options = { ...kit().options } as Any
    const sessions = createSessions<Any>(options as SessionOptions)
    Object.assign(options, { secret: 'other', store: undefined, idleSeconds: -1, now: undefined })
    const user = browser(sessions)
    await user.visit((one) => one.set('user', 'alice'))
    expect(await user.visit((one) => one.get('user'))).toBe('alice')
  })
})
