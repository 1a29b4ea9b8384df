import { Hono } from 'hono'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { createSessions, type Session, type SessionOptions, type SessionReader, type Stored } from '../../src/index.ts'
import { secret } from '../support/app.ts'

interface Item {
  id: number
  tags?: string[]
}
interface Data {
  userId: string
  cart: Item[]
  theme: 'dark' | 'light'
  visits: number
  maybe?: { at: string } | null
}
declare const brand: unique symbol
/** An enum as its compiled form types it: this code is stripped of types, not compiled. */
const level = { low: 1, high: 2 } as const
type Level = (typeof level)[keyof typeof level]
const options: SessionOptions = { store: memoryStore(), secret }

describe('types', () => {
  it('an app of SessionEnv types c.var.session exactly, without a cast', async () => {
    const app = new Hono<SessionEnv<Data>>()
    app.use(session(options))
    app.get('/', async (c) => {
      expectTypeOf(c.var.session).toEqualTypeOf<Session<Data>>()
      expectTypeOf(c.get('session')).toEqualTypeOf<Session<Data>>()
      expectTypeOf(await c.var.session.get('userId')).toEqualTypeOf<string | undefined>()
      return c.text(`${await c.var.session.get('userId')}`)
    })
    expect(await (await app.request('/')).text()).toBe('undefined')
  })

  it('a chain types c.var.session as well', async () => {
    const app = new Hono().use(session<SessionEnv<Data>>(options)).get('/', async (c) => {
      expectTypeOf(c.var.session).toEqualTypeOf<Session<Data>>()
      const userId = await c.var.session.get('userId')
      expectTypeOf(userId).toEqualTypeOf<string | undefined>()
      return c.text(`${userId}`)
    })
    expect(await (await app.request('/')).text()).toBe('undefined')
  })

  it('the function form sees the bindings', async () => {
    type Env = SessionEnv<Data> & { Bindings: { SECRET: string } }
    const app = new Hono<Env>()
    app.use(
      session<Env>((c) => {
        expectTypeOf(c.env.SECRET).toEqualTypeOf<string>()
        return { ...options, secret: c.env.SECRET }
      }),
    )
    app.get('/', (c) => c.text('x'))
    expect((await app.request('/', {}, { SECRET: secret })).status).toBe(200)
  })

  it('values read are deeply read-only and exact', () => {
    expectTypeOf<Stored<Data['cart']>>().toEqualTypeOf<
      readonly { readonly id: number; readonly tags?: readonly string[] }[]
    >()
    expectTypeOf<Stored<Data['theme']>>().toEqualTypeOf<'dark' | 'light'>()
    expectTypeOf<Stored<Data['maybe']>>().toEqualTypeOf<{ readonly at: string } | null | undefined>()
    expectTypeOf<Stored<Date>>().toBeNever()
    expectTypeOf<Stored<Map<string, string>>>().toBeNever()
    expectTypeOf<Stored<{ at: Date }>>().toEqualTypeOf<{ readonly at: never }>()
    expectTypeOf<Stored<unknown>>().toBeUnknown()
    expectTypeOf<Stored<() => void>>().toBeNever()
    expectTypeOf<Stored<Uint8Array>>().toBeNever()
    expectTypeOf<Stored<Promise<string>>>().toBeNever()
    expectTypeOf<Stored<bigint>>().toBeNever()
    expectTypeOf(createSessions<Data>(options).open('').session).toEqualTypeOf<Session<Data>>()
  })

  it('every method returns what it says', () => {
    type Of<Name extends keyof Session<Data>> = Session<Data>[Name]
    expectTypeOf<ReturnType<Of<'has'>>>().toEqualTypeOf<Promise<boolean>>()
    expectTypeOf<ReturnType<Of<'all'>>>().toEqualTypeOf<Promise<Partial<Stored<Data>>>>()
    expectTypeOf<ReturnType<Of<'set'>>>().toEqualTypeOf<void>()
    expectTypeOf<ReturnType<Of<'update'>>>().toEqualTypeOf<Promise<void>>()
    expectTypeOf<Of<'ref'>>().toEqualTypeOf<string | undefined>()
  })

  it('mistakes do not compile', () => {
    // Never called: what counts is that each line below is an error, or tsc reports an unused directive.
    const mistakes = async (one: Session<Data>, dated: Session<{ at: Date; map: Map<string, string> }>) => {
      // @ts-expect-error unknown key
      await one.get('user')
      // @ts-expect-error unknown key
      one.set('user', 'alice')
      // @ts-expect-error unknown key
      one.delete('user')
      // @ts-expect-error unknown key
      one.regenerate({ keep: ['user'] })
      // @ts-expect-error unknown option
      one.regenerate({ kep: ['cart'] })
      // @ts-expect-error a value of another type
      one.set('userId', 1)
      // @ts-expect-error null is not undefined
      one.set('userId', null)
      // @ts-expect-error not one of the literals
      one.set('theme', 'blue')
      // @ts-expect-error a member of another type
      one.set('cart', [{ id: '1' }])
      // @ts-expect-error a recipe of another type
      await one.update('visits', (visits = 0) => `${visits}`)
      // @ts-expect-error a recipe must be synchronous
      await one.update('visits', async (visits = 0) => visits + 1)
      // @ts-expect-error a Date would come back as text
      dated.set('at', new Date())
      // @ts-expect-error a Map would come back empty
      dated.set('map', new Map())
      const cart = await one.get('cart')
      // @ts-expect-error what was read is read-only
      cart?.push({ id: 1 })
      // @ts-expect-error what was read is read-only, all the way down
      if (cart?.[0]) cart[0].id = 2
      await one.update('cart', (current = []) => {
        // @ts-expect-error a recipe returns a new value
        current.push({ id: 1 })
        return current
      })
      // @ts-expect-error the session is no bag of properties
      one.userId = 'alice'
      // @ts-expect-error ref is read-only
      one.ref = 'x'
      const forgotten: Promise<string | undefined> = one.get('userId')
      // @ts-expect-error get is a promise: what is compared without await is never the value
      if (forgotten === 'alice') return
      // @ts-expect-error options are typed
      session({ ...options, secuer: true })
    }
    expect(mistakes).toBeInstanceOf(Function)
  })

  it('a generic helper compiles in its body, for every type of key and value (F25)', async () => {
    async function bump<K extends string>(one: Session<Record<K, number>>, key: K): Promise<number> {
      const before: number | undefined = await one.get(key)
      one.set(key, (before ?? 0) + 1)
      await one.update(key, (n = 0) => n + 1)
      const taken: number | undefined = await one.pull(key)
      one.set(key, taken)
      one.set(key, undefined)
      return taken ?? 0
    }
    async function flash<K extends string>(one: Session<Record<K, string>>, key: K, text: string): Promise<void> {
      await one.update(key, (before) => (before === undefined ? text : `${before} ${text}`))
    }
    async function first<T extends { readonly list: readonly string[] }>(one: SessionReader<T>): Promise<unknown> {
      return (await one.get('list'))?.[0]
    }
    const { session: numbers } = createSessions<{ visits: number }>(options).open('')
    expect(await bump(numbers, 'visits')).toBe(2)
    const { session: texts } = createSessions<{ flash: string }>(options).open('')
    await flash(texts, 'flash', 'saved')
    expect(await texts.get('flash')).toBe('saved')
    const { session: lists } = createSessions<{ list: string[] }>(options).open('')
    lists.set('list', ['a'])
    expect(await first(lists)).toBe('a')
    // @ts-expect-error a text is no number, also where the key is a parameter
    const wrong = <K extends string>(one: Session<Record<K, number>>, key: K) => one.set(key, 'x')
    expect(wrong).toBeInstanceOf(Function)
  })

  it('interfaces, enums, branded types and those that Zod infers can be stored and read (F25)', async () => {
    type UserId = string & { readonly __brand: 'UserId' }
    type Cents = number & { readonly [brand]: true }
    const Role = { admin: 'admin', guest: 'guest' } as const
    interface Address {
      street: string
      tags?: string[] | undefined
    }
    // What z.infer<typeof schema> gives for objects, optional members, arrays, unions, records and tuples.
    type Inferred = {
      name: string
      age?: number | undefined
      pair: [string, number]
      more: Record<string, { at: string } | null>
      kind: { type: 'a'; a: string } | { type: 'b'; b: number[] }
    }
    interface Rich {
      userId: UserId
      price: Cents
      role: (typeof Role)[keyof typeof Role]
      level: Level
      address: Address
      inferred: Inferred
      anything: unknown
    }
    const { session: one } = createSessions<Rich>(options).open('')
    const id = 'u1' as UserId
    one.set('userId', id)
    one.set('price', 5 as Cents)
    one.set('role', Role.admin)
    one.set('level', level.high)
    one.set('address', { street: 'x', tags: ['a'] })
    const inferred: Inferred = { name: 'x', pair: ['a', 1], more: { b: null }, kind: { type: 'b', b: [1] } }
    one.set('inferred', inferred)
    one.set('inferred', await one.get('inferred'))
    await one.update('address', (address) => address && { ...address, street: 'y' })
    await one.update('price', (price = 0 as Cents) => (price * 2) as Cents)
    // @ts-expect-error a text without its brand
    one.set('userId', 'u1')
    expectTypeOf(await one.get('userId')).toEqualTypeOf<UserId | undefined>()
    expectTypeOf(await one.get('level')).toEqualTypeOf<Level | undefined>()
    expectTypeOf((await one.get('inferred'))?.pair).toEqualTypeOf<readonly [string, number] | undefined>()
    expect(await one.get('address')).toEqual({ street: 'y', tags: ['a'] })
  })

  it('what is right compiles: undefined, read-only values, optional members, interfaces', () => {
    const right = async (one: Session<Data>) => {
      one.set('userId', undefined)
      one.set('maybe', null)
      const cart = await one.get('cart')
      one.set('cart', cart)
      one.set('cart', [...(cart ?? []), { id: 1, tags: ['a'] }])
      await one.update('cart', (current = []) => [...current, { id: 2 }])
      await one.update('visits', (visits = 0) => visits + 1)
      one.regenerate({ keep: ['cart'], reauthenticated: true })
      const all = await one.all()
      expectTypeOf(all.userId).toEqualTypeOf<string | undefined>()
    }
    expect(right).toBeInstanceOf(Function)
  })
})
