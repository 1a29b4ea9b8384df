import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { StoreUnavailableError } from '../../src/errors.ts'
import { createSessions, createVerifier, type SessionOptions, SessionOptionsError } from '../../src/index.ts'
import { checkOptions, sameSettings } from '../../src/options.ts'
import { type Any, secret as k1, otherSecret as k2, kit } from '../support/app.ts'

const build = (secret: unknown, more: Partial<SessionOptions> = {}) =>
  createSessions<Any>({ store: memoryStore(), secret: secret as string, ...more })
const typesOf = ({ events }: ReturnType<typeof kit>) => events.map(({ type }) => type)
/** Time for what goes on in the background, also where crypto is asynchronous. */
const settled = () => new Promise((wake) => setTimeout(wake, 50))

describe('a secret with an end', () => {
  const until = new Date(1_700_000_000_000 + 3_600_000)

  it('opens and verifies until then, and nothing afterwards, also what is remembered (B30)', async () => {
    const old = kit({ secret: k1, absoluteSeconds: 86_400, idleSeconds: 86_400 })
    const user = old.browser()
    await user.visit((session) => session.set('user', 'alice'))
    const times = { absoluteSeconds: 86_400, idleSeconds: 86_400 }
    const test = kit({ ...times, store: old.store, now: old.clock.now, secret: [k2, { secret: k1, until }] })
    const again = test.browser(user.cookie)
    old.clock.advance(3_599_000)
    expect(await again.visit((session) => session.get('user'))).toBe('alice')
    old.clock.advance(2000)
    test.events.length = 0
    expect(await again.visit((session) => session.get('user'))).toBeUndefined()
    expect(test.events).toMatchObject([
      { type: 'bad-token', reason: 'unknown-key' },
      { type: 'load', reason: 'refused' },
    ])
  })

  it('a session that was changed before it has moved to the first key', async () => {
    const old = kit({ secret: k1 })
    const user = old.browser()
    await user.visit((session) => session.set('user', 'alice'))
    const test = kit({ store: old.store, now: old.clock.now, secret: [k2, { secret: k1, until }] })
    const again = test.browser(user.cookie)
    for (let n = 0; n < 5; n++) {
      await again.visit((session) => session.set('n', n))
      old.clock.advance(1_000_000)
    }
    expect(await again.visit((session) => session.get('n'))).toBe(4)
  })

  it('is checked at start: the first has none, it is a Date, and there is nothing else', () => {
    expect(() => build([k1, { secret: k2, until }])).not.toThrow()
    expect(() => build([{ secret: k1, until }, k2])).toThrow(/secret\[0\].*until/)
    expect(() => build({ secret: k1, until })).toThrow(SessionOptionsError)
    for (const wrong of [undefined, null, 1_700_000_000, '2026-12-01', new Date('x')])
      expect(() => build([k1, { secret: k2, until: wrong }])).toThrow(/secret\[1\]\.until/)
    expect(() => build([k1, { secret: k2, until, unitl: 1 }])).toThrow(/unknown option secret\[1\]\.unitl/)
    expect(() => build([k1, { secret: 'short', until }])).toThrow(/secret\[1\] has 5 bytes/)
    expect(() => build([k1, { secret: k1, until }])).toThrow(/the same/)
  })

  it('a verifier keeps to it', async () => {
    const old = kit({ secret: k1 })
    const user = old.browser()
    await user.visit((session) => session.set('user', 'alice'))
    const verify = createVerifier({ secret: [k2, { secret: k1, until }], now: old.clock.now })
    expect((await verify(user.cookie)).status).toBe('valid')
    old.clock.advance(3_601_000)
    expect(await verify(user.cookie)).toEqual({ status: 'bad', reason: 'unknown-key' })
  })
})

describe('known placeholders are refused (B25)', () => {
  it.each([
    'complex_password_at_least_32_characters_long',
    'a-string-secret-at-least-256-bits-long',
    'please change me before going live 0123456789',
    'ChangeMe-ChangeMe-ChangeMe-0123456789-abcdef',
    'your-secret-key-goes-here-0123456789-abcdefgh',
    'YOUR_SESSION_SECRET_0123456789_abcdefghijklmn',
    'replace-this-with-your-secret-0123456789abcdef',
    'this is a placeholder, 0123456789 abcdefghijk',
    'keyboard cat keyboard dog 0123456789 abcdefgh',
    'your-256-bit-secret-0123456789-abcdefghijklmn',
  ])('%s', (given) => {
    expect(() => build(given)).toThrow(/placeholder/)
    expect(() => build(new TextEncoder().encode(given))).toThrow(/placeholder/)
  })
})

describe('secret as a function', () => {
  it('is asked at start, and its keys are those of a list', async () => {
    const ask = vi.fn(async () => [k1, k2])
    const test = kit({ secret: ask })
    expect(ask.mock.calls).toEqual([[false]])
    const user = test.browser()
    await user.visit((session) => session.set('user', 'alice'))
    const listed = kit({ secret: [k1], store: test.store, now: test.clock.now })
    expect(await listed.browser(user.cookie).visit((session) => session.get('user'))).toBe('alice')
    expect(ask).toHaveBeenCalledTimes(1)
  })

  it('is asked again after refreshSeconds, while requests go on with the last list, and a new list holds at once', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      let list: unknown = [k1]
      const ask = vi.fn(async (_refresh: boolean) => list as string[])
      const test = kit({ secret: ask, refreshSeconds: 60 })
      const user = test.browser()
      await user.visit((session) => session.set('user', 'alice'))
      const first = user.cookie
      list = [k2, k1]
      vi.advanceTimersByTime(59_000)
      await user.visit((session) => session.get('user'))
      expect(ask).toHaveBeenCalledTimes(1)
      vi.advanceTimersByTime(2000)
      await user.visit((session) => session.get('user'))
      await settled()
      expect(ask.mock.calls).toEqual([[false], [true]])
      await user.visit((session) => session.set('n', 1))
      expect(user.cookie).not.toBe(first)
      list = [k2]
      vi.advanceTimersByTime(61_000)
      await user.visit((session) => session.get('user'))
      await settled()
      expect(await user.visit((session) => session.get('user'))).toBe('alice')
      expect(await test.browser(first).visit((session) => session.get('user'))).toBeUndefined()
    } finally {
      vi.useRealTimers()
    }
  })

  it('a process that was idle for twice as long waits for the new list: nothing is accepted under a key that has left it', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      let list = [k1]
      const test = kit({ secret: async () => list, refreshSeconds: 60 })
      const user = test.browser()
      await user.visit((session) => session.set('user', 'alice'))
      list = [k2]
      vi.advanceTimersByTime(121_000)
      expect(await user.visit((session) => session.get('user'))).toBeUndefined()
    } finally {
      vi.useRealTimers()
    }
  })

  it.each<readonly [string, () => unknown]>([
    ['rejects', () => Promise.reject(new Error('scripted'))],
    [
      'throws',
      () => {
        throw new Error('scripted')
      },
    ],
    ['gives no list', async () => k1],
    ['gives an empty list', async () => []],
    ['gives a weak secret', async () => ['short']],
  ])('where it %s later, the last list is kept, and an event says so', async (_, wrong) => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      let answer: () => unknown = async () => [k1]
      const test = kit({ secret: (() => answer()) as never, refreshSeconds: 60 })
      const user = test.browser()
      await user.visit((session) => session.set('user', 'alice'))
      answer = wrong
      test.events.length = 0
      for (let n = 0; n < 3; n++) {
        vi.advanceTimersByTime(150_000)
        expect(await user.visit((session) => session.get('user'))).toBe('alice')
        test.clock.advance(1)
      }
      expect(typesOf(test).filter((type) => type === 'secrets-kept')).toHaveLength(3)
      expect(JSON.stringify(test.events)).not.toContain(k1)
    } finally {
      vi.useRealTimers()
    }
  })

  it('where it fails at start requests are 503, it is asked again within a second or so, and then all is well', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      let answer: () => Promise<string[]> = () => Promise.reject(new Error('scripted'))
      const ask = vi.fn(() => answer())
      const test = kit({ secret: ask })
      const write = () => test.browser().visit((session) => session.set('user', 'alice'))
      for (let n = 0; n < 3; n++) await expect(write()).rejects.toBeInstanceOf(StoreUnavailableError)
      expect(ask.mock.calls.length).toBeLessThanOrEqual(2)
      expect(typesOf(test)).toContain('secrets-kept')
      answer = async () => ['short']
      vi.advanceTimersByTime(1100)
      await expect(write()).rejects.toBeInstanceOf(SessionOptionsError)
      answer = async () => [k1]
      vi.advanceTimersByTime(1100)
      await write()
    } finally {
      vi.useRealTimers()
    }
  })

  it('many requests at start ask once', async () => {
    const ask = vi.fn(async () => [k1])
    const test = kit({ secret: ask })
    await Promise.all(Array.from({ length: 20 }, () => test.browser().visit((session) => session.set('a', 1))))
    expect(ask).toHaveBeenCalledTimes(1)
  })

  it('a verifier asks as well', async () => {
    const user = kit({ secret: k1 }).browser()
    await user.visit((session) => session.set('user', 'alice'))
    const verify = createVerifier({ secret: async () => [k2, k1], now: () => 1_700_000_000_000 })
    expect((await verify(user.cookie)).status).toBe('valid')
  })

  it('refreshSeconds is checked at start, and only a function has it', () => {
    const ask = async () => [k1]
    for (const wrong of [0, -1, 1.5, '60', 86_401])
      expect(() => build(ask, { refreshSeconds: wrong as number })).toThrow(/refreshSeconds must be a whole number/)
    expect(() => build(k1, { refreshSeconds: 60 })).toThrow(/refreshSeconds/)
  })

  it('two configurations with one function are the same, with two they are not', () => {
    const store = memoryStore()
    const [one, other] = [async () => [k1], async () => [k1]]
    const settings = (secret: typeof one) => checkOptions({ store, secret })
    expect([sameSettings(settings(one), settings(one)), sameSettings(settings(one), settings(other))]).toEqual([
      true,
      false,
    ])
  })
})
