import { afterEach, describe, expect, it } from 'vitest'
import { expressSession } from '../../adapters/frameworks/node.ts'
import { kit } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { isInstalled, load } from './packages.ts'
import { listen, type Site } from './sites.ts'
import type { Loose } from './worlds.ts'

const sites: Site[] = []
afterEach(async () => {
  for (const site of sites.splice(0)) await site[Symbol.asyncDispose]()
})

/** An application as the packages' own documentation has it, with `expressSession()` where express-session stood. */
async function application(framework: string, build: (app: Loose, express: Loose) => void) {
  const test = kit()
  const express = load(framework)
  const app = express()
  app.use(express.urlencoded({ extended: false }))
  app.use(expressSession(test.options))
  // Where several are to meet, each waits here with its session loaded until all have come.
  let wanted = 0
  const waiting: (() => void)[] = []
  app.use((_req: Loose, _res: Loose, next: Loose) => {
    if (wanted === 0) return next()
    waiting.push(next)
    if (waiting.length < wanted) return
    wanted = 0
    for (const goOn of waiting.splice(0)) goOn()
  })
  const together = <Result>(count: number, ask: () => Promise<Result>): Promise<Result[]> => {
    wanted = count
    return Promise.all(Array.from({ length: count }, ask))
  }
  build(app, express)
  const site = await listen(app)
  sites.push(site)
  const browser = (before?: string) => ({
    cookie: before,
    async ask(path: string, form?: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}) {
      const response = await fetch(`http://127.0.0.1:${site.port}${path}`, {
        redirect: 'manual',
        headers: { ...headers, ...(this.cookie === undefined ? {} : { Cookie: this.cookie }) },
        ...(form && { method: 'POST', body: new URLSearchParams(form) }),
      })
      this.cookie = nextCookies(this.cookie, response.headers.getSetCookie())
      const text = await response.text()
      return { status: response.status, text, location: response.headers.get('Location') }
    },
  })
  const stored = (cookie: string | undefined) => test.browser(cookie).visit((one) => one.all())
  return { test, browser, stored, together }
}

const users = [{ id: 1, name: 'alice', password: 'secret' }]

/** Its README and the tutorials of its author: a login form, messages for failed logins, logout. */
function withPassport(passportName: string) {
  return (app: Loose) => {
    const { Passport } = load(passportName)
    const passport = new Passport()
    const { Strategy } = load('passport-local')
    passport.use(
      new Strategy((name: string, password: string, done: Loose) => {
        const user = users.find((one) => one.name === name)
        return user?.password === password ? done(null, user) : done(null, false, { message: 'Wrong password.' })
      }),
    )
    passport.serializeUser((user: Loose, done: Loose) => done(null, user.id))
    passport.deserializeUser((id: number, done: Loose) => done(null, users.find((one) => one.id === id) ?? false))
    app.use(passport.initialize())
    app.use(passport.session())
    app.get('/', (req: Loose, res: Loose) => res.json({ user: req.user?.name ?? null, cart: req.session.cart ?? null }))
    app.get('/cart', (req: Loose, res: Loose) => {
      req.session.cart = ['tea']
      res.send('')
    })
    app.get('/login', (req: Loose, res: Loose) => res.json(req.session.messages ?? []))
    const options = { successRedirect: '/', failureRedirect: '/login', failureMessage: true }
    app.post('/login', passport.authenticate('local', options))
    app.post('/login-and-keep', passport.authenticate('local', { ...options, keepSessionInfo: true }))
    app.post('/logout', (req: Loose, res: Loose, next: Loose) => {
      req.logout((error: unknown) => (error ? next(error) : res.redirect('/')))
    })
  }
}

const right = { username: 'alice', password: 'secret' }
const wrong = { username: 'alice', password: 'guess' }

describe.skipIf(!isInstalled).each(['express4', 'express5'])('on %s', (framework) => {
  describe.each([
    ['passport 0.6', 'passport06'],
    ['passport 0.7', 'passport07'],
  ])('%s with passport-local', (_, name) => {
    it('logs in under a new id, is who it is, and logs out for good', async () => {
      const { browser, stored } = await application(framework, withPassport(name))
      const one = browser()
      await one.ask('/cart')
      const before = one.cookie
      expect(await one.ask('/login', right)).toMatchObject({ status: 302, location: '/' })
      expect(one.cookie?.split(';')[0]).not.toBe(before?.split(';')[0])
      expect(await stored(before)).toEqual({})
      expect(JSON.parse((await one.ask('/')).text)).toEqual({ user: 'alice', cart: null })
      const after = one.cookie
      expect(await one.ask('/logout', {})).toMatchObject({ status: 302, location: '/' })
      expect([one.cookie, await stored(after)]).toEqual([undefined, {}])
      expect(JSON.parse((await browser(after).ask('/')).text)).toEqual({ user: null, cart: null })
    })

    it('keeps the data of the visitor where it is told to', async () => {
      const { browser } = await application(framework, withPassport(name))
      const one = browser()
      await one.ask('/cart')
      await one.ask('/login-and-keep', right)
      expect(JSON.parse((await one.ask('/')).text)).toEqual({ user: 'alice', cart: ['tea'] })
    })

    it('G3: eight failed logins at once are eight redirects and eight messages', async () => {
      const { browser, together } = await application(framework, withPassport(name))
      const one = browser()
      await one.ask('/cart')
      const answers = await together(8, () => browser(one.cookie).ask('/login', wrong))
      expect(answers.map(({ status, location }) => [status, location])).toEqual(answers.map(() => [302, '/login']))
      expect(JSON.parse((await one.ask('/login')).text)).toEqual(answers.map(() => 'Wrong password.'))
    })

    it('F12: a login that is sent twice works twice', async () => {
      const { browser, together } = await application(framework, withPassport(name))
      const one = browser()
      await one.ask('/cart')
      const both: ReturnType<typeof browser>[] = []
      const answers = await together(2, () => {
        const each = browser(one.cookie)
        both.push(each)
        return each.ask('/login', right)
      })
      expect(answers.map(({ status }) => status)).toEqual([302, 302])
      for (const each of both) expect(JSON.parse((await each.ask('/')).text).user).toBe('alice')
    })

    it('E14: a login that cannot be stored is a 503, and nobody is logged in', async () => {
      const { test, browser, stored } = await application(framework, withPassport(name))
      const one = browser()
      await one.ask('/cart')
      test.failing.fail('create', 'throw')
      expect((await one.ask('/login', right)).status).toBe(503)
      expect(await stored(one.cookie)).toEqual({ cart: ['tea'] })
    })
  })

  it('connect-flash: a message is shown once, after a redirect', async () => {
    const { browser, stored, together } = await application(framework, (app) => {
      app.use(load('connect-flash')())
      app.post('/', (req: Loose, res: Loose) => {
        req.flash('info', 'saved')
        req.flash('info', 'and sent')
        res.redirect('/')
      })
      app.get('/', (req: Loose, res: Loose) => res.json(req.flash('info')))
    })
    const one = browser()
    expect((await one.ask('/', {})).status).toBe(302)
    const texts = [await one.ask('/'), await one.ask('/')].map(({ text }) => JSON.parse(text))
    expect(texts).toEqual([['saved', 'and sent'], []])
    // Messages that are added at once are all there.
    const answers = await together(3, () => browser(one.cookie).ask('/', {}))
    expect(answers.map(({ status }) => status)).toEqual([302, 302, 302])
    expect((await stored(one.cookie)).flash.info).toHaveLength(6)
  })

  it('csurf: a form with its token passes, one without does not', async () => {
    const { browser } = await application(framework, (app) => {
      app.use(load('csurf')())
      app.get('/form', (req: Loose, res: Loose) => res.send(req.csrfToken()))
      app.post('/form', (_req: Loose, res: Loose) => res.send('done'))
    })
    const one = browser()
    const { text: _csrf } = await one.ask('/form')
    expect(await one.ask('/form', { _csrf })).toMatchObject({ status: 200, text: 'done' })
    expect((await one.ask('/form', { _csrf: 'guess' })).status).toBe(403)
    const other = browser()
    await other.ask('/form')
    expect((await other.ask('/form', { _csrf })).status).toBe(403)
  })

  it('lusca: a form with its token passes, one without does not', async () => {
    const { browser } = await application(framework, (app) => {
      app.use(load('lusca')({ csrf: true, csp: { policy: { 'default-src': "'self'" } }, xframe: 'SAMEORIGIN' }))
      app.get('/form', (_req: Loose, res: Loose) => res.send(res.locals._csrf))
      app.post('/form', (_req: Loose, res: Loose) => res.send('done'))
    })
    const one = browser()
    const { text: _csrf } = await one.ask('/form')
    expect(await one.ask('/form', { _csrf })).toMatchObject({ status: 200, text: 'done' })
    expect((await one.ask('/form', { _csrf: 'guess' })).status).toBe(403)
    expect((await one.ask('/form', {})).status).toBe(403)
  })
})
