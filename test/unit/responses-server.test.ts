import { once } from 'node:events'
import { get } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { stream, streamSSE } from 'hono/streaming'
import { afterEach, describe, expect, it } from 'vitest'
import { SessionUseError } from '../../src/errors.ts'
import { agent, loggedIn } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { watchRejections } from '../support/outage.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A real server on a free loopback port; its address. */
async function listen(app: { fetch: Hono['fetch'] }): Promise<string> {
  const server = createAdaptorServer({ fetch: app.fetch })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(async () => {
    if ('closeAllConnections' in server) server.closeAllConnections()
    await new Promise<void>((done) => server.close(() => done()))
  })
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

const until = async (condition: () => boolean) => {
  for (let waited = 0; !condition(); waited += 5) {
    if (waited > 3000) expect.fail('waited too long')
    await new Promise((turn) => setTimeout(turn, 5))
  }
}

describe('responses that cannot be changed', () => {
  it('E6: a redirect and a proxied fetch keep status, headers and body, and carry the cookie', async () => {
    const origin = new Hono().get('/page', (c) => {
      c.header('Set-Cookie', 'theme=dark', { append: true })
      c.header('Set-Cookie', 'lang=en', { append: true })
      return c.html('<p>from elsewhere</p>', 203, { 'X-Origin': 'yes', Vary: 'Accept' })
    })
    const elsewhere = await listen(origin)
    const { app, user } = await loggedIn()
    app.get('/redirect', (c) => {
      c.var.session.set('from', 1)
      return Response.redirect('https://elsewhere.example/', 307)
    })
    app.get('/proxy', async (c) => {
      c.var.session.set('from', 2)
      return await fetch(`${elsewhere}/page`)
    })
    const here = await listen(app)
    const ask = (path: string) => fetch(here + path, { redirect: 'manual', headers: { Cookie: user.cookie ?? '' } })
    const redirect = await ask('/redirect')
    expect([redirect.status, redirect.headers.get('Location')]).toEqual([307, 'https://elsewhere.example/'])
    expect(redirect.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-sid-rev=/)])
    const proxied = await ask('/proxy')
    expect([proxied.status, proxied.headers.get('X-Origin'), await proxied.text()]).toEqual([
      203,
      'yes',
      '<p>from elsewhere</p>',
    ])
    expect(proxied.headers.get('Content-Type')).toMatch(/^text\/html/)
    const [first, ...others] = proxied.headers.getSetCookie()
    expect([first?.slice(0, 15), others]).toEqual(['__Host-sid-rev=', ['theme=dark', 'lang=en']])
    expect([proxied.headers.get('Vary'), proxied.headers.get('Cache-Control')]).toEqual([
      'Accept, Cookie',
      'private, no-store',
    ])
  })

  it('E7: a 101 passes by identity with its socket; the session is committed all the same', async () => {
    const { app, user, test } = await loggedIn()
    const webSocket = { accepted: true }
    // What Workers return from an upgrade; Node has no constructor for it.
    const upgrade = Object.defineProperty(Object.assign(new Response(null), { webSocket }), 'status', { value: 101 })
    app.get('/socket', async (c) => {
      c.var.session.set('socket', await c.var.session.get('user'))
      return upgrade
    })
    const response = await user.request('/socket')
    expect(response).toBe(upgrade)
    expect([...response.headers]).toEqual([])
    expect(await test.browser(user.cookie).visit((one) => one.get('socket'))).toBe('alice')
  })

  it('E7: Response.error() is left alone', async () => {
    const { app, user } = await loggedIn()
    const broken = Response.error()
    app.get('/error', (c) => {
      c.var.session.set('seen', 1)
      return broken
    })
    expect(await user.request('/error')).toBe(broken)
  })
})

describe('streams', () => {
  it('E8: set before the first byte is stored and sent; set inside the stream is a typed error, reads go on', async () => {
    const { app, user, test } = await loggedIn()
    const inside: unknown[] = []
    app.get('/sse', async (c) => {
      c.var.session.set('before', await c.var.session.get('user'))
      return streamSSE(c, async (sse) => {
        await sse.writeSSE({ data: 'one' })
        const { session } = c.var
        for (const write of [
          () => session.set('late', 1),
          () => session.clear(),
          () => session.destroy(),
          () => session.regenerate(),
        ]) {
          try {
            inside.push(write())
          } catch (error) {
            inside.push(error)
          }
        }
        inside.push(await session.update('late', () => 1).catch((error: unknown) => error))
        inside.push(await session.pull('user').catch((error: unknown) => error))
        await sse.writeSSE({ data: `${await session.get('user')} ${await session.get('before')}` })
      })
    })
    const response = await fetch(`${await listen(app)}/sse`, { headers: { Cookie: user.cookie ?? '' } })
    expect(response.headers.get('Content-Type')).toMatch(/^text\/event-stream/)
    expect(await response.text()).toBe('data: one\n\ndata: alice alice\n\n')
    const cookie = nextCookies(user.cookie, response.headers.getSetCookie())
    expect(await test.browser(cookie).visit((one) => one.all())).toEqual({ user: 'alice', before: 'alice' })
    expect(inside).toHaveLength(6)
    for (const error of inside) expect(error).toBeInstanceOf(SessionUseError)
  })

  it('E8: a session first read inside the stream is a typed error: the headers are gone, Vary could not be sent', async () => {
    const { app, user } = await loggedIn()
    const inside: unknown[] = []
    app.get('/late', (c) =>
      stream(c, async (body) => {
        // Hono runs this far before the headers leave: a use up to here still counts.
        await body.write('do')
        inside.push(await c.var.session.get('user').catch((error: unknown) => error))
        await body.write('ne')
      }),
    )
    const response = await fetch(`${await listen(app)}/late`, { headers: { Cookie: user.cookie ?? '' } })
    expect([await response.text(), response.headers.get('Vary')]).toEqual(['done', null])
    expect(inside[0]).toBeInstanceOf(SessionUseError)
  })
})

describe('connections', () => {
  it('E12: a rejected non-Error does not stop the server', async () => {
    const { app, user } = await loggedIn()
    app.get('/reject', (c) => {
      c.var.session.set('user', 'mallory')
      return Promise.reject('x')
    })
    const here = await listen(app)
    const rejections = watchRejections()
    const ask = (path: string) => fetch(here + path, { headers: { Cookie: user.cookie ?? '' } })
    expect((await ask('/reject')).status).toBe(500)
    expect(await (await ask('/who')).text()).toBe('alice')
    rejections.stop()
    expect(rejections.count).toBe(0)
  })

  it('E13: 200 clients that hang up in the middle leave a record that is old or new, and no unhandled rejection', async () => {
    const { app, user, test } = await loggedIn()
    const hangUp = new Map<number, () => void>()
    let left = 200
    app.get('/slow/:at', async (c) => {
      const at = Number(c.req.param('at'))
      const { session } = c.var
      if (at % 2) hangUp.get(at)?.()
      await session.get('user')
      if (!(at % 2)) hangUp.get(at)?.()
      await new Promise((turn) => setTimeout(turn, at % 40))
      session.set(`pair-${at}`, [at, 'x'.repeat(at)])
      left--
      return stream(c, async (body) => {
        await body.write('x'.repeat(100_000))
      })
    })
    const here = await listen(app)
    const rejections = watchRejections()
    const clients = Array.from({ length: 200 }, (_, at) => {
      const request = get(`${here}/slow/${at}`, { headers: { Cookie: user.cookie ?? '' }, agent: false })
      hangUp.set(at, () => request.destroy())
      return new Promise((done) => request.once('close', done).once('error', () => {}))
    })
    await Promise.all(clients)
    await until(() => left === 0)
    await new Promise((turn) => setTimeout(turn, 50))
    rejections.stop()
    expect(rejections.count).toBe(0)
    const { user: name, ...pairs } = await test.browser(user.cookie).visit((one) => one.all())
    expect([name, Object.keys(pairs).length > 0]).toEqual(['alice', true])
    for (const [key, value] of Object.entries(pairs))
      expect([key, value[1].length]).toEqual([`pair-${value[0]}`, value[0]])
    expect(await (await agent(app, user.cookie).request('/who')).text()).toBe('alice')
  })
})
