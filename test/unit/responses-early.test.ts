import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import { HTTPException } from 'hono/http-exception'
import { timeout } from 'hono/timeout'
import { describe, expect, it, vi } from 'vitest'
import { type SessionEnv, session } from '../../src/hono.ts'
import { type Any, agent, kit, loggedIn } from '../support/app.ts'

const cacheOf = ({ headers }: Response) => [headers.get('Vary'), headers.get('Cache-Control')]
const due = ['Cookie', 'private, no-cache']

describe('headers stand on the answer before anything inside sees it (F19)', () => {
  const handlers: Record<string, (user: string, c: Any) => Response> = {
    'c.text': (user, c) => c.text(user),
    'a Response of its own': (user) => new Response(user),
    'a redirect, whose headers are immutable': () => Response.redirect('https://a.example/', 302),
    'an own Cache-Control': (user, c) => c.text(user, 200, { 'Cache-Control': 'public, max-age=60' }),
    'an own Vary': (user, c) => {
      c.header('Vary', 'Accept')
      return c.text(user)
    },
  }
  it.each(Object.entries(handlers))('%s', async (name, handle) => {
    const { app, user } = await loggedIn()
    const seen: unknown[] = []
    app.get(
      '/page',
      async (c, next) => {
        await next()
        seen.push(cacheOf(c.res))
      },
      async (c) => handle(`${await c.var.session.get('user')}`, c),
    )
    const response = await user.request('/page')
    const control = name === 'an own Cache-Control' ? 'public, max-age=60' : 'private, no-cache'
    expect(seen).toEqual([[name === 'an own Vary' ? 'Accept, Cookie' : 'Cookie', control]])
    expect(cacheOf(response)).toEqual(seen[0])
  })

  it('also where the session is first used when the answer is there already', async () => {
    const { app, user } = await loggedIn()
    const seen: unknown[] = []
    app.get(
      '/page',
      async (c, next) => {
        await next()
        seen.push(cacheOf(c.res))
      },
      async (c, next) => {
        await next()
        c.header('X-User', await c.var.session.get('user'))
      },
      () => new Response('page'),
    )
    const response = await user.request('/page')
    expect([seen, cacheOf(response), response.headers.get('X-User')]).toEqual([[due], due, 'alice'])
  })

  it('an answer that takes the place of another keeps its own Cache-Control', async () => {
    const { app, user } = await loggedIn()
    app.get(
      '/page',
      async (c, next) => {
        await next()
        c.res = new Response('other', { headers: { 'Cache-Control': 'private, max-age=5' } })
      },
      async (c) => c.text(`${await c.var.session.get('user')}`),
    )
    expect(cacheOf(await user.request('/page'))).toEqual(['Cookie', 'private, max-age=5'])
  })

  it.each(['outside', 'inside'])('etag() and compress() %s of it do as without', async (where) => {
    const test = kit()
    const app = new Hono<SessionEnv<Any>>()
    const others = [compress({ threshold: 1 }), etag()] as const
    if (where === 'outside') app.use(...others, session(test.options))
    else app.use(session(test.options), ...others)
    app.get('/', async (c) => c.text(`page of ${await c.var.session.get('user')}`))
    const headers = { 'Accept-Encoding': 'gzip' }
    const first = await app.request('/', { headers })
    const tag = first.headers.get('ETag') ?? ''
    expect([first.headers.get('Content-Encoding'), tag.slice(0, 3)]).toEqual(['gzip', 'W/"'])
    expect(first.headers.get('Vary')?.split(', ').toSorted()).toEqual(['Accept-Encoding', 'Cookie'])
    const second = await app.request('/', { headers: { ...headers, 'If-None-Match': tag } })
    expect([second.status, cacheOf(second)[1]]).toEqual([304, due[1]])
    expect(second.headers.get('Vary')).toContain('Cookie')
  })

  it('an answer stays on the fast path of @hono/node-server: read, written and with a Response of its own', async () => {
    const { app, user } = await loggedIn()
    app.get('/own', async (c) => new Response(await c.var.session.get('user')))
    app.get('/write', (c) => {
      c.var.session.set('cart', 1)
      return c.text('done')
    })
    const fast: unknown[] = []
    const fetchIt = async (request: Request) => {
      const response = await app.fetch(request)
      fast.push(Object.getOwnPropertySymbols(response).map(({ description }) => description))
      return response
    }
    await using server = await listen(fetchIt)
    for (const path of ['/who', '/own', '/write'])
      expect((await fetch(server.url + path, { headers: { Cookie: user.cookie ?? '' } })).status).toBe(200)
    expect(fast).toEqual([['cache'], ['cache'], ['cache']])
  })
})

describe('a session used in a late error path (F21)', () => {
  const answers: Record<string, (c: Any, user: string) => Response | Promise<Response>> = {
    text: (c, user) => c.text(`late, ${user}`, 504),
    'a stream': (c, user) => c.body(new Blob([`late, ${user}`]).stream(), 504),
    'a fetched answer': (_, user) => fetch(`data:text/plain,late, ${user}`),
  }
  it.each(Object.entries(answers))(
    'behind a timeout() outside loses no header and logs nothing: %s',
    async (_, reply) => {
      const test = kit()
      const user = test.browser()
      await user.visit((one) => one.set('user', 'alice'))
      const late = Promise.withResolvers<void>()
      const done = Promise.withResolvers<void>()
      const errors: string[] = []
      const app = new Hono<SessionEnv<Any>>()
      app.use(timeout(20), async (_, next) => {
        await next()
        done.resolve()
      })
      app.use(session(test.options))
      app.onError(async (error, c) => {
        errors.push(`${error}`)
        return reply(c, `${await c.var.session.get('user')}`)
      })
      app.get('/', async (c) => {
        await late.promise
        c.var.session.set('user', 'mallory')
        return c.text('too late')
      })
      const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
      await using server = await listen(app.fetch)
      const response = await fetch(server.url, { headers: { Cookie: user.cookie ?? '' } })
      expect([await response.text(), cacheOf(response)]).toEqual(['late, alice', due])
      late.resolve()
      await done.promise
      expect([errors, printed.mock.calls]).toEqual([['Error: Gateway Timeout'], []])
      expect(await test.browser(user.cookie).visit((one) => one.get('user'))).toBe('alice')
      printed.mockRestore()
    },
  )

  it('in notFound and in onError of an error that came after the commit: it is read, and the answer says so', async () => {
    const test = kit()
    const user = test.browser()
    await user.visit((one) => one.set('user', 'alice'))
    const app = new Hono<SessionEnv<Any>>()
    app.use(async (c, next) => {
      await next()
      if (c.req.path === '/page') throw new HTTPException(500, { message: 'after the commit' })
    })
    app.use(session(test.options))
    app.notFound(async (c) => new Response(`nothing here, ${await c.var.session.get('user')}`, { status: 404 }))
    app.onError(
      async (error, c) => new Response(`${error.message}, ${await c.var.session.get('user')}`, { status: 500 }),
    )
    app.get('/page', (c) => c.text('page'))
    for (const [path, text] of [
      ['/page', 'after the commit, alice'],
      ['/nowhere', 'nothing here, alice'],
    ] as const) {
      const response = await agent(app, user.cookie).request(path)
      expect([await response.text(), cacheOf(response)]).toEqual([text, due])
    }
  })
})

/** A real server on a free loopback port. */
async function listen(fetch: (request: Request) => Response | Promise<Response>) {
  const server = createAdaptorServer({ fetch })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`.replace(/\/$/, ''),
    async [Symbol.asyncDispose]() {
      if ('closeAllConnections' in server) server.closeAllConnections()
      await new Promise<void>((closed) => server.close(() => closed()))
    },
  }
}
