import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../src/errors.ts'
import { encodeRecord, openRecord } from '../../src/record/record.ts'
import { type Kit, kit, withData } from '../support/app.ts'
import { forge } from '../support/forge.ts'

const seconds = (test: Pick<Kit, 'clock'>) => Math.floor(test.clock.now() / 1000)

describe('info', () => {
  it('tells when a session began and ends, and undefined where there is none', async () => {
    const test = kit()
    const user = test.browser()
    expect(await user.visit((session) => session.info())).toBeUndefined()
    expect(test.store.roundTrips).toBe(0)
    const began = seconds(test)
    await user.visit((session) => session.set('user', 'alice'))
    test.clock.advance(60_000)
    const [info, ref] = await user.visit(async (session) => [await session.info(), session.ref])
    expect(info).toEqual({ created: began, authenticated: undefined, until: began + 28_800, lifetime: 'default', ref })
    expect(Object.isFrozen(info)).toBe(true)
    await user.visit(async (session) => {
      session.destroy()
      expect([await session.info(), await session.authenticatedWithin(60)]).toEqual([undefined, false])
    })
    expect(await user.visit((session) => session.info())).toBeUndefined()
  })

  it('tells the first write and the last proof apart', async () => {
    const { test, user } = await withData()
    const began = seconds(test)
    test.clock.advance(100_000)
    await user.visit((session) => session.regenerate({ reauthenticated: true }))
    const proved = seconds(test)
    test.clock.advance(100_000)
    await user.visit((session) => session.regenerate())
    await user.visit((session) => session.set('cart', []))
    const info = await user.visit((session) => session.info())
    expect(info).toMatchObject({ created: began, authenticated: proved, until: proved + 28_800 })
  })

  it('a login without a session before it is its first write and its proof', async () => {
    const test = kit()
    const user = test.browser()
    await user.visit((session) => {
      session.regenerate({ reauthenticated: true })
      session.set('user', 'alice')
    })
    const info = await user.visit((session) => session.info())
    expect(info).toMatchObject({ created: seconds(test), authenticated: seconds(test) })
  })

  it('costs no round trip beside a read, and the one of a read without one', async () => {
    const { test, user } = await withData()
    await user.visit(async (session) => {
      await Promise.all([session.get('user'), session.info(), session.authenticatedWithin(60)])
      await session.info()
    })
    expect(test.store.calls).toMatchObject({ read: 1, update: 0 })
  })

  it('sees the session as of its place in the order of calls (F8)', async () => {
    const { test, user } = await withData()
    test.clock.advance(50_000)
    await user.visit(async (session) => {
      const before = session.info()
      session.regenerate({ reauthenticated: true })
      const after = session.info()
      expect(await before).toMatchObject({ authenticated: undefined, until: seconds(test) - 50 + 28_800 })
      expect(await after).toMatchObject({ authenticated: seconds(test), until: seconds(test) + 28_800 })
    })
  })

  it('an outage rejects it, and is no session under anonymous', async () => {
    const { user, test } = await withData()
    test.failing.always('throw')
    await expect(test.browser(user.cookie).visit((session) => session.info())).rejects.toBeInstanceOf(
      StoreUnavailableError,
    )
    const other = kit({ store: test.memory, onUnavailable: 'anonymous' })
    other.failing.always('throw')
    const seen = await other
      .browser(user.cookie)
      .visit(async (session) => [await session.info(), await session.authenticatedWithin(60)])
    expect(seen).toEqual([undefined, false])
  })
})

describe('authenticatedWithin', () => {
  it('is true for so long after a proof, and false before the first', async () => {
    const { test, user } = await withData()
    const within = (limit: number) => user.visit((session) => session.authenticatedWithin(limit))
    expect(await within(300)).toBe(false)
    await user.visit(async (session) => {
      session.regenerate({ reauthenticated: true })
      expect(await session.authenticatedWithin(1)).toBe(true)
    })
    test.clock.advance(299_000)
    expect([await within(300), await within(200)]).toEqual([true, false])
    test.clock.advance(2000)
    expect(await within(300)).toBe(false)
  })

  it('a proof in this request counts also where the session only begins', async () => {
    await kit()
      .browser()
      .visit(async (session) => {
        expect(await session.authenticatedWithin(300)).toBe(false)
        session.regenerate({ reauthenticated: true })
        expect(await session.authenticatedWithin(300)).toBe(true)
      })
  })

  it('refuses what is no number of seconds', async () => {
    const { user } = await withData()
    for (const wrong of [undefined, Number.NaN, -1, 0, '300', Number.POSITIVE_INFINITY])
      await expect(user.visit((session) => session.authenticatedWithin(wrong as number))).rejects.toMatchObject({
        code: 'invalid-options',
      })
  })
})

describe('the record', () => {
  it('of an earlier release, which has no authenticated, reads and asks for a proof', async () => {
    const test = kit()
    const old = await forge(test.clock.now())
    await old.put(test.memory, await old.sealData('{"user":"alice"}'))
    await test.browser(old.cookie).visit(async (session) => {
      expect(await session.get('user')).toBe('alice')
      expect(await session.info()).toMatchObject({ created: old.until - 28_800, authenticated: undefined })
      expect(await session.authenticatedWithin(3600)).toBe(false)
    })
  })

  it('names the proof only where there was one', () => {
    const text = (authenticated?: number) =>
      new TextDecoder().decode(
        encodeRecord({ created: 1, until: 9, authenticated, data: new Map([['a', 1]]), extra: {} }, 1000),
      )
    expect(text()).toBe('{"created":1,"until":9,"data":{"a":1}}')
    expect(text(5)).toBe('{"created":1,"until":9,"data":{"a":1},"authenticated":5}')
  })

  it.each(['"5"', '-1', '1.5', 'null'])('with %s for a time of proof is as good as without', async (wrong) => {
    const { ring, identity, seal, until } = await forge(kit().clock.now())
    const bytes = await seal(`{"created":1,"until":${until},"data":{},"authenticated":${wrong}}`)
    const opened = await openRecord(ring, identity, bytes)
    expect(opened).toMatchObject({ status: 'record', record: { authenticated: undefined, extra: {} } })
  })
})
