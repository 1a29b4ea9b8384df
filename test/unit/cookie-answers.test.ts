import { Hono } from 'hono'
import { handle } from 'hono/aws-lambda'
import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { secret, tokenOf } from '../support/app.ts'
import { type AppData, alice, ignored, sessionApp } from '../support/session-app.ts'
import { gatedStore } from '../support/stores.ts'

const post = { method: 'POST' }

describe('A25 one Set-Cookie for one session', () => {
  it('A25 a login that reads, sets and is mounted twice', async () => {
    const options = { store: memoryStore(), secret }
    const app = new Hono<SessionEnv<AppData>>()
    app.use(session(options)).use(session(options))
    app.post('/', async (c) => {
      const { session } = c.var
      session.set('cart', 1)
      await session.get('user')
      session.regenerate({ keep: ['cart'] })
      session.set('user', 'alice')
      session.regenerate({ reauthenticated: true })
      await session.update('cart', (cart = 0) => cart + 1)
      return c.text(`${await session.get('cart')}`)
    })
    let cookie: string | undefined
    for (const cart of ['2', '2', '2']) {
      const response = await app.request('/', { method: 'POST', headers: cookie ? { Cookie: cookie } : {} })
      expect(await response.text()).toBe(cart)
      expect(response.headers.getSetCookie()).toHaveLength(1)
      cookie = response.headers.getSetCookie()[0]?.split(';')[0]
    }
  })

  it('A25 a logout after writes, and reads', async () => {
    const { ask, app, login } = sessionApp()
    app.post('/all', async (c) => {
      c.var.session.set('cart', 1)
      c.var.session.regenerate()
      c.var.session.destroy()
      return c.json({})
    })
    const cookie = `__Host-sid=${await login('alice')}`
    expect((await ask(cookie)).setCookies).toEqual([])
    const { setCookies } = await ask(cookie, '/all', post)
    expect(setCookies).toHaveLength(2)
    expect(setCookies[0]).toMatch(/^__Host-sid=; Max-Age=0;/)
    expect(setCookies[1]).toMatch(/^__Host-sid-rev=; Max-Age=0;/)
  })
})

describe('A26 a late response does not bring back an old cookie', () => {
  const gated = async () => {
    const store = gatedStore(memoryStore())
    const site = sessionApp({ store, now: Date.now })
    site.app.post('/seen-cart', async (c) => {
      const cart = (await c.var.session.get('cart')) ?? 0
      c.var.session.set('cart', cart + 1)
      return c.json({})
    })
    const cookie = `__Host-sid=${await site.login('alice')}`
    return { ...site, gate: store, cookie, send: (path: string, init = {}) => sendWith(site.app, path, cookie, init) }
  }
  const sendWith = (app: Hono<SessionEnv<AppData>>, path: string, cookie: string, init: RequestInit) =>
    app.request(path, { ...init, headers: { Cookie: cookie } })

  it.each(['/logout', '/login/alice'])('A26 a read held while %s happens', async (end) => {
    const { gate, send, ask, cookie } = await gated()
    const held = gate.hold('read', { when: 'after' })
    const late = send('/')
    await held.reached
    expect((await send(end, post)).status).toBe(200)
    held.release()
    const response = await late
    expect(response.status).toBe(200)
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await ask(cookie)).toEqual({ ...ignored, roundTrips: 1 })
  })

  it.each([
    ['/cart', '/logout'],
    ['/cart', '/login/alice'],
    ['/seen-cart', '/logout'],
    ['/seen-cart', '/login/alice'],
  ])('A26 %s whose read is held while %s happens', async (write, end) => {
    const { gate, send, ask, cookie } = await gated()
    const held = gate.hold('read', { when: 'after' })
    const late = send(write, post)
    await held.reached
    expect((await send(end, post)).status).toBe(200)
    held.release()
    const response = await late
    expect(response.status).toBe(409)
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await ask(cookie)).toEqual({ ...ignored, roundTrips: 1 })
  })

  it.each(['/cart', '/seen-cart'])('A26 %s whose write is held while /logout happens', async (write) => {
    const { gate, send, ask, cookie } = await gated()
    const held = gate.hold('update')
    const late = send(write, post)
    await held.reached
    expect((await send('/logout', post)).headers.getSetCookie()[0]).toContain('Max-Age=0')
    held.release()
    const response = await late
    expect(response.status).toBe(409)
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await ask(cookie)).toEqual({ ...ignored, roundTrips: 1 })
  })

  it.each(['read', 'update'].flatMap((verb) => ['/logout', '/login/alice'].map((end) => [verb, end] as const)))(
    'A26 a login whose %s is held while %s happens begins a new session (F12)',
    async (verb, end) => {
      const { gate, send, ask, cookie } = await gated()
      const held = gate.hold(verb as 'read' | 'update', { when: verb === 'read' ? 'after' : 'before' })
      const late = send('/login/bob', post)
      await held.reached
      const earlier = send(end, post)
      // In one process the second login waits for the first.
      if (verb === 'read' || end === '/logout') await earlier
      held.release()
      expect((await earlier).status).toBe(200)
      const response = await late
      expect(response.status).toBe(200)
      expect(await ask(`__Host-sid=${tokenOf(response.headers.getSetCookie()[0])}`)).toEqual({ ...alice, user: 'bob' })
      expect(await ask(cookie)).toEqual({ ...ignored, roundTrips: 1 })
    },
  )

  it('A26 a write sent with the old cookie just after /logout, until the time it was told has passed (F14)', async () => {
    const { app, ask, clock, login } = sessionApp()
    const cookie = `__Host-sid=${await login('alice')}`
    clock.advance(1)
    await ask(cookie, '/logout', post)
    for (const [wait, left] of [
      [0, '5'],
      [1, '5'],
      [999, '4'],
      [3999, '1'],
    ] as const) {
      clock.advance(wait)
      const refused = await app.request('/cart', { ...post, headers: { Cookie: cookie } })
      expect([refused.status, refused.headers.get('Retry-After'), refused.headers.getSetCookie()]).toEqual([
        409,
        left,
        [],
      ])
    }
    // Later nobody can hold a newer cookie that this one would overwrite: a new session begins.
    clock.advance(1)
    expect((await ask(cookie, '/cart', post)).setCookies).toHaveLength(1)
    expect(await ask(cookie)).toEqual({ ...ignored, roundTrips: 1 })
  })

  it('A26 a login sent with the old cookie just after /logout begins a new session (F12)', async () => {
    const { ask, login } = sessionApp()
    const cookie = `__Host-sid=${await login('alice')}`
    await ask(cookie, '/logout', post)
    const { status, setCookies } = await ask(cookie, '/login/bob', post)
    expect([status, setCookies.length]).toEqual([200, 1])
    expect(await ask(cookie)).toEqual({ ...ignored, roundTrips: 1 })
  })

  it('A26 the same requests, not late, are answered with a cookie', async () => {
    const { send, ask, cookie } = await gated()
    expect((await send('/seen-cart', post)).headers.getSetCookie()).toHaveLength(1)
    expect(await ask(cookie)).toEqual(alice)
  })
})

describe('A27 the session cookie comes first', () => {
  const themed = () => {
    const { app } = sessionApp()
    app.post('/theme', (c) => {
      c.header('Set-Cookie', 'theme=dark; Path=/', { append: true })
      c.header('Set-Cookie', 'lang=en; Path=/', { append: true })
      c.var.session.set('user', 'alice')
      return c.text('ok')
    })
    return app
  }

  it('A27 in the response', async () => {
    const response = await themed().request('/theme', post)
    expect(response.headers.getSetCookie().map((cookie) => cookie.split('=')[0])).toEqual([
      '__Host-sid',
      'theme',
      'lang',
    ])
  })

  it('A27 in what a load balancer without multi-value headers keeps', async () => {
    const event = {
      requestContext: { elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/t/1' } },
      httpMethod: 'POST',
      path: '/theme',
      queryStringParameters: {},
      headers: { host: 'example.com', 'x-forwarded-proto': 'https' },
      body: '',
      isBase64Encoded: false,
    }
    const result = await handle(themed())(event as unknown as Parameters<ReturnType<typeof handle>>[0])
    expect(result.headers?.['set-cookie']).toMatch(/^__Host-sid=[^;]/)
  })
})
