import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { session as nodeSession, type SessionRequest } from '../../adapters/frameworks/node.ts'
import { withSession } from '../../adapters/platforms/lambda.ts'
import { session } from '../../src/hono.ts'
import { createVerifier, type Session, type SessionOptions } from '../../src/index.ts'
import { createSessions } from '../../src/sessions.ts'
import { createPublicVerifier } from '../../src/verify.ts'
import { type Any, kit, secret } from '../support/app.ts'
import { p256, publicOf } from '../support/signing-keys.ts'

/** What an answer told its client. */
interface Told {
  readonly status: number
  readonly body: string
  readonly headers: Headers
}
/** One request: a path, and its headers. */
type Ask = (path: string, headers?: Record<string, string>) => Promise<Told>

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections()
})

/** What each path of the app does with its session. */
async function act(path: string, one: Session<Any>): Promise<string> {
  if (path === '/login') {
    one.regenerate({ reauthenticated: true })
    one.set('user', 'alice')
  }
  if (path === '/add') await one.update('n', (n = 0) => n + 1)
  if (path === '/logout') one.destroy()
  return path === '/' ? JSON.stringify(await one.all()) : path
}

const faces: readonly (readonly [name: string, build: (options: SessionOptions) => Promise<Ask>])[] = [
  [
    'createSessions',
    async (options) => {
      const sessions = createSessions<Any>(options)
      return async (path, given = {}) => {
        const { session: one, commit } = sessions.open(new Headers(given))
        const body = await act(path, one)
        const headers = new Headers()
        ;(await commit()).applyTo(headers)
        return { status: 200, body, headers }
      }
    },
  ],
  [
    'Hono',
    async (options) => {
      const app = new Hono<{ Variables: { session: Session<Any> } }>()
      app.use(session(options))
      app.all('*', async (c) => c.text(await act(c.req.path, c.var.session)))
      return async (path, headers = {}) => {
        const response = await app.request(path, { headers })
        return { status: response.status, body: await response.text(), headers: response.headers }
      }
    },
  ],
  [
    'claimcheck/node',
    async (options) => {
      const middleware = nodeSession(options)
      const server = createServer((req, res) =>
        middleware(req, res, (error) => {
          if (error) res.writeHead(500).end()
          else void act(req.url as string, (req as SessionRequest<Any>).session).then((body) => res.end(body))
        }),
      )
      servers.push(server)
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
      const { port } = server.address() as AddressInfo
      return async (path, headers = {}) => {
        const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
        return { status: response.status, body: await response.text(), headers: response.headers }
      }
    },
  ],
  ...(['2.0', '1.0'] as const).map(
    (version) =>
      [
        `Lambda, format ${version}`,
        async (options: SessionOptions): Promise<Ask> => {
          const handler = withSession(options, async (event: { path: string }, one: Session<Any>, _: object) => ({
            statusCode: 200,
            body: await act(event.path, one),
          }))
          return async (path, headers = {}) => {
            const more =
              version === '2.0' ? { requestContext: { http: {} } } : { httpMethod: 'GET', requestContext: {} }
            const result = (await handler({ path, version, headers, ...more } as never, {})) as {
              statusCode: number
              body: string
              headers?: Record<string, string>
              multiValueHeaders?: Record<string, string[]>
              cookies?: string[]
            }
            const all = new Headers(result.headers)
            for (const line of result.cookies ?? result.multiValueHeaders?.['set-cookie'] ?? [])
              all.append('Set-Cookie', line)
            return { status: result.statusCode, body: result.body, headers: all }
          }
        },
      ] as const,
  ),
]

describe.each(faces)("transport: 'header' on %s", (_, build) => {
  const start = async (options: Partial<SessionOptions> = {}) => {
    const test = kit({ transport: 'header', ...options })
    return { test, ask: await build(test.options) }
  }
  const bearer = (token: string, receipt?: string) => ({
    Authorization: `Bearer ${token}`,
    ...(receipt === undefined ? {} : { 'Session-Token-Rev': receipt }),
  })

  it('a native app logs in, writes and logs out by headers alone, and is sent no cookie', async () => {
    const { test, ask } = await start()
    const begun = await ask('/login', { Authorization: 'Bearer' })
    const token = begun.headers.get('Session-Token') as string
    expect(token).toMatch(/^eyJ/)
    expect(begun.headers.get('Cache-Control')).toBe('private, no-store')
    test.clock.advance(1)
    const added = await ask('/add', bearer(token))
    const receipt = added.headers.get('Session-Token-Rev') as string
    expect(receipt).toMatch(/^[0-9a-z]+\.[\w-]{22}$/)
    expect(added.headers.get('Session-Token')).toBeNull()
    const read = await ask('/', bearer(token, receipt))
    expect(read.body).toBe('{"user":"alice","n":1}')
    expect([read.headers.get('Session-Token'), read.headers.get('Session-Token-Rev')]).toEqual([null, null])
    expect(read.headers.get('Vary')?.toLowerCase()).toBe('cookie, authorization')
    expect(read.headers.get('Cache-Control')).toBe('private, no-cache')
    const out = await ask('/logout', bearer(token, receipt))
    expect([out.headers.get('Session-Token'), out.headers.get('Session-Token-Rev')]).toEqual(['', ''])
    expect((await ask('/', bearer(token, receipt))).body).toBe('{}')
    for (const { headers } of [begun, added, read, out]) expect(headers.getSetCookie()).toEqual([])
  })

  it('the receipt tells that a record is older than its client has seen, as with cookies (G8)', async () => {
    const { test, ask } = await start()
    const token = (await ask('/login', { Authorization: 'Bearer' })).headers.get('Session-Token') as string
    const [key] = test.keys
    const before = await test.memory.read(key as string)
    test.clock.advance(5)
    const receipt = (await ask('/add', bearer(token))).headers.get('Session-Token-Rev') as string
    await test.memory.delete(key as string)
    await test.memory.create(key as string, before?.value as Uint8Array, 1800)
    expect((await ask('/', bearer(token))).body).toBe('{"user":"alice"}')
    expect((await ask('/', bearer(token, receipt))).body).toBe('{}')
    expect(test.events.map(({ type }) => type)).toContain('rolled-back')
  })

  it('a browser has its cookies as before, and is told no token in a header', async () => {
    const { ask } = await start()
    const { headers } = await ask('/login')
    const [line = ''] = headers.getSetCookie()
    expect(line).toMatch(/^__Host-sid=eyJ/)
    expect(headers.get('Session-Token')).toBeNull()
    const added = await ask('/add', { Cookie: line.split(';')[0] as string })
    expect(added.headers.getSetCookie()[0]).toMatch(/^__Host-sid-rev=/)
    expect(added.headers.get('Session-Token-Rev')).toBeNull()
  })

  it('of a request with both only the header counts: a script reaches no session of a cookie by it, nor its token (E20)', async () => {
    const { ask } = await start()
    const cookie = (await ask('/login')).headers.getSetCookie()[0]?.split(';')[0] as string
    expect((await ask('/', { Cookie: cookie })).body).toContain('alice')
    for (const Authorization of ['Bearer', 'bearer', 'Bearer x', 'Bearer a b', 'Bearer =']) {
      const both = { Cookie: cookie, Authorization }
      expect((await ask('/', both)).body).toBe('{}')
      const { headers } = await ask('/add', both)
      expect(headers.getSetCookie()).toEqual([])
      expect(headers.get('Session-Token')).toMatch(/^eyJ/)
      await ask('/logout', both)
    }
    expect((await ask('/', { Cookie: cookie })).body).toContain('alice')
    expect((await ask('/', { Cookie: cookie, Authorization: 'Basic eDp5' })).body).toContain('alice')
  })

  it('junk by Authorization costs no round trip and puts no cookie in (G1, A4)', async () => {
    const { test, ask } = await start()
    const token = (await ask('/login', { Authorization: 'Bearer' })).headers.get('Session-Token') as string
    const junk = [
      'x',
      `x; __Host-sid=${token}`,
      `${token}, Bearer ${token}`,
      `${token} `.repeat(2),
      '%',
      `"${token}"`,
      '.'.repeat(3000),
    ]
    for (const value of junk) {
      test.store.reset()
      expect((await ask('/', { Authorization: `Bearer ${value}` })).body).toBe('{}')
      expect(test.store.roundTrips).toBe(0)
    }
  })

  it("without the option Authorization is the application's own (A24)", async () => {
    const { ask } = await start({ transport: undefined })
    const { headers } = await ask('/login', { Authorization: 'Bearer x' })
    const cookie = headers.getSetCookie()[0]?.split(';')[0] as string
    const token = cookie.slice(cookie.indexOf('=') + 1)
    expect((await ask('/', { Authorization: `Bearer ${token}` })).body).toBe('{}')
    const read = await ask('/', { Cookie: cookie, Authorization: `Bearer ${token}x` })
    expect(read.body).toContain('alice')
    expect(read.headers.get('Vary')?.toLowerCase()).toBe('cookie')
  })
})

describe('beside', () => {
  it('the name of the header is configured, and its receipt follows it', async () => {
    const test = kit({ transport: 'header', tokenHeader: 'X-Ticket' })
    const { session: one, commit } = test.sessions.open(new Headers({ Authorization: 'Bearer' }))
    one.set('a', 1)
    const { headers } = await commit()
    expect(headers.map(([name]) => name)).toEqual(['X-Ticket'])
    const again = test.sessions.open(new Headers({ Authorization: `Bearer ${headers[0]?.[1]}` }))
    again.session.set('a', 2)
    expect((await again.commit()).headers.map(([name]) => name)).toEqual(['X-Ticket-Rev'])
  })

  it('a refused commit tells no token', async () => {
    const test = kit({ transport: 'header' })
    const app = new Hono<{ Variables: { session: Session<Any> } }>()
    app.use(session(test.options))
    app.post('/', (c) => {
      c.var.session.set('a', 1)
      return c.text('set')
    })
    test.failing.always('throw')
    const response = await app.request('/', { method: 'POST', headers: { Authorization: 'Bearer' } })
    expect([response.status, response.headers.get('Session-Token')]).toEqual([503, null])
  })

  it('verifiers take the header where they are told to', async () => {
    const test = kit({ transport: 'header', signing: { keys: [p256] } })
    const { session: one, commit } = test.sessions.open(new Headers({ Authorization: 'Bearer' }))
    one.set('a', 1)
    const [[, token] = []] = (await commit()).headers
    const headers = new Headers({ Authorization: `Bearer ${token}` })
    const now = test.clock.now
    const both = [
      { keys: [publicOf(p256)], now },
      { keys: [publicOf(p256)], now, transport: 'header' as const },
    ]
    expect(await Promise.all(both.map((options) => createPublicVerifier(options)(headers)))).toMatchObject([
      { status: 'absent' },
      { status: 'valid' },
    ])
    const verify = createVerifier({ secret, now, signing: { keys: [p256] }, transport: 'header' })
    expect(await verify(headers)).toMatchObject({ status: 'valid' })
  })

  it('options are checked at start', () => {
    const build = (options: object) => () => createSessions({ ...kit().options, ...options })
    expect(build({ transport: 'both' })).toThrow(/transport must be/)
    expect(build({ tokenHeader: 'X-Ticket' })).toThrow(/tokenHeader is for transport/)
    for (const tokenHeader of ['', 'a b', 'Set-Cookie', 'vary', 'Content-Type', 'x'.repeat(65), 5, null])
      expect(build({ transport: 'header', tokenHeader })).toThrow(/tokenHeader must be/)
  })

  it('two sessions of one app need headers of their own', async () => {
    const test = kit()
    const app = new Hono<{ Variables: { session: Session<Any>; other: Session<Any> } }>()
    const errors: Error[] = []
    app.onError((error, c) => {
      errors.push(error)
      return c.text('', 500)
    })
    app.use(session({ ...test.options, transport: 'header' }))
    app.use(
      session(
        { ...test.options, namespace: 'other', cookie: { name: '__Host-other' }, transport: 'header' },
        { as: 'other' },
      ),
    )
    app.get('/', (c) => c.text('x'))
    await app.request('/')
    expect(String(errors[0])).toMatch(/must differ in tokenHeader/)
  })
})
