import { readFileSync } from 'node:fs'
import { Hono } from 'hono'
import { csrf } from 'hono/csrf'
import { HTTPException } from 'hono/http-exception'
import { describe, expect, it } from 'vitest'
import { type SessionEnv, session } from '../../src/hono.ts'
import { type Agent, type Any, agent, browser, kit, loggedIn } from '../support/app.ts'
import { gatedStore } from '../support/stores.ts'

type One = SessionEnv<Any>['Variables']['session']

describe('requests', () => {
  it('E9: HEAD commits once as GET does; an OPTIONS preflight touches nothing', async () => {
    const { app, user, test } = await loggedIn()
    app.get('/inc', async (c) => {
      await c.var.session.update('count', (count = 0) => count + 1)
      return c.text('x')
    })
    const head = await user.request('/inc', { method: 'HEAD' })
    expect([head.headers.getSetCookie().length, await head.text()]).toEqual([1, ''])
    await user.request('/inc')
    expect(await browser(test.sessions, user.cookie).visit((one) => one.get('count'))).toBe(2)
    test.store.reset()
    const preflight = await user.request('/inc', { method: 'OPTIONS', headers: { Origin: 'https://a.example' } })
    expect([preflight.headers.getSetCookie(), preflight.headers.get('Vary'), test.store.roundTrips]).toEqual([
      [],
      null,
      0,
    ])
  })

  it('E10: an unhandled error changes nothing but what destroy ends (F13)', async () => {
    const { app, user, test } = await loggedIn()
    app.onError((_, c) => c.text('sorry', 500))
    const fail = (use: (one: One) => void) => (c: { var: { session: One } }) => {
      use(c.var.session)
      throw new Error('a bug')
    }
    app.get(
      '/set',
      fail((one) => one.set('user', 'mallory')),
    )
    app.get(
      '/regenerate',
      fail((one) => {
        one.regenerate()
        one.set('user', 'mallory')
      }),
    )
    app.get(
      '/destroy',
      fail((one) => one.destroy()),
    )
    const login = async () => {
      const fresh = agent(app)
      await fresh.request('/login/alice')
      return fresh
    }
    const outcome = async (one: Agent, path: string) => {
      const before = one.cookie
      const response = await one.request(path)
      const who = await (await agent(app, before).request('/who')).text()
      return [response.status, response.headers.getSetCookie().length, who, one.cookie === before]
    }
    expect(await outcome(user, '/set')).toEqual([500, 0, 'alice', true])
    expect(await outcome(await login(), '/regenerate')).toEqual([500, 0, 'alice', true])
    expect(await outcome(await login(), '/destroy')).toEqual([500, 2, 'undefined', false])
    expect(test.events).not.toContainEqual(expect.objectContaining({ outcome: 'regenerated' }))
  })

  it('E11: an HTTPException below 500 commits: three wrong passwords are counted as three; 500 and above drops', async () => {
    const { app, user } = await loggedIn()
    for (const status of [401, 422, 500, 503] as const) {
      app.get(`/${status}`, async (c) => {
        await c.var.session.update('failed', (failed = 0) => failed + 1)
        throw new HTTPException(status, { message: 'no' })
      })
    }
    app.get('/failed', async (c) => c.text(`${await c.var.session.get('failed')}`))
    for (const path of ['/401', '/401', '/422', '/500', '/503']) {
      const response = await user.request(path)
      expect([`/${response.status}`, response.headers.getSetCookie().length]).toEqual([path, path < '/5' ? 1 : 0])
    }
    expect(await (await user.request('/failed')).text()).toBe('3')
  })

  it('E17: mounted three times it is one session: one load, one commit, one cookie', async () => {
    const test = kit()
    const sub = new Hono<SessionEnv<Any>>()
    sub.use('*', session({ ...test.options }))
    sub.get('/', async (c) => {
      await c.var.session.update('count', (count = 0) => count + 1)
      return c.text('x')
    })
    const app = new Hono<SessionEnv<Any>>()
    app.use('*', session(test.options)).use('/sub/*', session({ ...test.options }))
    app.route('/sub', sub)
    const user = agent(app)
    await user.request('/sub')
    expect(test.store.calls).toMatchObject({ read: 0, create: 1, update: 0 })
    test.store.reset()
    expect((await user.request('/sub')).headers.getSetCookie()).toHaveLength(1)
    expect(test.store.calls).toMatchObject({ read: 1, create: 0, update: 1 })
  })

  it('E19: the response waits for the write (G9)', async () => {
    const test = kit()
    const gated = gatedStore(test.store)
    const { app, user } = await loggedIn(test, { store: gated, requestMs: 5000 })
    app.get('/cart', (c) => {
      c.var.session.set('cart', 1)
      return c.text('x')
    })
    const gate = gated.hold('update', { when: 'before' })
    let isAnswered = false
    const answer = user.request('/cart').then((response) => {
      isAnswered = true
      return response
    })
    await gate.reached
    await new Promise((turn) => setTimeout(turn, 30))
    expect(isAnswered).toBe(false)
    gate.release()
    expect((await answer).headers.getSetCookie()).toHaveLength(1)
  })

  it('E20: the cookie is SameSite=Lax and csrf() refuses a foreign form before the session is touched', async () => {
    const { app, user, test } = await loggedIn()
    app.post('/pay', csrf(), async (c) => c.text(`paid by ${await c.var.session.get('user')}`))
    const post = (Origin: string) =>
      user.request('http://shop.example/pay', {
        method: 'POST',
        headers: { Origin, 'Content-Type': 'application/x-www-form-urlencoded' },
      })
    expect([(await post('https://evil.example')).status, test.store.roundTrips]).toEqual([403, 0])
    expect(await (await post('http://shop.example')).text()).toBe('paid by alice')
    expect((await app.request('/login/alice')).headers.get('Set-Cookie')).toMatch(
      /; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
  })

  it('E22: docs/security.md tells of the hono that reflects an origin with credentials (CVE-2026-54290)', () => {
    const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8')
    expect(text).toMatch(/hono 4\.12\.25/)
  })

  it('leaves no trace of the sessions of others: the app holds none between requests', async () => {
    const { app, user } = await loggedIn()
    expect(await (await app.request('/who')).text()).toBe('undefined')
    expect(await (await user.request('/who')).text()).toBe('alice')
  })
})
