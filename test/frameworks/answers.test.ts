import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type Kit, kit } from '../support/app.ts'
import { gatedStore } from '../support/stores.ts'
import { isInstalled } from './packages.ts'
import { frameworks, type Routes, site } from './sites.ts'

const due = { vary: 'Cookie', 'cache-control': 'private, no-cache' }

/** A user whose session holds data. */
async function withUser(test: Kit, data: Record<string, unknown> = { user: 'alice' }) {
  const user = test.browser()
  await user.visit((one) => {
    for (const [key, value] of Object.entries(data)) one.set(key, value)
  })
  test.store.reset()
  return { cookie: user.cookie, stored: (cookie = user.cookie) => test.browser(cookie).visit((one) => one.all()) }
}

describe.skipIf(!isInstalled).each(frameworks)('%s', (framework) => {
  it('G9: holds every form of answer until its change is stored', async () => {
    const test = kit()
    const gated = gatedStore(test.store)
    const forms: Routes = {
      '/send': ({ send }) => send(201, 'sent'),
      '/redirect': ({ redirect }) => redirect('/elsewhere'),
      '/stream': ({ stream }) => stream(Readable.from(['str', 'eam'])),
    }
    const routes = Object.fromEntries(
      Object.entries(forms).map(([path, handle]) => [
        path,
        async (visit: Parameters<typeof handle>[0]) => {
          await visit.session.update('count', (count = 0) => count + 1)
          await handle(visit)
        },
      ]),
    )
    await using here = await site(framework, { ...test.options, store: gated }, routes)
    const { cookie, stored } = await withUser(test)
    const answers = []
    for (const path of Object.keys(forms)) {
      const gate = gated.hold('update')
      let hasLeft = false
      const answer = here.get(path, cookie).finally(() => {
        hasLeft = true
      })
      await gate.reached
      await new Promise((turn) => setTimeout(turn, 20))
      expect(hasLeft).toBe(false)
      gate.release()
      answers.push(await answer)
    }
    expect(answers.map(({ status, text }) => [status, text.startsWith('Found') ? '' : text])).toEqual([
      [201, 'sent'],
      [302, ''],
      [200, 'stream'],
    ])
    for (const { headers } of answers) {
      expect(headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-sid-rev=/)])
      expect(headers).toMatchObject({ vary: expect.stringMatching(/^Cookie/), 'cache-control': 'private, no-store' })
    }
    expect(answers[1]?.headers.location).toBe('/elsewhere')
    expect(await stored()).toEqual({ user: 'alice', count: 3 })
    expect(here.errors).toEqual([])
  })

  it('G2, G10: a visitor who writes nothing gets no cookie, and an answer without a session is left alone', async () => {
    const test = kit()
    await using here = await site(framework, test.options, {
      '/page': ({ send }) => send(200, 'page'),
      '/who': async ({ session, send }) => send(200, `${await session.get('user')}`),
    })
    const { cookie } = await withUser(test)
    const page = await here.get('/page', cookie)
    expect([page.text, page.headers.vary, page.headers['cache-control'], test.store.roundTrips]).toEqual([
      ...['page', undefined, undefined],
      0,
    ])
    const anonymous = await here.get('/who')
    expect([anonymous.text, anonymous.headers['set-cookie']]).toEqual(['undefined', undefined])
    expect(anonymous.headers).toMatchObject(due)
    const read = await here.get('/who', cookie)
    expect([read.text, read.headers['set-cookie'], test.store.roundTrips]).toEqual(['alice', undefined, 1])
    expect(read.headers).toMatchObject(due)
  })

  it('G3: of two that take the same cart one is a 409 through the error handler, without a trace of its answer', async () => {
    const test = kit()
    const gated = gatedStore(test.store)
    await using here = await site(
      framework,
      { ...test.options, store: gated },
      {
        '/checkout': async ({ session, header, send }) => {
          const cart = await session.pull('cart')
          header('Content-Language', 'en')
          header('ETag', '"page"')
          header('Set-Cookie', 'page=1')
          send(201, `paid ${cart}`)
        },
      },
    )
    const { cookie, stored } = await withUser(test, { cart: 'tea' })
    const gate = gated.hold('update')
    const late = here.get('/checkout', cookie)
    await gate.reached
    // As another process would: not in this one's queue.
    await test.browser(cookie).visit((one) => one.pull('cart'))
    gate.release()
    const { status, text, headers } = await late
    expect([status, text]).toEqual([409, 'conflict'])
    expect([headers['set-cookie'], headers['content-language'], headers.etag]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    expect(headers).toMatchObject({ vary: 'Cookie', 'cache-control': 'private, no-store' })
    expect(here.errors).toHaveLength(1)
    expect(await stored()).toEqual({})
  })

  it('G7: an outage is a 503 with Retry-After through the error handler, at a read and at the commit', async () => {
    const test = kit()
    await using here = await site(framework, test.options, {
      '/read': async ({ session, send }) => send(200, `${await session.get('user')}`),
      '/write': ({ session, send }) => {
        session.set('user', 'bob')
        send(200, 'done')
      },
    })
    const { cookie, stored } = await withUser(test)
    test.failing.always('throw')
    for (const path of ['/read', '/write']) {
      const { status, text, headers } = await here.get(path, cookie)
      expect([path, status, text, headers['retry-after'], headers['set-cookie']]).toEqual([
        ...[path, 503, 'unavailable', '1', undefined],
      ])
      expect(headers.vary).toBe('Cookie')
    }
    test.failing.always(undefined)
    expect(await stored()).toEqual({ user: 'alice' })
  })

  it('F24: a session that is too large is a 413', async () => {
    const test = kit({ maxBytes: 100 })
    await using here = await site(framework, test.options, {
      '/': ({ session, send }) => {
        session.set('big', 'x'.repeat(200))
        send(200, 'done')
      },
    })
    expect(await here.get('/')).toMatchObject({ status: 413, text: 'too-large' })
  })

  it('E10: a handler that fails changes nothing, unless its error is an answer below 500; a logout happens all the same', async () => {
    const test = kit()
    const fail = (status: number | undefined) => {
      throw Object.assign(new Error('a bug'), status === undefined ? {} : { status, statusCode: status })
    }
    await using here = await site(framework, test.options, {
      '/bug': ({ session }) => {
        session.set('user', 'mallory')
        fail(undefined)
      },
      '/refusal': ({ session }) => {
        session.set('tries', 1)
        fail(403)
      },
      '/logout': ({ session }) => {
        session.destroy()
        fail(500)
      },
    })
    const { cookie, stored } = await withUser(test)
    const bug = await here.get('/bug', cookie)
    expect([bug.status, bug.headers['set-cookie'], await stored()]).toEqual([500, undefined, { user: 'alice' }])
    expect((await here.get('/refusal', cookie)).status).toBe(403)
    expect(await stored()).toEqual({ user: 'alice', tries: 1 })
    const logout = await here.get('/logout', cookie)
    expect([logout.status, logout.cookie, await stored()]).toEqual([500, undefined, {}])
  })

  it('F12: a login changes the id, a logout ends it', async () => {
    const test = kit()
    await using here = await site(framework, test.options, {
      '/login': ({ session, redirect }) => {
        session.regenerate({ reauthenticated: true })
        session.set('user', 'bob')
        redirect('/')
      },
      '/logout': ({ session, redirect }) => {
        session.destroy()
        redirect('/')
      },
    })
    const { cookie, stored } = await withUser(test, { cart: 'tea' })
    const login = await here.get('/login', cookie)
    expect(login.headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-sid=eyJ/)])
    expect([await stored(login.cookie), await stored()]).toEqual([{ cart: 'tea', user: 'bob' }, {}])
    const logout = await here.get('/logout', login.cookie)
    expect([logout.cookie, await stored(login.cookie)]).toEqual([undefined, {}])
  })

  it('E8: what is used after the first byte is a typed error', async () => {
    const test = kit()
    const late: unknown[] = []
    const attempt = (work: () => unknown) =>
      Promise.resolve()
        .then(work)
        .catch((error: unknown) => error)
    await using here = await site(framework, test.options, {
      '/written': async ({ session, stream }) => {
        session.set('before', 1)
        const source = async function* () {
          yield 'one '
          await new Promise((turn) => setTimeout(turn, 30))
          late.push(await attempt(() => session.set('late', 1)), await attempt(() => session.get('before')))
          yield 'two'
        }
        stream(Readable.from(source()))
      },
      '/unused': async ({ session, stream }) => {
        const source = async function* () {
          yield 'one '
          await new Promise((turn) => setTimeout(turn, 30))
          late.push(await attempt(() => session.get('user')))
          yield 'two'
        }
        stream(Readable.from(source()))
      },
    })
    const { cookie, stored } = await withUser(test)
    expect([(await here.get('/written', cookie)).text, await stored()]).toEqual([
      'one two',
      { user: 'alice', before: 1 },
    ])
    expect((await here.get('/unused', cookie)).text).toBe('one two')
    const refused = { code: 'invalid-use' }
    expect(late).toEqual([expect.objectContaining(refused), 1, expect.objectContaining(refused)])
  })

  it('E9, E18: HEAD and 304 carry the cookie, and no body', async () => {
    const test = kit()
    await using here = await site(framework, test.options, {
      '/': ({ session, header, send, req }) => {
        session.set('seen', Number(req.headers['x-count']))
        header('ETag', '"a"')
        send(req.headers['if-none-match'] === '"a"' ? 304 : 200, 'body')
      },
    })
    const { cookie } = await withUser(test)
    const head = await here.get('/', cookie, 'HEAD', { 'x-count': '1' })
    const fresh = await here.get('/', cookie, 'GET', { 'if-none-match': '"a"', 'x-count': '2' })
    for (const [answer, status] of [
      [head, 200],
      [fresh, 304],
    ] as const) {
      expect([answer.status, answer.text]).toEqual([status, ''])
      expect(answer.headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-sid-rev=/)])
    }
  })

  it('E2, F33: a public answer becomes private where it sets the cookie; cookies of the handler stay', async () => {
    const test = kit()
    await using here = await site(framework, test.options, {
      '/': ({ session, header, send }) => {
        session.set('seen', 1)
        header('Cache-Control', 'public, max-age=60')
        header('CDN-Cache-Control', 'max-age=600')
        header('Vary', 'Accept')
        header('Set-Cookie', 'theme=dark')
        send(200, 'page')
      },
    })
    const { headers } = await here.get('/')
    expect(headers).toMatchObject({ vary: 'Accept, Cookie', 'cache-control': 'private, no-store' })
    expect(headers['cdn-cache-control']).toBeUndefined()
    expect(headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-sid=eyJ/), 'theme=dark'])
  })
})
