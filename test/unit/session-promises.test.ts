import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SessionEnv, session as sessionOf } from '../../src/hono.ts'
import type { Session } from '../../src/session.ts'
import { type Any, kit } from '../support/app.ts'

type Forget = (session: Session<Any>) => unknown

const reads: readonly (readonly [string, Forget])[] = [
  ['get', (session) => session.get('n')],
  ['has', (session) => session.has('n')],
  ['all', (session) => session.all()],
]
const changes: readonly (readonly [string, Forget])[] = [
  ['update', (session) => session.update('n', (n) => n + 1)],
  ['pull', (session) => session.pull('n')],
]

/** Those that nobody handled; in Node they end the process. */
let unhandled: unknown[] = []
let others: NodeJS.UnhandledRejectionListener[] = []

beforeEach(() => {
  unhandled = []
  others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (error) => void unhandled.push(error))
})
afterEach(async () => {
  await settled()
  process.removeAllListeners('unhandledRejection')
  for (const listener of others) process.on('unhandledRejection', listener)
  expect(unhandled).toEqual([])
})

const settled = () => new Promise((later) => setTimeout(later, 5))

/** A user with a session on a store that is down from now on. */
async function down(onUnavailable: 'fail' | 'anonymous') {
  const test = kit({ onUnavailable })
  const user = test.browser()
  await user.visit((session) => session.set('n', 1))
  test.failing.always('throw')
  return { test, user, open: test.sessions.open(user.cookie) }
}

describe.each(['fail', 'anonymous'] as const)('a call that nobody awaits, the store down, %s (F22)', (mode) => {
  it.each(reads)('%s ends nothing: it had no effect to lose', async (_, forget) => {
    const { open } = await down(mode)
    void forget(open.session)
    expect(await open.commit()).toMatchObject({ used: true })
  })

  it.each(changes)('%s ends nothing but its commit', async (_, forget) => {
    const { open } = await down(mode)
    void forget(open.session)
    await expect(open.commit()).rejects.toMatchObject({ code: 'unavailable' })
  })

  it.each(changes)('%s after a read that found the store down', async (_, forget) => {
    const { open } = await down(mode)
    await open.session.get('n').catch(() => {})
    void forget(open.session)
    await expect(open.commit()).rejects.toMatchObject({ code: 'unavailable' })
  })

  it.each([...reads, ...changes])('%s in a Hono handler: the app goes on', async (name, forget) => {
    const { test, user } = await down(mode)
    const app = new Hono<SessionEnv<Any>>()
    app.use(sessionOf({ ...test.options, onUnavailable: mode }))
    app.get('/', (c) => {
      void forget(c.var.session)
      return c.text('done')
    })
    const { status } = await app.request('/', { headers: { Cookie: user.cookie ?? '' } })
    expect(status).toBe(['update', 'pull'].includes(name) ? 503 : 200)
  })
})

describe('a change that fails (F22)', () => {
  const failing = (session: Session<Any>) =>
    session.update('n', () => {
      throw new RangeError('of the recipe')
    })

  it('is told by the commit where nobody awaited it, and then nothing is stored', async () => {
    const test = kit()
    const { session, commit } = test.sessions.open(undefined)
    session.set('other', 1)
    void failing(session)
    await expect(commit()).rejects.toThrow('of the recipe')
    expect(test.memory.size).toBe(0)
  })

  it.each<[string, Forget]>([
    ['a name that cannot be stored', (session) => session.update('__proto__', () => 1)],
    ['a value that cannot', (session) => session.update('n', () => new Date())],
    ['the same, pulled', (session) => session.pull('__proto__')],
  ])('tells %s', async (_, forget) => {
    const { session, commit } = kit().sessions.open(undefined)
    void forget(session)
    await expect(commit()).rejects.toMatchObject({ code: 'invalid-value' })
  })

  it.each<[string, (call: Promise<unknown>) => Promise<unknown>]>([
    ['awaited', async (call) => expect(await call.catch((error: Error) => error.message)).toBe('of the recipe')],
    ['awaited late', (call) => settled().then(() => expect(call).rejects.toThrow('of the recipe'))],
    ['in a list', (call) => Promise.allSettled([call])],
  ])('is over where somebody was told: %s', async (_, wait) => {
    const { session, commit } = kit().sessions.open(undefined)
    session.set('other', 1)
    await wait(failing(session))
    expect((await commit()).setCookie).toBeDefined()
  })

  it('a pull that failed and was awaited leaves nothing to store', async () => {
    const { open } = await down('fail')
    await expect(open.session.pull('n')).rejects.toMatchObject({ code: 'unavailable' })
    expect((await open.commit()).setCookie).toBeUndefined()
  })

  it.each(changes)('%s after destroy or after the commit: the process lives on', async (_, forget) => {
    const { session, commit } = kit().sessions.open(undefined)
    session.destroy()
    void forget(session)
    expect(await commit({ failed: true })).toMatchObject({ used: true })
    void forget(session)
  })
})

describe('the session object (F23)', () => {
  it('its methods work without it', async () => {
    const test = kit()
    const user = test.browser()
    await user.visit(async ({ get, has, all, set, delete: remove, update, pull }) => {
      set('n', 1)
      set('flash', 'x')
      await update('n', (n: number) => n + 1)
      expect([await get('n'), await has('n'), await pull('flash')]).toEqual([2, true, 'x'])
      remove('flash')
      expect(await all()).toEqual({ n: 2 })
    })
    const old = user.cookie
    await user.visit(({ regenerate, clear, set }) => {
      regenerate()
      clear()
      set('m', 1)
    })
    expect(user.cookie).not.toBe(old)
    expect(await user.visit(({ all }) => all())).toEqual({ m: 1 })
    await user.visit(({ destroy }) => destroy())
    expect(user.cookie).toBeUndefined()
  })

  it('as JSON it throws and names all(), in a handler too', async () => {
    const { session } = kit().sessions.open(undefined)
    expect(() => JSON.stringify({ session })).toThrow('await session.all()')
    const app = new Hono<SessionEnv<Any>>()
    app.use(sessionOf(kit().options))
    app.get('/', (c) => c.json(c.var.session))
    app.onError((error, c) => c.text(error.message, 500))
    expect(await (await app.request('/')).text()).toContain('await session.all()')
  })
})
