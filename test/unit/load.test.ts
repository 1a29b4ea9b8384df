import { describe, expect, it } from 'vitest'
import { StoreUnavailableError } from '../../src/errors.ts'
import type { ReadOptions, Store } from '../../src/store.ts'
import { browser, kit, withData } from '../support/app.ts'
import { forge } from '../support/forge.ts'

/** A kit that notes what its reads ask for, and a session with some data. */
async function noting() {
  const asked: ReadOptions[] = []
  const around = (store: Store): Store => ({
    ...store,
    read(key, options = {}) {
      asked.push(options)
      return store.read(key, options)
    },
  })
  const test = kit({ idleSeconds: 1800, absoluteSeconds: 28_800 }, around)
  const user = test.browser()
  await user.visit((session) => session.set('user', 'alice'))
  test.store.reset()
  test.events.length = 0
  return { test, user, asked }
}

describe('a store that answers nonsense', () => {
  const answers: [string, unknown][] = [
    ['undefined', undefined],
    ['no value', {}],
    ['a text', { value: 'abc', version: '1' }],
    ['a list', { value: [1, 2], version: '1' }],
  ]
  it.each(answers)('is an outage, not an absent session: %s', async (_, answer) => {
    const { test, user } = await withData()
    test.failing.fail('read', { answer })
    await expect(user.visit((session) => session.get('user'))).rejects.toBeInstanceOf(StoreUnavailableError)
  })
})

describe('a load', () => {
  it('reads and slides the expiry in one call: by the idle time, and never beyond the end (G2)', async () => {
    const { test, user, asked } = await noting()
    for (let seconds = 0; seconds < 27_900; seconds += 1200) {
      await user.visit((session) => session.get('user'))
      test.clock.advance(1_200_000)
    }
    expect(test.store.calls).toMatchObject({ read: 24, create: 0, update: 0, delete: 0 })
    const seconds = asked.map(({ touchSeconds }) => touchSeconds)
    expect(seconds).toEqual([...Array(23).fill(1800), 28_800 - 23 * 1200])
  })

  it('asks once more for what its browser has seen, then takes the session for lost and leaves the cookie (G8)', async () => {
    const { test, user, asked } = await noting()
    const key = test.keys[0] as string
    const before = (await test.memory.read(key))?.value as Uint8Array
    await user.visit((session) => session.set('user', 'bob'))
    await test.memory.delete(key)
    await test.memory.create(key, before, 1800)
    const { cookie } = user
    asked.length = 0
    test.events.length = 0
    expect(await user.visit((session) => session.get('user'))).toBeUndefined()
    expect(asked.map(({ touchSeconds }) => touchSeconds)).toEqual([1800, undefined])
    expect(asked.every(({ atLeast = 0 }) => atLeast > test.clock.now())).toBe(true)
    expect(test.events).toMatchObject([{ type: 'rolled-back' }, { type: 'load', reason: 'rolled-back' }])
    expect(user.cookie).toBe(cookie)
  })

  it('finds no session in a record that has come to its end, though the store still holds it', async () => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const until = test.clock.now() / 1000 + 10
    await forged.put(test.memory, await forged.seal(JSON.stringify({ created: 0, until, data: { user: 'alice' } })))
    const user = test.browser(forged.cookie)
    expect(await user.visit((session) => session.get('user'))).toBe('alice')
    test.clock.advance(10_000)
    expect(await user.visit((session) => session.get('user'))).toBeUndefined()
    expect(await test.memory.read(forged.key)).not.toBeNull()
  })

  it('of several sessions takes the one that lives; of two that live none', async () => {
    const test = kit()
    const [dead, first, second] = [test.browser(), test.browser(), test.browser()]
    for (const [user, name] of [
      [dead, 'dead'],
      [first, 'first'],
      [second, 'second'],
    ] as const)
      await user.visit((session) => session.set('user', name))
    await browser(test.sessions, dead.cookie).visit((session) => session.destroy())
    test.events.length = 0
    const both = (...users: readonly { readonly cookie: string | undefined }[]) =>
      test.browser(users.map(({ cookie }) => cookie).join('; ')).visit((session) => session.get('user'))
    expect(await both(dead, first)).toBe('first')
    expect(await both(first, dead)).toBe('first')
    expect(test.events.some(({ type }) => type === 'duplicate-cookie')).toBe(false)
    expect(await both(first, second)).toBeUndefined()
    expect(test.events.filter(({ type }) => type === 'duplicate-cookie')).toHaveLength(1)
  })
})
