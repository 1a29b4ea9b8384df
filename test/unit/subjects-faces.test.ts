import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { session as nodeSession, type SessionRequest } from '../../adapters/frameworks/node.ts'
import { withSession } from '../../adapters/platforms/lambda.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { Session, SessionOptions } from '../../src/index.ts'
import { type Any, kit } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { loginAs } from '../support/subjects.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

interface Answer {
  readonly text: string
  readonly setCookies: readonly string[]
}
type Ask = (path: string, cookie: string | undefined) => Promise<Answer>

/** The one handler of all faces. */
async function handle(path: string, session: Session<Any>): Promise<string> {
  if (path === '/login') loginAs('alice')(session)
  if (path === '/again') session.regenerate({ reauthenticated: true, subject: 'alice' })
  if (path === '/logout') session.destroy()
  return path === '/who' ? `${await session.get('user')}` : 'done'
}

async function listen(listener: RequestListener): Promise<Ask> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return async (path, cookie) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: cookie === undefined ? {} : { cookie } })
    return { text: await response.text(), setCookies: response.headers.getSetCookie() }
  }
}

const faces: Readonly<Record<string, (options: SessionOptions) => Promise<Ask>>> = {
  async 'claimcheck/hono'(options) {
    const app = new Hono<SessionEnv<Any>>()
    app.use(session(options))
    app.get('/:what', async (c) => c.text(await handle(c.req.path, c.var.session)))
    return async (path, cookie) => {
      const response = await app.request(path, { headers: cookie === undefined ? {} : { cookie } })
      return { text: await response.text(), setCookies: response.headers.getSetCookie() }
    }
  },
  async 'claimcheck/node in Express'(options) {
    const app = express()
    app.use(nodeSession(options))
    app.get('/:what', async (req, res) => {
      res.send(await handle(req.path, (req as unknown as SessionRequest<Any>).session))
    })
    return listen(app)
  },
  async 'claimcheck/node on node:http'(options) {
    const around = nodeSession(options)
    return listen((req, res) =>
      around(req, res, async () => {
        res.end(await handle(req.url as string, (req as SessionRequest<Any>).session))
      }),
    )
  },
  async 'claimcheck/lambda'(options) {
    interface Event {
      readonly version: '2.0'
      readonly rawPath: string
      readonly cookies: readonly string[]
    }
    const handler = withSession(options, async ({ rawPath }: Event, session: Session<Any>) => {
      return { statusCode: 200, body: await handle(rawPath, session) }
    })
    return async (rawPath, cookie) => {
      const requestContext = { http: { method: 'GET' } }
      const event = {
        version: '2.0',
        rawPath,
        requestContext,
        cookies: cookie?.split('; ') ?? [],
        headers: {},
      } as const
      const result = (await handler(event, {})) as { body: string; cookies?: string[] }
      return { text: result.body, setCookies: result.cookies ?? [] }
    }
  },
}

describe.each(Object.entries(faces))('a session of a subject through %s', (_, build) => {
  const open = async () => {
    const test = kit()
    const ask = await build(test.options)
    const browser = () => {
      let cookie: string | undefined
      return async (path: string) => {
        const { text, setCookies } = await ask(path, cookie)
        cookie = nextCookies(cookie, setCookies)
        return text
      }
    }
    return { test, browser, list: () => test.sessions.list('alice') }
  }

  it('a login binds it, and a read of it is admitted by two commands (C23, G2)', async () => {
    const { test, browser, list } = await open()
    const visit = browser()
    await visit('/login')
    expect(await list()).toHaveLength(1)
    test.store.reset()
    expect(await visit('/who')).toBe('alice')
    expect(test.store.calls).toMatchObject({ read: 2, create: 0, update: 0, delete: 0 })
  })

  it('a proof sent again keeps its place in the list under the new id (C23)', async () => {
    const { browser, list } = await open()
    const visit = browser()
    await visit('/login')
    const [before] = await list()
    await visit('/again')
    const after = await list()
    expect(after).toHaveLength(1)
    expect(after[0]?.ref).not.toBe(before?.ref)
    expect(await visit('/who')).toBe('alice')
  })

  it('a revocation ends all, and a logout takes its own off the list (C4, C23)', async () => {
    const { test, browser, list } = await open()
    const [one, two, three] = [browser(), browser(), browser()]
    for (const visit of [one, two, three]) await visit('/login')
    expect(await list()).toHaveLength(3)
    await one('/logout')
    expect(await list()).toHaveLength(2)
    expect(await one('/who')).toBe('undefined')
    expect(await two('/who')).toBe('alice')
    expect(await test.sessions.revoke('alice')).toHaveLength(2)
    expect([await two('/who'), await three('/who')]).toEqual(['undefined', 'undefined'])
    expect(await list()).toEqual([])
    await two('/login')
    expect([await two('/who'), (await list()).length]).toEqual(['alice', 1])
  })
})
