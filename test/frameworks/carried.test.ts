import { describe, expect, it } from 'vitest'
import { kit, tokenOf } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { oldSessions } from '../support/old-sessions.ts'
import { isInstalled } from './packages.ts'
import { frameworks, type Routes, site } from './sites.ts'
import { oursWith } from './worlds.ts'

const id = 'Xw1p9dKq3vTz7LmN0bRsYfGhJ2cE4uAa'
const sidOf = (setCookie = '') =>
  JSON.parse(Buffer.from(tokenOf(setCookie).split('.')[1] as string, 'base64url').toString()).sid

const routes: Routes = {
  '/': async ({ session, send }) => send(200, JSON.stringify(await session.all())),
  '/add': async ({ session, send }) => {
    await session.update('cart', (cart = []) => [...cart, 'tea'])
    send(200, 'added')
  },
  '/login': ({ session, send }) => {
    session.regenerate({ reauthenticated: true })
    session.set('user', 'bob')
    send(200, 'in')
  },
  '/logout': ({ session, send }) => {
    session.destroy()
    send(200, 'out')
  },
}

describe.skipIf(!isInstalled).each(frameworks)('%s', (framework) => {
  it('an old session comes over with a read, in 20 first requests at once as one, and a logout ends both (G4)', async () => {
    const old = oldSessions()
    const cookie = old.login(id, { user: 'alice' })
    const test = kit({ legacy: old.legacy })
    await using here = await site(framework, test.options, routes)
    const answers = await Promise.all(Array.from({ length: 20 }, () => here.get('/', cookie)))
    for (const { text } of answers) expect(text).toBe('{"user":"alice"}')
    const sids = answers.map(({ headers }) => sidOf(headers['set-cookie']?.[0]))
    expect([new Set(sids).size, (await test.live()).length]).toEqual([1, 1])
    const browser = nextCookies(cookie, answers[0]?.headers['set-cookie'] ?? [])
    const read = await here.get('/', browser)
    expect([read.text, read.headers['set-cookie']]).toEqual(['{"user":"alice"}', undefined])
    const out = await here.get('/logout', browser)
    expect([nextCookies(browser, out.headers['set-cookie'] ?? []), old.records.size]).toEqual([undefined, 0])
    old.login(id, { user: 'alice' })
    expect((await here.get('/', cookie)).text).toBe('{}')
    expect(here.errors).toEqual([])
  })

  it('an old cookie that was altered costs no store call (G1), and an old store that is down is a 503 (G7)', async () => {
    const old = oldSessions()
    const cookie = old.login(id, { user: 'alice' })
    const test = kit({ legacy: old.legacy })
    await using here = await site(framework, test.options, routes)
    expect((await here.get('/', `${cookie.slice(0, -2)}xx`)).text).toBe('{}')
    expect([test.store.roundTrips, old.calls.read]).toEqual([0, 0])
    old.failure = new Error('down')
    const down = await here.get('/', cookie)
    expect([down.status, down.text, down.headers['set-cookie']]).toEqual([503, 'unavailable', undefined])
  })

  it('a native app has a session by headers alone, and is sent no cookie', async () => {
    const test = kit({ transport: 'header' })
    await using here = await site(framework, test.options, routes)
    const ask = (path: string, token = '', receipt?: string) =>
      here.get(path, undefined, 'GET', {
        authorization: `Bearer ${token}`.trim(),
        ...(receipt === undefined ? {} : { 'session-token-rev': receipt }),
      })
    const login = await ask('/login')
    const token = login.headers['session-token'] as string
    expect(token).toMatch(/^eyJ/)
    test.clock.advance(1)
    const added = await ask('/add', token)
    const receipt = added.headers['session-token-rev'] as string
    expect([receipt, added.headers['session-token']]).toEqual([
      expect.stringMatching(/^[0-9a-z]+\.[\w-]{22}$/),
      undefined,
    ])
    const read = await ask('/', token, receipt)
    expect(read).toMatchObject({ text: '{"user":"bob","cart":["tea"]}', headers: { 'cache-control': due } })
    expect(`${read.headers.vary}`.toLowerCase()).toBe('cookie, authorization')
    const out = await ask('/logout', token, receipt)
    expect([out.headers['session-token'], out.headers['session-token-rev']]).toEqual(['', ''])
    expect((await ask('/', token, receipt)).text).toBe('{}')
    for (const { headers } of [login, added, read, out]) expect(headers['set-cookie']).toBeUndefined()
    test.store.reset()
    expect([(await ask('/', 'junk')).text, test.store.roundTrips]).toEqual(['{}', 0])
  })
})

const due = 'private, no-cache'

describe.skipIf(!isInstalled)('expressSession() with legacy on Express', () => {
  it('20 first requests at once are one session that keeps what each has appended (G3)', async () => {
    const old = oldSessions()
    const cookie = old.login(id, { user: 'alice', cart: [] })
    const test = kit()
    await using here = await oursWith(test, { legacy: old.legacy })
    const all = Promise.withResolvers<void>()
    let inside = 0
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        here.ask(
          async (req, res) => {
            if (++inside === 20) all.resolve()
            await all.promise
            req.session.cart.push(at)
            res.send(req.session.user)
          },
          { cookie },
        ),
      ),
    )
    expect(replies.map(({ status, text }) => `${status} ${text}`)).toEqual(
      Array.from({ length: 20 }, () => '200 alice'),
    )
    expect(new Set(replies.map(({ setCookies }) => sidOf(setCookies[0]))).size).toBe(1)
    const held = await test.browser(nextCookies(cookie, replies[0]?.setCookies ?? [])).visit((one) => one.get('cart'))
    expect((held as number[]).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, at) => at))
    expect(old.records.get(id)).toMatchObject({ user: 'alice', cart: [] })
  })

  it('regenerate(cb), save(cb) and destroy(cb) end both (G4), and what comes over can be changed at once', async () => {
    const old = oldSessions()
    const jar = { cookie: old.login(id, { user: 'alice' }) as string | undefined }
    const test = kit()
    await using here = await oursWith(test, { legacy: old.legacy })
    const login = await here.ask((req, res, next) => {
      const { user } = req.session
      req.session.regenerate((error: unknown) => {
        if (error) return next(error)
        req.session.user = `${user} again`
        req.session.save(() => res.send(req.session.user))
      })
    }, jar)
    expect([login.status, login.text, old.records.size]).toEqual([200, 'alice again', 0])
    expect(jar.cookie).not.toContain('connect.sid')
    old.login(id, { user: 'alice' })
    const stale = await here.ask((req, res) => res.send(`${req.session.user}`), {
      cookie: old.login(id, { user: 'x' }),
    })
    expect(stale.text).toBe('undefined')
    const out = await here.ask((req, res) => req.session.destroy(() => res.send('out')), jar)
    expect([out.text, jar.cookie]).toEqual(['out', undefined])
  })
})
