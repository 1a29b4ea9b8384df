import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { cookieAfter, expectSession, fakeClock, signedIn } from '../../adapters/testing.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { createSessions, type SessionOptions, SessionOptionsError, SessionValueError } from '../../src/index.ts'

type Data = { userId: string; cart: string[]; address: { street: string; town: string } }

const clock = fakeClock()
const optionsOf = (more: Partial<SessionOptions> = {}): SessionOptions => ({
  ...{ store: memoryStore({ now: clock.now }), secret: 'only for the tests: 32 bytes long', now: clock.now },
  ...more,
})

function createApp(options: SessionOptions) {
  const app = new Hono<SessionEnv<Data>>()
  app.use(session(options))
  app.use(async (c, next) => {
    if (c.req.path !== '/login' && !(await c.var.session.get('userId'))) return c.text('log in first', 401)
    return next()
  })
  app.get('/', async (c) => c.json(await c.var.session.all()))
  app.get('/safe', async (c) => c.json(await c.var.session.authenticatedWithin(60)))
  app.post('/cart', async (c) => {
    await c.var.session.update('cart', (cart = []) => [...cart, 'tea'])
    return c.body(null, 204)
  })
  app.post('/logout', (c) => {
    c.var.session.destroy()
    return c.body(null, 204)
  })
  return app
}

describe('signedIn', () => {
  it('gives the Cookie header of a session that a Hono app takes for one of its own, past what guards it', async () => {
    const app = createApp(optionsOf())
    const Cookie = await signedIn(app, { userId: '7', cart: ['tea'] })
    expect(await (await app.request('/', { headers: { Cookie } })).json()).toEqual({ userId: '7', cart: ['tea'] })
    expect((await app.request('/')).status).toBe(401)
  })

  it('counts as a user who has just proved who they are', async () => {
    const app = createApp(optionsOf())
    const Cookie = await signedIn(app, { userId: '7' })
    expect(await (await app.request('/safe', { headers: { Cookie } })).json()).toBe(true)
    clock.advanceSeconds(61)
    expect(await (await app.request('/safe', { headers: { Cookie } })).json()).toBe(false)
  })

  it('takes what createSessions gave, and the options of an app that is not seen into', async () => {
    const options = optionsOf()
    const sessions = createSessions<Data>(options)
    for (const tested of [sessions, options]) {
      const cookie = await signedIn<Data>(tested, { userId: '7' })
      expect(await sessions.open(cookie).session.get('userId')).toBe('7')
    }
  })

  it('finds the session of an app with an error handler of its own that is mounted on another', async () => {
    const app = createApp(optionsOf())
    app.onError((_, c) => c.text('broken', 500))
    const whole = new Hono().route('/shop', app)
    const Cookie = await signedIn(whole, { userId: '7' })
    expect(await (await whole.request('/shop', { headers: { Cookie } })).json()).toEqual({ userId: '7' })
  })

  it('finds one of several sessions by its name', async () => {
    const app = new Hono<SessionEnv<Data> & SessionEnv<{ state: string }, 'oauth'>>()
    app.use(session(optionsOf()))
    app.use(session(optionsOf({ namespace: 'oauth', cookie: { name: '__Host-oauth' } }), { as: 'oauth' }))
    const Cookie = await signedIn(app, { state: 'x' }, { as: 'oauth' })
    expect(Cookie).toMatch(/^__Host-oauth=/)
    await expectSession(app, Cookie, { state: 'x' }, { as: 'oauth' })
    await expectSession(app, Cookie, null)
  })

  it('hands bindings to options that are a function of the context, and takes a lifetime', async () => {
    const options = optionsOf({ lifetimes: { remembered: { idleSeconds: 7200, absoluteSeconds: 7200 } } })
    const app = new Hono<SessionEnv<Data> & { Bindings: { SECRET: string } }>()
    app.use(session((c) => ({ ...options, secret: c.env.SECRET })))
    const env = { SECRET: 'another secret of the tests, 32 bytes' }
    const cookie = await signedIn(app, { userId: '7' }, { env, lifetime: 'remembered' })
    clock.advanceSeconds(3600)
    await expectSession(app, cookie, { userId: '7' }, { env })
  })

  it('says what is missing, and passes on what cannot be stored', async () => {
    const app = createApp(optionsOf())
    await expect(signedIn(new Hono(), { userId: '7' })).rejects.toThrow(/no session\(\) is mounted/)
    await expect(signedIn(app, { userId: '7' }, { as: 'oauth' })).rejects.toThrow(/mounted on this app as oauth/)
    await expect(signedIn(app, {})).rejects.toThrow(/without data/)
    await expect(signedIn(app, { since: new Date() })).rejects.toThrow(SessionValueError)
    await expect(signedIn({} as never, { userId: '7' })).rejects.toThrow(SessionOptionsError)
    await expect(signedIn(null as never, { userId: '7' })).rejects.toThrow(SessionOptionsError)
    await expect(signedIn(app, { userId: '7' }, { name: 'x' } as never)).rejects.toThrow(
      /unknown option of a test: name/,
    )
    await expect(signedIn(optionsOf({ store: undefined as never }), { userId: '7' })).rejects.toThrow(/store must be/)
  })
})

describe('expectSession', () => {
  it('passes where the named keys are as expected, in whatever order their members are', async () => {
    const app = createApp(optionsOf())
    const cookie = await signedIn(app, { userId: '7', address: { street: 'High Street', town: 'Leeds' } })
    await expectSession(app, cookie, { userId: '7' })
    await expectSession(app, cookie, { address: { town: 'Leeds', street: 'High Street' }, cart: undefined })
    await app.request('/cart', { method: 'POST', headers: { Cookie: cookie } })
    await expectSession(app, cookie, { cart: ['tea'] })
  })

  it('names the keys that differ, and shows both sides to the test runner', async () => {
    const sessions = createSessions<Data>(optionsOf())
    const cookie = await signedIn(sessions, { userId: '7', cart: ['tea'] })
    await expect(expectSession(sessions, cookie, { userId: '7', cart: [] })).rejects.toMatchObject({
      ...{ name: 'AssertionError', message: 'the session does not hold what was expected at cart' },
      ...{ actual: { userId: '7', cart: ['tea'] }, expected: { userId: '7', cart: [] } },
    })
    await expect(expectSession(sessions, cookie, { cart: undefined })).rejects.toThrow('at cart')
  })

  it('with null: nobody is logged in', async () => {
    const app = createApp(optionsOf())
    const cookie = await signedIn(app, { userId: '7' })
    await expect(expectSession(app, cookie, null)).rejects.toThrow('the session lives, and should not')
    const response = await app.request('/logout', { method: 'POST', headers: { Cookie: cookie } })
    expect(cookieAfter(response, cookie)).toBeUndefined()
    await expectSession(app, cookie, null)
    await expectSession(app, undefined, null)
    await expectSession(app, '__Host-sid=junk', null)
    await expect(expectSession(app, cookie, {})).rejects.toThrow('no session lives under this cookie')
  })

  it('does not count as activity', async () => {
    const app = createApp(optionsOf())
    const cookie = await signedIn(app, { userId: '7' })
    clock.advanceSeconds(1700)
    await expectSession(app, cookie, { userId: '7' })
    clock.advanceSeconds(101)
    await expectSession(app, cookie, null)
  })
})

describe('cookieAfter', () => {
  it('keeps what was sent before, and follows what is set, replaced and taken away', () => {
    const before = cookieAfter(['a=1; Path=/', 'b=2; Max-Age=60'])
    expect(before).toBe('a=1; b=2')
    expect(cookieAfter(['a=3', 'b=; max-age=0; Path=/'], before)).toBe('a=3')
    expect(cookieAfter(new Response(null, { headers: { 'Set-Cookie': 'c=4' } }), 'a=1')).toBe('a=1; c=4')
    expect(cookieAfter(undefined, undefined)).toBeUndefined()
  })
})

describe('fakeClock', () => {
  it('moves when it is told to, and only forward', async () => {
    const own = fakeClock(1000)
    own.advanceSeconds(0.5)
    await own.sleep(20)
    expect(own.now()).toBe(1520)
    for (const wrong of [-1, Number.NaN]) expect(() => own.advanceSeconds(wrong)).toThrow(SessionOptionsError)
    expect(() => fakeClock(Number.NaN)).toThrow(SessionOptionsError)
  })
})
