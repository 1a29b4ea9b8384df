import { describe, expect, it, vi } from 'vitest'
import type { Session } from '../../src/session.ts'
import { type Any, kit, withData } from '../support/app.ts'

describe('reading', () => {
  it('is lazy: opening and committing an unused session costs nothing', async () => {
    const { test, user } = await withData()
    const before = user.cookie
    await user.visit(() => {})
    expect([test.store.roundTrips, test.events, user.cookie]).toEqual([0, [], before])
  })

  it('parallel reads share one load, and no read sends a cookie', async () => {
    const { test, user } = await withData()
    const before = user.cookie
    const seen = await user.visit((session) =>
      Promise.all([session.get('user'), session.get('cart'), session.has('user'), session.all(), session.get('none')]),
    )
    expect(seen).toEqual(['alice', ['tea'], true, { user: 'alice', cart: ['tea'] }, undefined])
    expect(test.store.calls).toMatchObject({ read: 1, create: 0, update: 0, delete: 0 })
    expect([user.cookie, test.events]).toMatchObject([before, [{ type: 'load', hit: true }]])
  })

  it('sees its own pending writes, in order, before and after the load', async () => {
    const { user } = await withData({ a: 1, b: 2, c: 3 })
    await user.visit(async (session) => {
      session.set('a', 10)
      session.delete('b')
      expect(await session.all()).toEqual({ a: 10, c: 3 })
      session.set('b', 20)
      session.set('c', undefined)
      expect([await session.get('a'), await session.get('b'), await session.has('c')]).toEqual([10, 20, false])
      session.clear()
      session.set('d', null)
      expect(await session.all()).toEqual({ d: null })
      expect([await session.has('d'), await session.get('d'), await session.has('a')]).toEqual([true, null, false])
    })
    expect(await user.visit((session) => session.all())).toEqual({ d: null })
  })

  it('a new session reads as empty without asking the store', async () => {
    const test = kit()
    const seen = await test
      .browser()
      .visit(async (session) => [await session.get('a'), await session.has('a'), await session.all()])
    expect([seen, test.store.roundTrips]).toEqual([[undefined, false, {}], 0])
    expect(test.events).toMatchObject([{ type: 'load', hit: false, reason: 'never-stored' }])
  })

  it('freezes what it hands out, through and through: per key, from all, to recipes, after set', async () => {
    const { user } = await withData({ deep: { list: [{ a: 1 }] }, other: { b: 1 } })
    await user.visit(async (session) => {
      session.set('mine', { inner: [1] })
      const handed = [
        await session.get('deep'),
        await session.get('mine'),
        await session.all(),
        await session.pull('other'),
      ]
      await session.update('deep', (current) => {
        handed.push(current)
        return current
      })
      expect(handed.every((value) => isFrozen(value))).toBe(true)
      expect(() => (handed[0] as Any).list.push(1)).toThrow(TypeError)
      expect(() => Object.assign(handed[0] as Any, { a: 1 })).toThrow(TypeError)
    })
    expect(await user.visit((session) => session.get('deep'))).toEqual({ list: [{ a: 1 }] })
  })

  it('is no bag of properties: assigning, deleting or defining one throws, nothing leaks in by name', async () => {
    const { user } = await withData()
    await user.visit(async (session) => {
      const bag = session as unknown as Any
      await session.get('user')
      expect(() => Object.assign(bag, { userId: 1 })).toThrow(TypeError)
      expect(() => {
        bag.userId = 1
      }).toThrow(TypeError)
      expect(() => {
        bag.get = () => 'mallory'
      }).toThrow(TypeError)
      expect(() => Object.defineProperty(bag, 'x', { value: 1 })).toThrow(TypeError)
      expect(() => Object.setPrototypeOf(bag, {})).toThrow(TypeError)
      expect([bag.user, 'user' in bag, Object.isExtensible(bag)]).toEqual([undefined, false, false])
    })
  })
})

const isFrozen = (value: unknown): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (Object.isFrozen(value) && Object.values(value).every((one) => isFrozen(one)))

describe('writing', () => {
  it('set copies what it is given, and does not load', async () => {
    const { test, user } = await withData()
    const cart = { items: [{ name: 'tea' }] }
    await user.visit((session) => {
      session.set('cart', cart)
      expect(test.store.roundTrips).toBe(0)
      cart.items.push({ name: 'milk' })
      ;(cart.items[0] as Any).name = 'gin'
    })
    expect(Object.isFrozen(cart)).toBe(false)
    expect(await user.visit((session) => session.get('cart'))).toEqual({ items: [{ name: 'tea' }] })
  })

  it('undefined and delete remove; what changes nothing is not written', async () => {
    const { test, user } = await withData({ a: 1, b: 2, c: 3 })
    await user.visit((session) => {
      session.set('a', undefined)
      session.delete('b')
    })
    expect(await user.visit((session) => session.all())).toEqual({ c: 3 })
    test.store.reset()
    await user.visit((session) => {
      session.set('c', 3)
      session.delete('never there')
    })
    expect(test.store.calls).toMatchObject({ read: 1, create: 0, update: 0 })
  })

  it('update runs its recipe at once on what this request sees; undefined removes', async () => {
    const { test, user } = await withData({ count: 1, old: 1 })
    const recipe = vi.fn((count: number) => count + 1)
    await user.visit(async (session) => {
      session.set('count', 5)
      await session.update('count', recipe)
      expect(await session.get('count')).toBe(6)
      await session.update('old', () => undefined)
      await session.update('fresh', (current) => current ?? 'made')
    })
    expect(recipe.mock.calls).toEqual([[5]])
    expect(await user.visit((session) => session.all())).toEqual({ count: 6, fresh: 'made' })
    expect(test.store.calls.update).toBe(1)
  })

  it('a recipe that throws rejects, leaves no trace, and the rest is committed', async () => {
    const { user } = await withData({ count: 1 })
    await user.visit(async (session) => {
      const failing = session.update('count', () => {
        throw new RangeError('of the recipe')
      })
      await expect(failing).rejects.toThrow('of the recipe')
      session.set('other', 1)
    })
    expect(await user.visit((session) => session.all())).toEqual({ count: 1, other: 1 })
  })

  it.each<[string, (session: Session<Any>) => unknown, Any]>([
    ['update', (session) => session.update('count', (count: number) => count + 1), { count: 2, flash: 'saved' }],
    ['pull', (session) => session.pull('flash'), { count: 1 }],
    [
      'get',
      (session) => session.get('count').then((seen) => session.set('seen', seen)),
      { count: 1, flash: 'saved', seen: 1 },
    ],
    [
      'has',
      (session) => session.has('count').then((seen) => session.set('seen', seen)),
      { count: 1, flash: 'saved', seen: true },
    ],
    ['all', (session) => session.all().then(() => session.clear()), {}],
  ])('%s that nobody awaited still lands before the commit', async (_, forget, after) => {
    const { user } = await withData({ count: 1, flash: 'saved' })
    await user.visit((session) => void forget(session))
    expect(await user.visit((session) => session.all())).toEqual(after)
  })

  it('pull reads once and removes; pulling nothing writes nothing', async () => {
    const { test, user } = await withData({ flash: { text: 'saved' }, other: 1 })
    await user.visit(async (session) => {
      expect(await session.pull('flash')).toEqual({ text: 'saved' })
      expect([await session.pull('flash'), await session.has('flash')]).toEqual([undefined, false])
    })
    expect(await user.visit((session) => session.all())).toEqual({ other: 1 })
    test.store.reset()
    expect(await user.visit((session) => session.pull('flash'))).toBeUndefined()
    expect(test.store.calls).toMatchObject({ read: 1, update: 0 })
  })

  it('clear empties and the session lives on under its id', async () => {
    const { user } = await withData()
    const before = await user.visit(async (session) => [await session.get('user'), session.ref])
    await user.visit((session) => session.clear())
    expect(before[0]).toBe('alice')
    expect(await user.visit(async (session) => [await session.get('user'), session.ref])).toEqual([
      undefined,
      before[1],
    ])
  })
})
