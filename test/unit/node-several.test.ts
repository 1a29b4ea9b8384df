import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest'
import { type SessionRequest, session } from '../../adapters/frameworks/node.ts'
import type { Session } from '../../src/index.ts'
import { type Any, kit } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

/** One browser of a server that listens for this. */
async function browse(listener: RequestListener) {
  const server = createServer(listener)
  servers.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  let cookie: string | undefined
  return async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, cookie ? { headers: { cookie } } : {})
    const names = response.headers.getSetCookie().map((line) => line.split('=')[0])
    cookie = nextCookies(cookie, response.headers.getSetCookie())
    return { status: response.status, text: await response.text(), names }
  }
}

type Both = SessionRequest<Any> & SessionRequest<{ state: string }, 'oauth'>

/** An Express app with two sessions, the second at `req.oauth`. */
async function start(inner = kit({ namespace: 'oauth', cookie: { name: '__Host-oauth' } })) {
  const outer = kit()
  const app = express()
  app.use(session(outer.options))
  app.use(session(inner.options, { as: 'oauth' }))
  app.get('/:what', async (req, res) => {
    const { session: one, oauth: other } = req as unknown as Both
    if (req.params.what === 'set') {
      one.set('user', 'alice')
      other.set('state', 's1')
    }
    if (req.params.what === 'pull') await other.pull('state')
    res.json([(await one.get('user')) ?? null, (await other.get('state')) ?? null])
  })
  app.use(((error, _req, res, _next) => res.status(error.status ?? 500).end()) as express.ErrorRequestHandler)
  return { outer, inner, ask: await browse(app) }
}

describe('several sessions in one app of Express', () => {
  it('each is at its name, is committed and sends its own cookie', async () => {
    const { ask } = await start()
    expect(await ask('/set')).toEqual({ status: 200, text: '["alice","s1"]', names: ['__Host-sid', '__Host-oauth'] })
    expect(await ask('/')).toMatchObject({ status: 404 })
    expect((await ask('/look')).text).toBe('["alice","s1"]')
    expect((await ask('/pull')).names).toEqual(['__Host-oauth-rev'])
    expect((await ask('/look')).text).toBe('["alice",null]')
  })

  it('where the inner one is refused, nothing of the outer one is stored', async () => {
    const { outer, inner, ask } = await start()
    inner.failing.always('throw')
    expect(await ask('/set')).toMatchObject({ status: 503, names: [] })
    inner.failing.always(undefined)
    expect(outer.keys).toEqual([])
    expect((await ask('/look')).text).toBe('[null,null]')
  })

  it('where the outer one is refused, the inner one is stored, and its cookie is sent with the 503', async () => {
    const { outer, ask } = await start()
    outer.failing.always('throw')
    expect(await ask('/set')).toMatchObject({ status: 503, names: ['__Host-oauth'] })
    outer.failing.always(undefined)
    expect((await ask('/look')).text).toBe('[null,"s1"]')
  })

  it('two that do not differ in namespace or cookie are an error of the first request', async () => {
    for (const options of [{ cookie: { name: '__Host-oauth' } }, { namespace: 'oauth' }]) {
      const { ask } = await start(kit(options))
      expect((await ask('/look')).status).toBe(500)
    }
  })
})

it('what is no name is refused when it is mounted, and one that is taken by the first request', async () => {
  for (const as of ['', 'a b', 'a-b', 'url2 ', 5, null])
    expect(() => session(kit().options, { as: as as string })).toThrow(/as must be a name/)
  const ask = await browse((req, res) =>
    session(kit().options, { as: 'pipe' })(req, res, (error) => res.end(String(error))),
  )
  expect((await ask('/')).text).toMatch(/req\.pipe is taken/)
  expect(() => session(kit().options, { sa: 'x' } as object)).toThrow('unknown option of session: sa')
})

it('is typed by its name', () => {
  expectTypeOf<Both['oauth']>().toEqualTypeOf<Session<{ state: string }>>()
  expectTypeOf<SessionRequest<{ a: 1 }>['session']>().toEqualTypeOf<Session<{ a: 1 }>>()
})
