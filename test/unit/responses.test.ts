import { Hono } from 'hono'
import { etag } from 'hono/etag'
import { describe, expect, it } from 'vitest'
import { type SessionEnv, session } from '../../src/hono.ts'
import { type Any, agent, kit, loggedIn } from '../support/app.ts'

type One = SessionEnv<Any>['Variables']['session']

const cacheHeaders: Record<string, string> = {
  'Cache-Control': 'public, max-age=3600, s-maxage=600',
  'CDN-Cache-Control': 'max-age=3600',
  'Cloudflare-CDN-Cache-Control': 'max-age=3600',
  'Netlify-CDN-Cache-Control': 'max-age=3600',
  'Vercel-CDN-Cache-Control': 'max-age=3600',
  'Surrogate-Control': 'max-age=3600',
  'X-Accel-Expires': '3600',
  Expires: 'Thu, 01 Dec 2094 16:00:00 GMT',
}

describe('caches', () => {
  it('E1: with Set-Cookie the answer is private, no-store, whatever the handler asked for', async () => {
    const { app, user } = await loggedIn()
    app.get('/set', (c) => {
      for (const [name, value] of Object.entries(cacheHeaders)) c.header(name, value)
      c.var.session.set('seen', 1)
      return c.text('x')
    })
    const { headers } = await user.request('/set')
    expect(headers.getSetCookie()).toHaveLength(1)
    expect([headers.get('Cache-Control'), headers.get('Vary')]).toEqual(['private, no-store', 'Cookie'])
    for (const name of Object.keys(cacheHeaders).slice(1)) expect(headers.has(name), name).toBe(false)
  })

  const uses: readonly [string, (one: One) => unknown][] = [
    ['get', (one) => one.get('user')],
    ['has', (one) => one.has('user')],
    ['all', (one) => one.all()],
    ['pull', (one) => one.pull('nothing')],
    ['update', (one) => one.update('user', (user: unknown) => user)],
    ['set', (one) => one.set('user', 'bob')],
    ['delete', (one) => one.delete('user')],
    ['clear', (one) => one.clear()],
    ['regenerate', (one) => one.regenerate()],
    ['destroy', (one) => one.destroy()],
    ['get without await', (one) => void one.get('user')],
  ]
  it.each(uses)('E2: %s varies by cookie and must not be cached', async (_, use) => {
    const { app, user, test } = await loggedIn()
    app.get('/use', async (c) => {
      await use(c.var.session)
      return c.text('x')
    })
    for (const cookie of [user.cookie, undefined]) {
      const { headers } = await agent(app, cookie).request('/use')
      expect(headers.get('Vary')).toBe('Cookie')
      const strictest = headers.getSetCookie().length > 0 ? 'private, no-store' : 'private, no-cache'
      expect(headers.get('Cache-Control')).toBe(strictest)
    }
    expect(test.store.roundTrips).toBeGreaterThan(0)
  })

  it('E2: a handler that chose its own Cache-Control keeps it, with Vary', async () => {
    const { app, user } = await loggedIn()
    app.get('/own', async (c) => {
      c.header('Cache-Control', 'private, max-age=5')
      return c.text(`${await c.var.session.has('user')}`)
    })
    const { headers } = await user.request('/own')
    expect([headers.get('Cache-Control'), headers.get('Vary')]).toEqual(['private, max-age=5', 'Cookie'])
  })

  it('E2: an error page that looked at the session varies as well', async () => {
    const { app, user } = await loggedIn()
    app.onError((error, c) => c.text(error.message, 500))
    app.get('/boom', async (c) => {
      throw new Error(`${await c.var.session.get('user')}`)
    })
    const response = await user.request('/boom')
    expect([response.status, await response.text()]).toEqual([500, 'alice'])
    expect(response.headers.get('Vary')).toBe('Cookie')
    expect(response.headers.get('Cache-Control')).toBe('private, no-cache')
  })

  it('E3: an untouched session leaves the answer and the store alone', async () => {
    const { app, user, test } = await loggedIn()
    app.get('/static', (c) => {
      for (const [name, value] of Object.entries(cacheHeaders)) c.header(name, value)
      return c.text(`${c.var.session.ref}`)
    })
    const { headers } = await user.request('/static')
    for (const [name, value] of Object.entries(cacheHeaders)) expect(headers.get(name)).toBe(value)
    expect([headers.has('Vary'), headers.getSetCookie(), test.store.roundTrips]).toEqual([false, [], 0])
  })

  it('an untouched session does not look at the headers of its request, which a server would take apart for it', async () => {
    const { app } = await loggedIn()
    app.get('/static', (c) => c.text('x'))
    app.get('/name', async (c) => c.text(`${await c.var.session.get('user')}`))
    const looks = async (path: string) => {
      let count = 0
      const request = new Request(`https://shop.example${path}`)
      const { headers } = request
      const get = () => {
        count++
        return headers
      }
      Object.defineProperty(request, 'headers', { get })
      await app.fetch(request)
      return count
    }
    expect([await looks('/static'), await looks('/name')]).toEqual([0, 1])
  })

  it.each([
    ['Accept-Encoding', 'Accept-Encoding, Cookie'],
    ['Accept, cookie', 'Accept, cookie'],
    ['COOKIE', 'COOKIE'],
    ['*', '*'],
    ['Cookie-Consent', 'Cookie-Consent, Cookie'],
  ])('E4: Vary %s becomes %s; that of the request is not reflected', async (given, wanted) => {
    const { app, user } = await loggedIn()
    app.get('/vary', async (c) => {
      c.header('Vary', given)
      return c.text(`${await c.var.session.get('user')}`)
    })
    const headers = { Vary: 'X-Evil' }
    expect((await user.request('/vary', { headers })).headers.get('Vary')).toBe(wanted)
  })

  it('E5: a shared cache that keeps RFC 9111 never serves one user the answer for another', async () => {
    const { app } = await loggedIn()
    app.get('/public', (c) => c.text('for all', 200, { 'Cache-Control': 'public, max-age=60' }))
    app.get('/eager', async (c) =>
      c.text(`${await c.var.session.get('user')}`, 200, { 'Cache-Control': 'public, max-age=60' }),
    )
    app.get('/enter/:user', (c) => {
      c.header('Cache-Control', 'public, max-age=60')
      c.var.session.set('user', c.req.param('user'))
      return c.text(c.req.param('user'))
    })
    const cache = sharedCache(app)
    const users = ['alice', 'bob', 'carol'].map((name) => ({ name, agent: agent(cache as never) }))
    for (const { name, agent } of users) await agent.request(`/enter/${name}`)
    for (let turn = 0; turn < 3; turn++) {
      for (const { name, agent } of users) {
        for (const path of ['/who', '/eager']) expect(await (await agent.request(path)).text()).toBe(name)
        expect(await (await agent.request(`/enter/${name}`)).text()).toBe(name)
        expect(await (await agent.request('/public')).text()).toBe('for all')
      }
    }
    expect(new Set(users.map(({ agent }) => agent.cookie)).size).toBe(3)
    // The cache does cache: what is public once for all, what varies once per cookie.
    expect(cache.hits).toBeGreaterThan(8)
  })

  it('E18: outside etag() the cookie is on the 304; inside, as documented, etag() drops it', async () => {
    const outcome = async (order: 'outside' | 'inside') => {
      const test = kit()
      const app = new Hono<SessionEnv<Any>>()
      if (order === 'outside') app.use(session(test.options), etag())
      else app.use(etag(), session(test.options))
      app.get('/', (c) => {
        c.var.session.set('at', Math.random())
        return c.text('the same')
      })
      const tag = (await app.request('/')).headers.get('ETag') ?? ''
      const second = await app.request('/', { headers: { 'If-None-Match': tag } })
      return [second.status, second.headers.getSetCookie().length, second.headers.get('Vary')]
    }
    expect(await outcome('outside')).toEqual([304, 1, 'Cookie'])
    expect(await outcome('inside')).toEqual([304, 0, 'Cookie'])
  })
})

/** As little of RFC 9111 as a shared cache may do: stores fresh answers without private, no-store or no-cache, matches Vary. */
function sharedCache(app: { request: Hono['request'] }) {
  const stored: {
    readonly path: string
    readonly vary: readonly string[]
    readonly asked: Headers
    readonly response: Response
  }[] = []
  const cache = {
    hits: 0,
    async request(path: string, init: RequestInit) {
      const asked = new Headers(init.headers)
      const hit = stored.find(
        (one) => one.path === path && one.vary.every((name) => one.asked.get(name) === asked.get(name)),
      )
      if (hit) {
        cache.hits++
        return hit.response.clone()
      }
      const response = await app.request(path, init)
      const vary = (response.headers.get('Vary') ?? '').split(',').map((name) => name.trim())
      const control = response.headers.get('Cache-Control') ?? ''
      if (/max-age=[1-9]/.test(control) && !/private|no-store|no-cache/.test(control) && !vary.includes('*'))
        stored.push({ path, vary: vary.filter((name) => name !== ''), asked, response: response.clone() })
      return response
    },
  }
  return cache
}
