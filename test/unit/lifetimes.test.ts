import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import type { SessionOptions } from '../../src/options.ts'
import { createSessions } from '../../src/sessions.ts'
import { type Any, type Browser, cookieOf, kit, secret, tokenOf, withData } from '../support/app.ts'
import { forge } from '../support/forge.ts'

const day = 86_400
const lifetimes = { remembered: { idleSeconds: 14 * day, absoluteSeconds: 60 * day, persistent: true } }
const login = (user: Browser, lifetime?: string) =>
  user.visit((session) => {
    session.regenerate({ reauthenticated: true, lifetime })
    session.set('user', 'alice')
  })
const name = (user: Browser) => user.visit((session) => session.get('user'))
const claimsOf = (cookie: string | undefined) =>
  JSON.parse(Buffer.from(tokenOf(cookie).split('.')[1] ?? '', 'base64url').toString())

describe('lifetimes', () => {
  it('a remembered session outlives an ordinary one, slides by its own idle time, and ends by its own absolute one', async () => {
    const test = kit({ lifetimes })
    const [ordinary, remembered] = [test.browser(), test.browser()]
    await login(ordinary)
    await login(remembered, 'remembered')
    for (let week = 1; week <= 8; week++) {
      test.clock.advance(7 * day * 1000)
      expect([await name(ordinary), await name(remembered)]).toEqual([undefined, 'alice'])
    }
    test.clock.advance(5 * day * 1000)
    expect(await name(remembered)).toBeUndefined()
    const idle = test.browser()
    await login(idle, 'remembered')
    test.clock.advance(14 * day * 1000 + 1000)
    expect(await name(idle)).toBeUndefined()
  })

  it('only a remembered one has a cookie that is kept when the browser closes, and so has its receipt', async () => {
    const test = kit({ lifetimes })
    const cookies = async (lifetime?: string, cookie?: string) => {
      const { session, commit } = test.sessions.open(cookie)
      if (cookie === undefined) session.regenerate({ lifetime })
      session.set('n', Math.random())
      return (await commit()).setCookie ?? ''
    }
    const [plain, kept] = [await cookies(), await cookies('remembered')]
    expect(plain).not.toContain('Max-Age')
    expect(kept).toContain(`; Max-Age=${60 * day}`)
    test.clock.advance(1000)
    expect(await cookies('', cookieOf(plain))).not.toContain('Max-Age')
    expect(await cookies('', cookieOf(kept))).toContain(`; Max-Age=${60 * day - 1}`)
  })

  it('it travels in the token and the record; without one both are as they were', async () => {
    const test = kit({ lifetimes })
    const [ordinary, remembered] = [test.browser(), test.browser()]
    await login(ordinary)
    await login(remembered, 'remembered')
    expect(Object.keys(claimsOf(ordinary.cookie))).toEqual(['sid', 'rev', 'iat', 'exp', 'aud'])
    expect(claimsOf(remembered.cookie)).toMatchObject({ lifetime: 'remembered' })
    expect(await ordinary.visit((session) => session.info())).toMatchObject({ lifetime: 'default' })
    expect(await remembered.visit((session) => session.info())).toMatchObject({ lifetime: 'remembered' })
  })

  it('changes, regenerates and proofs keep it; default takes it back; it counts from the last proof', async () => {
    const test = kit({ lifetimes })
    const user = test.browser()
    await login(user, 'remembered')
    const proved = Math.floor(test.clock.now() / 1000)
    test.clock.advance(3000_000)
    const info = () => user.visit((session) => session.info())
    await user.visit((session) => session.set('n', 1))
    await user.visit((session) => session.regenerate())
    expect(await info()).toMatchObject({ lifetime: 'remembered', until: proved + 60 * day })
    await user.visit(async (session) => {
      session.regenerate({ lifetime: 'default' })
      session.regenerate()
      expect(await session.info()).toMatchObject({ lifetime: 'default', until: proved + 28_800 })
    })
    expect(await info()).toMatchObject({ lifetime: 'default', authenticated: proved, until: proved + 28_800 })
    expect(claimsOf(user.cookie)).not.toHaveProperty('lifetime')
    await user.visit((session) => session.regenerate({ lifetime: 'remembered' }))
    expect(await info()).toMatchObject({ lifetime: 'remembered', until: proved + 60 * day })
    await user.visit((session) => session.regenerate({ reauthenticated: true }))
    expect(await info()).toMatchObject({ lifetime: 'remembered', until: proved + 3000 + 60 * day })
  })

  it('a read costs one round trip all the same, and slides before the record is known', async () => {
    const test = kit({ lifetimes })
    const user = test.browser()
    await login(user, 'remembered')
    test.store.reset()
    await name(user)
    expect(test.store.calls).toMatchObject({ read: 1, update: 0 })
  })

  it('an unknown name, which another release wrote, falls back to the default times and is kept', async () => {
    const newer = kit({ lifetimes })
    const user = newer.browser()
    await login(user, 'remembered')
    const older = kit({ store: newer.store, now: newer.clock.now })
    const there = older.browser(user.cookie)
    expect(await name(there)).toBe('alice')
    await there.visit((session) => session.set('n', 1))
    expect(await there.visit((session) => session.info())).toMatchObject({ lifetime: 'remembered' })
    newer.clock.advance(1801_000)
    expect(await name(there)).toBeUndefined()
    const proof = kit({ lifetimes }).browser()
    await login(proof, 'remembered')
  })

  it('a tombstone outlives every copy of the record, also where the name is not known (G4)', async () => {
    const seconds: number[] = []
    const recording = (inner: ReturnType<typeof memoryStore>) => ({
      ...inner,
      delete: (key: string, options: Parameters<typeof inner.delete>[1] = {}) => {
        seconds.push(options.tombstone?.seconds ?? 0)
        return inner.delete(key, options)
      },
      update: (...[key, value, ttl, ...rest]: Parameters<typeof inner.update>) => {
        if (value.length === 20) seconds.push(ttl)
        return inner.update(key, value, ttl, ...rest)
      },
    })
    const inner = memoryStore()
    const newer = kit({ lifetimes, store: recording(inner), now: Date.now })
    const older = kit({ store: recording(inner), now: Date.now })
    const [a, b, c] = [newer.browser(), newer.browser(), newer.browser()]
    for (const user of [a, b, c]) await login(user, 'remembered')
    await a.visit((session) => session.destroy())
    await b.visit((session) => session.regenerate())
    await older.browser(c.cookie).visit((session) => session.destroy())
    const ordinary = newer.browser()
    await login(ordinary)
    await ordinary.visit((session) => session.destroy())
    expect(seconds.slice(0, 2)).toEqual([14 * day + 60, 14 * day + 60])
    expect(seconds[2]).toBeGreaterThanOrEqual(60 * day)
    expect(seconds[3]).toBe(1860)
  })

  it('a token with a lifetime that is no name is refused like any other content that signing would not write', async () => {
    const test = kit({ lifetimes })
    const { ring, identity, until } = await forge(test.clock.now())
    for (const lifetime of ['', 'a b', 'x'.repeat(33), 7, null, {}, 'ä']) {
      const claims = { sid: Buffer.from(identity.id).toString('base64url'), rev: 1, iat: until - 28_800, exp: until }
      const payload = JSON.stringify({ ...claims, aud: 'session', lifetime })
      const token = await ring.first.signing.sign(ring.first.header, payload)
      test.events.length = 0
      await test.browser(`__Host-sid=${token}`).visit((session) => session.get('a'))
      expect(test.events).toMatchObject([
        { type: 'bad-token', reason: 'claims' },
        { type: 'load', reason: 'refused' },
      ])
    }
  })

  it('a record whose lifetime is no name has the default one', async () => {
    const test = kit({ lifetimes })
    const forged = await forge(test.clock.now())
    await forged.put(test.memory, await forged.seal(`{"created":1,"until":${forged.until},"data":{},"lifetime":7}`))
    const info = await test.browser(forged.cookie).visit((session) => session.info())
    expect(info).toMatchObject({ lifetime: 'default' })
  })

  it('regenerate refuses a name that is not configured, and names the option', async () => {
    const { user } = await withData()
    for (const wrong of ['remembered', 'toString', '__proto__', '', 7 as never])
      await expect(user.visit((session) => session.regenerate({ lifetime: wrong }))).rejects.toThrow(
        /lifetime .* lifetimes/,
      )
  })
})

describe('the option lifetimes (O2)', () => {
  const refused = (given: unknown, named: RegExp, more: Partial<SessionOptions> = {}) => {
    const build = () => createSessions<Any>({ store: memoryStore(), secret, ...more, lifetimes: given as never })
    expect(build).toThrow(SessionOptionsError)
    expect(build).toThrow(named)
  }

  it('is checked at start, every time and name of it', () => {
    for (const wrong of [null, 1, 'x', []]) refused(wrong, /lifetimes must be/)
    for (const wrong of [null, 1, 'x']) refused({ a: wrong }, /lifetimes\.a must be an object/)
    refused({ a: { idle: 1 } }, /unknown option lifetimes\.a\.idle/)
    refused({ default: {} }, /lifetimes\.default/)
    for (const wrong of ['', 'a b', 'x'.repeat(33), 'ä']) refused({ [wrong]: {} }, /names of lifetimes/)
    for (const wrong of [0, -1, 1.5, '9', 400 * day + 1]) {
      refused({ a: { idleSeconds: wrong, absoluteSeconds: 400 * day } }, /lifetimes\.a\.idleSeconds/)
      refused({ a: { absoluteSeconds: wrong } }, /lifetimes\.a\.absoluteSeconds/)
    }
    refused({ a: { idleSeconds: 100, absoluteSeconds: 99 } }, /lifetimes\.a\.idleSeconds must not exceed/)
    refused({ a: { persistent: 'yes' } }, /lifetimes\.a\.persistent must be true or false/)
  })

  it('what is left out is as in the default one', async () => {
    const times = { idleSeconds: 100, absoluteSeconds: 1000, cookie: { persistent: true } }
    const test = kit({ ...times, lifetimes: { long: { absoluteSeconds: 5000 }, short: { absoluteSeconds: 50 } } })
    const user = test.browser()
    await login(user, 'long')
    const info = await user.visit((session) => session.info())
    expect((info?.until ?? 0) - (info?.created ?? 0)).toBe(5000)
    test.clock.advance(99_000)
    expect(await name(user)).toBe('alice')
    test.clock.advance(101_000)
    expect(await name(user)).toBeUndefined()
    const brief = test.browser()
    await login(brief, 'short')
    test.clock.advance(51_000)
    expect(await name(brief)).toBeUndefined()
  })

  it('two configurations that differ in a lifetime are not the same', async () => {
    const { sameSettings, checkOptions } = await import('../../src/options.ts')
    const store = memoryStore()
    const build = (seconds: number) =>
      checkOptions({ store, secret, lifetimes: { a: { idleSeconds: seconds, absoluteSeconds: 900 } } })
    expect([sameSettings(build(5), build(5)), sameSettings(build(5), build(6))]).toEqual([true, false])
  })
})
