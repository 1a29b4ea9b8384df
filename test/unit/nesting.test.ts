import { once } from 'node:events'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { methodOverride } from 'hono/method-override'
import { describe, expect, it } from 'vitest'
import { SessionUseError } from '../../src/errors.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { type Any, type Kit, kit } from '../support/app.ts'

type App = Hono<SessionEnv<Any>>

/** A logged-in user, an app outside that writes or reads as told, and what reached its `onError`. */
async function around(build: (app: App, test: Kit) => void, outside: 'reads' | 'writes' | 'writes after' = 'writes') {
  const test = kit()
  const user = test.browser()
  await user.visit((one) => one.set('user', 'alice'))
  test.store.reset()
  const errors: unknown[] = []
  const app: App = new Hono()
  app.onError((error, c) => {
    errors.push(error)
    return c.text('sorry', 500)
  })
  app.use(session(test.options))
  app.use(async (c, next) => {
    await c.var.session.get('user')
    if (outside === 'writes') c.var.session.set('outside', 1)
    await next()
    if (outside === 'writes after') c.var.session.set('outside', 1)
  })
  build(app, test)
  const send = (method: string, path: string, body?: string, env?: object) => {
    const headers = { Cookie: user.cookie ?? '', 'Content-Type': 'application/x-www-form-urlencoded' }
    return app.request(path, { method, headers, ...(body === undefined ? {} : { body }) }, env)
  }
  const stored = () => test.browser(user.cookie).visit((one) => one.all())
  return { app, test, user, errors, send, stored }
}

const inner = ({ options }: Kit) => {
  const app: App = new Hono()
  app.onError((_, c) => c.text('inner', 500))
  app.use(session({ ...options }))
  app.get('/read', async (c) => c.text(await c.var.session.get('user')))
  app.get('/seen', async (c) => c.json(await c.var.session.all()))
  app.get('/write', (c) => {
    c.var.session.set('inside', 1)
    return c.text('done')
  })
  app.get('/fail', (c) => {
    c.var.session.set('inside', 1)
    throw new Error('a bug')
  })
  return app
}
const override = (app: App) => {
  app.use(methodOverride({ app }))
  app.delete('/account', (c) => {
    c.var.session.destroy()
    return c.text('gone')
  })
}
const mount = (app: App, test: Kit) => void app.mount('/shop', inner(test).fetch)
const same = (app: App, test: Kit) => void app.mount('/', inner(test).fetch, { replaceRequest: false })
const writes = { create: 0, update: 0, delete: 0 }

describe('one request, two session() around each other (F20)', () => {
  it('the same Request object: one session, one load, one commit, one cookie', async () => {
    const { send, stored, test } = await around(same)
    expect(await (await send('GET', '/seen')).json()).toEqual({ user: 'alice', outside: 1 })
    test.store.reset()
    const response = await send('GET', '/write')
    expect([response.status, response.headers.getSetCookie().length]).toEqual([200, 1])
    expect(test.store.calls).toMatchObject({ ...writes, read: 1, update: 1 })
    expect(await stored()).toEqual({ user: 'alice', outside: 1, inside: 1 })
  })

  it('the same Request object: a handler inside that fails drops the changes of all', async () => {
    const { send, stored } = await around(same)
    expect((await send('GET', '/fail')).status).toBe(500)
    expect(await stored()).toEqual({ user: 'alice' })
  })

  it('methodOverride() with writes on both sides is a SessionUseError before anything is stored', async () => {
    const { send, stored, errors, test } = await around(override)
    const response = await send('POST', '/account', '_method=DELETE')
    expect([response.status, response.headers.getSetCookie()]).toEqual([500, []])
    expect(errors.map((error) => error instanceof SessionUseError)).toEqual([true, true])
    expect(test.store.calls).toMatchObject(writes)
    expect(await stored()).toEqual({ user: 'alice' })
  })

  it('so is app.mount(), which makes a new Request', async () => {
    const { send, stored, errors, test } = await around(mount)
    expect((await send('GET', '/shop/write')).status).toBe(500)
    expect(errors).toEqual([expect.any(SessionUseError)])
    expect(test.store.calls).toMatchObject(writes)
    expect(await stored()).toEqual({ user: 'alice' })
    expect((await send('GET', '/shop/read')).status).toBe(200)
  })

  it('reading outside stays fine: a logout and a write inside', async () => {
    const out = await around(override, 'reads')
    const response = await out.send('POST', '/account', '_method=DELETE')
    expect([response.status, response.headers.getSetCookie().length]).toEqual([200, 2])
    expect(await out.stored()).toEqual({})
    const { send, stored } = await around(mount, 'reads')
    expect((await send('GET', '/shop/write')).headers.getSetCookie()).toHaveLength(1)
    expect(await stored()).toEqual({ user: 'alice', inside: 1 })
  })

  it('reading inside stays fine', async () => {
    const { send, stored } = await around(mount)
    expect(await (await send('GET', '/shop/read')).text()).toBe('alice')
    expect(await stored()).toEqual({ user: 'alice', outside: 1 })
  })

  it('a write outside that comes after the one inside throws where it is made', async () => {
    const { send, stored, errors } = await around(mount, 'writes after')
    expect((await send('GET', '/shop/write')).status).toBe(500)
    expect(errors).toEqual([expect.any(SessionUseError)])
    expect(await stored()).toEqual({ user: 'alice', inside: 1 })
  })

  it('where nothing tells requests apart the outer one is refused at its commit', async () => {
    const { send, stored, errors } = await around(override)
    const response = await send('POST', '/account', '_method=DELETE', { shared: 'by all requests' })
    expect(response.status).toBe(500)
    expect(errors).toEqual([expect.any(SessionUseError)])
    expect(await stored()).toEqual({})
  })

  it('parallel requests of one browser, and one Request object sent twice, are requests of their own', async () => {
    const { app, send, user, stored } = await around(mount, 'reads')
    const shared = { shared: 'by all requests' }
    const answers = await Promise.all(Array.from({ length: 5 }, () => send('GET', '/shop/write', undefined, shared)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    const request = new Request('http://a.example/shop/write', { headers: { Cookie: user.cookie ?? '' } })
    for (let turn = 0; turn < 2; turn++) expect((await app.fetch(request)).status).toBe(200)
    expect(await stored()).toEqual({ user: 'alice', inside: 1 })
  })

  it('on a real server too: refused before anything is stored', async () => {
    const { app, user, errors, test } = await around(mount)
    const server = createAdaptorServer({ fetch: app.fetch })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as { port: number }).port}`
    const headers = { Cookie: user.cookie ?? '' }
    const statuses: number[] = []
    for (const path of ['write', 'read']) statuses.push((await fetch(`${url}/shop/${path}`, { headers })).status)
    await new Promise((closed) => server.close(closed))
    expect(statuses).toEqual([500, 200])
    expect(errors).toEqual([expect.any(SessionUseError)])
    expect(test.store.calls).toMatchObject({ create: 0, update: 1, delete: 0 })
  })
})
