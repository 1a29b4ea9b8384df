import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { session as nodeSession } from '../../adapters/frameworks/node.ts'
import { withSession } from '../../adapters/platforms/lambda.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { DestroyOptions, Session } from '../../src/index.ts'
import { type Any, agent, kit, withData } from '../support/app.ts'

/** The header after a logout through each door. */
const doors: readonly (readonly [name: string, logout: (options?: DestroyOptions) => Promise<string | null>])[] = [
  [
    'createSessions',
    async (options) => {
      const { test, user } = await withData()
      const { session, commit } = test.sessions.open(user.cookie)
      session.destroy(options)
      const headers = new Headers()
      const result = await commit()
      result.applyTo(headers)
      expect(headers.getSetCookie()).toHaveLength(2)
      return headers.get('Clear-Site-Data')
    },
  ],
  [
    'Hono',
    async (options) => {
      const { test, user } = await withData()
      const app = new Hono<SessionEnv<Any>>()
      app.use(session(test.options))
      app.get('/', (c) => {
        c.var.session.destroy(options)
        return c.redirect('/in')
      })
      const { headers, status } = await agent(app, user.cookie).request('/')
      expect([status, headers.getSetCookie().length]).toEqual([302, 2])
      return headers.get('Clear-Site-Data')
    },
  ],
  [
    'Lambda',
    async (options) => {
      const { test, user } = await withData()
      const handler = withSession(test.options, async (_: unknown, one: Session<Any>) => {
        one.destroy(options)
        return { statusCode: 204 }
      })
      const event = { version: '2.0', rawPath: '/', headers: {}, cookies: [user.cookie], requestContext: { http: {} } }
      const result = (await handler(event, {})) as unknown as { headers: Record<string, string> }
      const [, value] = Object.entries(result.headers).find(([name]) => name.toLowerCase() === 'clear-site-data') ?? []
      return value ?? null
    },
  ],
  [
    'node:http',
    async (options) => {
      const { test, user } = await withData()
      const use = nodeSession(test.options)
      const server = createServer((req, res) =>
        use(req as never, res as never, () => {
          ;(req as unknown as { session: Session<Any> }).session.destroy(options)
          res.end('out')
        }),
      ).listen(0, '127.0.0.1')
      await once(server, 'listening')
      try {
        const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
        const { headers } = await fetch(url, { headers: { Cookie: user.cookie ?? '' } })
        expect(headers.getSetCookie()).toHaveLength(2)
        return headers.get('Clear-Site-Data')
      } finally {
        server.closeAllConnections()
        server.close()
      }
    },
  ],
]

describe.each(doors)('a logout through %s', (_, logout) => {
  it('clears what it is told, in the form of the header (E21)', async () => {
    expect(await logout({ clearSiteData: ['cache', 'storage'] })).toBe('"cache", "storage"')
    expect(await logout({ clearSiteData: ['*'] })).toBe('"*"')
  })

  it('clears nothing else without being told', async () => {
    expect(await logout()).toBeNull()
    expect(await logout({})).toBeNull()
  })
})

describe('clearSiteData', () => {
  it('is sent for a visitor without a session, too, and not where the logout failed', async () => {
    const test = kit()
    const { session, commit } = test.sessions.open(undefined)
    session.destroy({ clearSiteData: ['cache'] })
    const headers = new Headers()
    const result = await commit()
    result.applyTo(headers)
    expect(headers.get('Clear-Site-Data')).toBe('"cache"')
    const { test: down, user } = await withData()
    const app = new Hono<SessionEnv<Any>>()
    app.use(sessionOf(down))
    app.get('/', (c) => {
      c.var.session.destroy({ clearSiteData: ['cache'] })
      return c.text('out')
    })
    down.failing.always('throw')
    const answer = await agent(app, user.cookie).request('/')
    expect([answer.status, answer.headers.get('Clear-Site-Data')]).toEqual([503, null])
  })

  it('refuses what is no list of known words, and then nothing is destroyed', async () => {
    for (const wrong of [[], ['cookie'], ['"cache"'], 'cache', null, [null], ['cache\r\nX: y']]) {
      const { test, user } = await withData()
      const { session, commit } = test.sessions.open(user.cookie)
      expect(() => session.destroy({ clearSiteData: wrong as never })).toThrow(/clearSiteData/)
      await commit()
      expect(await user.visit((one) => one.get('user'))).toBe('alice')
    }
    const { session } = kit().sessions.open(undefined)
    expect(() => session.destroy({ clear: ['cache'] } as never)).toThrow(/unknown option of destroy: clear/)
  })

  it('needs a response: a reopened session has none', async () => {
    const { test, user } = await withData()
    const { session, commit } = test.sessions.open(user.cookie)
    await commit()
    expect(() => session.reopen().session.destroy({ clearSiteData: ['cache'] })).toThrow(/reopened/)
  })
})

const sessionOf = ({ options }: ReturnType<typeof kit>) => session(options)
