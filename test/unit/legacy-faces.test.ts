import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { expressSession, session as nodeSession, type SessionRequest } from '../../adapters/frameworks/node.ts'
import { legacySessions } from '../../adapters/legacy.ts'
import { withSession } from '../../adapters/platforms/lambda.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { Session, SessionOptions } from '../../src/index.ts'
import { type Any, kit } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { oldSessions } from '../support/old-sessions.ts'

const id = 'Xw1p9dKq3vTz7LmN0bRsYfGhJ2cE4uAa'
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

interface Answer {
  readonly text: string
  readonly setCookies: readonly string[]
}
/** `GET /` tells the user, `POST /` logs out. */
type Ask = (method: string, cookie: string | undefined) => Promise<Answer>

async function listen(handle: Parameters<typeof createServer>[1]): Promise<Ask> {
  const server = createServer(handle).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return async (method, cookie) => {
    const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie }
    const response = await fetch(`http://127.0.0.1:${port}/`, { method, headers })
    return { text: await response.text(), setCookies: response.headers.getSetCookie() }
  }
}

const faces: Readonly<Record<string, (options: SessionOptions) => Promise<Ask>>> = {
  async 'session() of claimcheck/hono'(options) {
    const app = new Hono<SessionEnv<Any>>()
    app.use(session(options))
    app.get('/', async (c) => c.text(`${await c.var.session.get('user')}`))
    app.post('/', (c) => {
      c.var.session.destroy()
      return c.text('out')
    })
    return async (method, cookie) => {
      const response = await app.request('/', { method, headers: cookie === undefined ? {} : { Cookie: cookie } })
      return { text: await response.text(), setCookies: response.headers.getSetCookie() }
    }
  },
  async 'session() of claimcheck/node'(options) {
    const withSession = nodeSession(options)
    return listen((req, res) =>
      withSession(req, res, async () => {
        const { session } = req as SessionRequest
        if (req.method === 'POST') session.destroy()
        res.end(req.method === 'POST' ? 'out' : `${await session.get('user')}`)
      }),
    )
  },
  async 'expressSession()'(options) {
    const withSession = expressSession(options)
    return listen((req, res) =>
      withSession(req, res, () => {
        const { session } = req as unknown as { session: Any }
        if (req.method === 'POST') return void session.destroy(() => res.end('out'))
        res.end(`${session.user}`)
      }),
    )
  },
  async 'withSession() of claimcheck/lambda'(options) {
    interface Event {
      readonly version: '2.0'
      readonly requestContext: { readonly http: { readonly method: string } }
      readonly cookies: readonly string[]
    }
    const handler = withSession(options, async (event: Event, session: Session<Any>) => {
      if (event.requestContext.http.method === 'POST') session.destroy()
      return {
        statusCode: 200,
        body: event.requestContext.http.method === 'POST' ? 'out' : `${await session.get('user')}`,
      }
    })
    return async (method, cookie) => {
      const cookies = cookie?.split('; ') ?? []
      const event = { version: '2.0', requestContext: { http: { method } }, cookies, headers: {} } as const
      const result = (await handler(event, {})) as { body: string; cookies?: string[] }
      return { text: result.body, setCookies: result.cookies ?? [] }
    }
  },
}

describe.each(Object.entries(faces))('%s', (_, build) => {
  it('lets an old session come over with a read, and sends its claim check once', async () => {
    const old = oldSessions()
    const cookie = old.login(id, { user: 'alice' })
    const ask = await build(kit({ legacy: old.legacy }).options)
    const first = await ask('GET', cookie)
    expect([first.text, first.setCookies]).toEqual(['alice', [expect.stringMatching(/^__Host-sid=eyJ/)]])
    const browser = nextCookies(cookie, first.setCookies)
    const second = await ask('GET', browser)
    expect([second.text, second.setCookies, old.calls.read]).toEqual(['alice', [], 1])
  })

  it('ends both with a logout (G4)', async () => {
    const old = oldSessions()
    const cookie = old.login(id, { user: 'alice' })
    const ask = await build(kit({ legacy: old.legacy }).options)
    const browser = nextCookies(cookie, (await ask('GET', cookie)).setCookies)
    const { setCookies } = await ask('POST', browser)
    expect(nextCookies(browser, setCookies)).toBeUndefined()
    expect(old.records.size).toBe(0)
    old.login(id, { user: 'alice' })
    expect((await ask('GET', cookie)).text).toBe('undefined')
  })
})

it('a session that was opened again after its response finds what has come over', async () => {
  const old = oldSessions()
  const cookie = old.login(id, { user: 'alice' })
  const { sessions } = kit({ legacy: old.legacy })
  const { session, commit } = sessions.open(cookie)
  await session.get('user')
  await commit()
  const again = session.reopen()
  await again.session.update('cart', () => ['tea'])
  expect(await again.commit()).toEqual({ status: 'live' })
  expect(await sessions.open(cookie).session.all()).toEqual({ user: 'alice', cart: ['tea'] })
})

it('an application of any kind can be asked for its sessions, as the docs have it', async () => {
  const live = new Map([['0123456789abcdefghijklmnopqrstuv', { _auth_user_id: '42' }]])
  const ask = await listen((req, res) => {
    const name = /sessionid=(\w+)/.exec(req.headers.cookie ?? '')?.[1] ?? ''
    const found = live.get(name)
    if (req.method === 'DELETE') live.delete(name)
    res.writeHead(found ? 200 : 404).end(JSON.stringify(found))
  })
  const legacy = legacySessions({
    name: 'django',
    cookieNames: ['sessionid'],
    verify: (value) => (/^[a-z0-9]{32}$/.test(value) ? { id: value } : undefined),
    async read({ id }) {
      const { text } = await ask('GET', `sessionid=${id}`)
      return text === '' ? undefined : JSON.parse(text)
    },
    remove: ({ id }) => ask('DELETE', `sessionid=${id}`),
  })
  const browser = kit({ legacy }).browser('sessionid=0123456789abcdefghijklmnopqrstuv')
  expect(await browser.visit((one) => one.all())).toEqual({ _auth_user_id: '42' })
  await browser.visit((one) => one.destroy())
  expect([browser.cookie, live.size]).toEqual([undefined, 0])
})
