import { Hono } from 'hono'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import {
  createSessions,
  type Session,
  type SessionEnv,
  type SessionOptions,
  type Stored,
  session,
} from '../../src/index.ts'
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
