import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { View } from '../../adapters/dashboard/view.ts'
import { mostViewers } from '../../adapters/dashboard/viewers.ts'
import { type DashboardOptions, dashboard } from '../../adapters/dashboard.ts'
import { serveContainer } from '../../adapters/platforms/container.ts'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { SessionOptionsError, StoreUnavailableError } from '../../src/errors.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { Session } from '../../src/session.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import type { Store } from '../../src/store.ts'
import { fakeClock } from '../support/clock.ts'
import { nextCookies } from '../support/jar.ts'

type Data = Record<string, unknown>

const secret = 'DASHBOARD-SECRET-kY2vQ8rT5wX1zB4nM7p'
const peerToken = 'PEER-TOKEN-w8Jx2mQp5Vn7Ty1Rb4LcZ9'
const yes = () => true
const build = (store: Store = memoryStore()) => createSessions<Data>({ store, secret })
const appWith = (options: Partial<DashboardOptions> & { readonly sessions: DashboardOptions['sessions'] }) =>
  new Hono().route('/ops/sessions', dashboard({ authorize: yes, ...options }))

/** One request of a user, who sends the cookie of the last. */
async function visit(sessions: Sessions<Data>, work: (session: Session<Data>) => unknown, cookie?: string) {
  const { session, commit } = sessions.open(cookie)
  await work(session)
  return nextCookies(cookie, (await commit()).setCookies)
}

/** The first view that a stream tells. */
async function firstOf(response: Response): Promise<View> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  while (!/^data: .*\n\n/m.test(text)) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`no view in ${text}`)
    text += decoder.decode(value, { stream: true })
  }
  await reader.cancel()
  return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] as string)
}

const viewIn = async (app: Hono) => firstOf(await app.request('/ops/sessions/events'))

const servers: Server[] = []
afterEach(async () => {
  vi.useRealTimers()
  for (const server of servers.splice(0)) {
    ;(server as Server & { closeAllConnections(): void }).closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

async function serve(app: { fetch: Hono['fetch'] }): Promise<string> {
  const server = createAdaptorServer({ fetch: app.fetch }) as Server
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('a dashboard does not start', () => {
  it.each<[string, Partial<DashboardOptions> | undefined, RegExp]>([
    ['without authorize', { authorize: undefined as never }, /^authorize must be a function/],
    ['without sessions', { sessions: undefined as never }, /^sessions must be what createSessions gave/],
    ['with sessions of somebody else', { sessions: { open() {} } as never }, /^sessions must be what/],
    ['with an unknown option', { autorize: yes } as never, /^unknown option of dashboard: autorize/],
    ['with peers and no token', { peers: ['http://10.0.0.2/ops'] }, /^peers need peerToken/],
    ['with a peer that is no address', { peers: ['10.0.0.2'], peerToken }, /^peers\[0\] must be the http/],
    ['with a peer of another protocol', { peers: ['ftp://a/'], peerToken }, /^peers\[0\] must be the http/],
    ['with a password in an address', { peers: ['http://u:p@a/'], peerToken }, /^peers\[0\] must have no user name/],
    ['with too many peers', { peers: Array(51).fill('http://a/'), peerToken }, /^peers must be a list of at most 50/],
    ['with a short token', { peerToken: 'short' }, /^peerToken must be a text of 32 to 1024/],
    ['with a token of one letter', { peerToken: 'a'.repeat(40) }, /^peerToken has too few different bytes/],
    ['with the secret of the sessions as token', { peerToken: secret }, /^peerToken must not be the secret/],
  ])('%s', (_, options, message) => {
    const start = () => dashboard({ sessions: build(), authorize: yes, ...options })
    expect(start).toThrow(SessionOptionsError)
    expect(start).toThrow(message)
    expect(start).not.toThrow(/u:p|DASHBOARD-SECRET/)
  })
})

describe('who may look', () => {
  const paths = ['', '/page.js', '/page.css', '/events'].map((path) => `/ops/sessions${path}`)

  it.each([
    ['false', false],
    ['nothing', undefined],
    ['a text that is truthy', 'yes'],
    ['an object that is truthy', {}],
  ])('nobody where authorize answers %s: no part of it is told', async (_, answer) => {
    const app = appWith({ sessions: build(), authorize: (async () => answer) as never, peerToken })
    for (const path of paths) expect([path, (await app.request(path)).status]).toEqual([path, 403])
    expect(await (await app.request(paths[0] as string)).text()).toBe('not for you')
    expect((await app.request('/ops/sessions/snapshot')).status).toBe(401)
  })

  it('nobody where authorize fails', async () => {
    const app = appWith({ sessions: build(), authorize: () => Promise.reject(new Error('the directory is away')) })
    app.onError((_, c) => c.text('broken', 500))
    for (const path of paths) expect([path, (await app.request(path)).status]).toEqual([path, 500])
  })

  it('is sent elsewhere by an answer of authorize', async () => {
    const app = appWith({ sessions: build(), authorize: (c) => c.redirect('/login') })
    const answer = await app.request('/ops/sessions')
    expect([answer.status, answer.headers.get('Location')]).toEqual([302, '/login'])
  })

  it('is asked of the session of the app, which a page that stays open does not keep alive', async () => {
    const clock = fakeClock()
    const store = memoryStore({ now: clock.now })
    const sessions = createSessions<Data>({ store, secret, now: clock.now, idleSeconds: 60 })
    const app = new Hono<SessionEnv<Data>>()
    app.use(session(sessions))
    app.get('/login/:role', (c) => {
      c.var.session.set('role', c.req.param('role'))
      return c.text('in')
    })
    const authorize: DashboardOptions['authorize'] = async (c) => {
      c.var.session.passive()
      return (await c.var.session.get('role')) === 'operator'
    }
    app.route('/ops/sessions', dashboard({ sessions, authorize }))
    const statusFor = async (cookie = '', path = '') =>
      (await app.request(`/ops/sessions${path}`, { headers: { Cookie: cookie } })).status
    const logIn = async (role: string) =>
      nextCookies(undefined, (await app.request(`/login/${role}`)).headers.getSetCookie())
    const operator = await logIn('operator')
    expect([await statusFor(), await statusFor(await logIn('guest')), await statusFor(operator)]).toEqual([
      403, 403, 200,
    ])
    clock.advance(50_000)
    expect(await statusFor(operator, '/page.css')).toBe(200)
    clock.advance(50_000)
    expect(await statusFor(operator, '/page.css')).toBe(403)
  })
})

describe('the page', () => {
  it('has no inline script or style, loads from its own place only, and is for no cache and no frame', async () => {
    const app = appWith({ sessions: build() })
    const page = await app.request('/ops/sessions')
    const html = await page.text()
    const policy = page.headers.get('Content-Security-Policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|https?:|\*|data:/)
    expect(page.headers.get('Cache-Control')).toBe('private, no-store')
    expect(page.headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\sstyle=|\son\w+=|https?:/)
    const parts = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path as string)
    expect(parts).toEqual(['./sessions/page.css', './sessions/page.js'])
    for (const part of parts) {
      const { pathname } = new URL(part, 'http://localhost/ops/sessions')
      const answer = await app.request(pathname)
      expect([answer.status, answer.headers.get('X-Content-Type-Options')]).toEqual([200, 'nosniff'])
      expect((await answer.text()).length).toBeGreaterThan(1000)
    }
  })

  it('finds its parts where it is mounted at the top, and under an odd name', async () => {
    const top = new Hono().route('/', dashboard({ sessions: build(), authorize: yes }))
    expect(await (await top.request('/')).text()).toContain('src="./page.js"')
    const odd = new Hono().route('/a%22b', dashboard({ sessions: build(), authorize: yes }))
    expect(await (await odd.request('/a%22b')).text()).not.toMatch(/src="[^"]*"b/)
  })
})

describe('the stream', () => {
  it('tells at once what there is, and the losses apart', async () => {
    const sessions = build()
    const app = appWith({ sessions })
    const cookie = await visit(sessions, (session) => session.set('user', 'ada'))
    await visit(sessions, (session) => session.get('user'), cookie)
    await visit(sessions, (session) => session.destroy(), cookie)
    await visit(sessions, (session) => session.get('user'), cookie)
    const view = await viewIn(app)
    expect(view).toMatchObject({ store: 'memory', ready: true })
    expect(view.verbs).toMatchObject({ load: { count: 2 }, created: { count: 1 }, destroyed: { count: 1 } })
    expect(view.notable).toMatchObject([{ type: 'no-session', reason: 'logged-out', count: 1 }])
    expect(view.totals.reduce((sum, count) => sum + count, 0)).toBe(5)
  })

  it('is told as server-sent events that no proxy holds back or squeezes', async () => {
    const answer = await appWith({ sessions: build() }).request('/ops/sessions/events')
    expect(answer.headers.get('Content-Type')).toMatch(/^text\/event-stream/)
    expect(answer.headers.get('Cache-Control')).toContain('no-transform')
    expect(answer.headers.get('X-Accel-Buffering')).toBe('no')
    await answer.body?.cancel()
  })

  it('ends after a few seconds, so that who may not look any more is asked, and a stop need not wait', async () => {
    vi.useFakeTimers()
    const answer = await appWith({ sessions: build() }).request('/ops/sessions/events')
    const text = answer.text()
    await vi.advanceTimersByTimeAsync(3100)
    expect((await text).match(/^data: /gm)?.length).toBeGreaterThanOrEqual(2)
    expect(vi.getTimerCount()).toBeLessThanOrEqual(1)
    await vi.advanceTimersByTimeAsync(3100)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('does not keep a container from stopping cleanly while a page is open', async () => {
    const store = memoryStore()
    const app = appWith({ sessions: build(store) })
    const container = await serveContainer({ fetch: (request) => app.fetch(request), store, port: 0 })
    const answer = await fetch(`http://127.0.0.1:${container.port}/ops/sessions/events`)
    const [finished, text] = await Promise.all([container.stop(), answer.text()])
    expect(text).toContain('data: ')
    expect(finished).toBe(true)
  })

  it('asks the store for its health once for all who look, and not at all while nobody does', async () => {
    vi.useFakeTimers()
    const asked = { times: 0 }
    const store = {
      ...memoryStore(),
      check: async () => {
        asked.times++
        return { ready: true, nodes: [] }
      },
    }
    const app = appWith({ sessions: build(store) })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(asked.times).toBe(0)
    const streams = await Promise.all(Array.from({ length: 5 }, () => app.request('/ops/sessions/events')))
    const texts = Promise.all(streams.map((stream) => stream.text()))
    await vi.advanceTimersByTimeAsync(3100)
    await texts
    expect(asked.times).toBeGreaterThan(1)
    expect(asked.times).toBeLessThanOrEqual(5)
    const after = asked.times
    await vi.advanceTimersByTimeAsync(60_000)
    expect(asked.times).toBe(after)
  })

  it('is for a few at once: more are turned away', async () => {
    const app = appWith({ sessions: build() })
    const open = () => app.request('/ops/sessions/events')
    const streams = await Promise.all(Array.from({ length: mostViewers }, open))
    expect((await open()).status).toBe(503)
    await streams[0]?.body?.cancel()
    expect((await open()).status).toBe(200)
  })

  it('shows a store that fails and one that hangs as not ready, a node that went as notable', async () => {
    const state = { node: 'up' }
    const store = {
      ...memoryStore(),
      async check() {
        if (state.node === 'broken') throw new StoreUnavailableError('away')
        return { ready: state.node === 'up', nodes: [{ node: 'a:1', up: state.node === 'up' }] }
      },
    }
    const app = appWith({ sessions: build(store) })
    expect(await viewIn(app)).toMatchObject({ ready: true, nodes: [{ node: 'a:1', upIn: 1 }], notable: [] })
    state.node = 'down'
    expect(await viewIn(app)).toMatchObject({ ready: false, nodes: [{ upIn: 0 }], notable: [{ type: 'node-down' }] })
    state.node = 'broken'
    expect(await viewIn(app)).toMatchObject({ ready: false, nodes: [] })
    state.node = 'up'
    expect((await viewIn(app)).notable[0]).toMatchObject({ type: 'node-up', node: 'a:1' })
  })
})

describe('peers', () => {
  it('are asked with the token and nothing else, and their numbers are added', async () => {
    const [one, two] = [build(), build()]
    const headers: Record<string, string>[] = []
    const behind = new Hono()
    behind.use(async (c, next) => {
      headers.push(c.req.header())
      await next()
    })
    behind.route('/ops/sessions', dashboard({ sessions: two, authorize: () => false, peerToken }))
    const url = await serve(behind)
    const app = appWith({ sessions: one, peers: [`${url}/ops/sessions/`], peerToken })
    await visit(one, (session) => session.set('user', 'ada'))
    await visit(two, (session) => session.set('user', 'bob'))
    const view = await firstOf(await app.request('/ops/sessions/events', { headers: { Cookie: 'sid=CANARY' } }))
    expect(view.verbs.created?.count).toBe(2)
    expect(view.processes.map(({ name, ready }) => [name, ready])).toEqual([
      ['this process', true],
      [new URL(url).host, true],
    ])
    expect(headers).toHaveLength(1)
    expect(headers[0]?.authorization).toBe(`Bearer ${peerToken}`)
    expect(headers[0]?.cookie).toBeUndefined()
  })

  it('may be a list of all processes: this one, too, counts once', async () => {
    const sessions = build()
    const app = new Hono()
    const url = await serve({ fetch: (request) => app.fetch(request) })
    app.route('/d', dashboard({ sessions, authorize: yes, peers: [new URL(`${url}/d`)], peerToken }))
    await visit(sessions, (session) => session.set('user', 'ada'))
    const view = await firstOf(await app.request('/d/events'))
    expect([view.processes.length, view.verbs.created?.count]).toEqual([1, 1])
  })

  it('that are away, refuse, redirect or tell something else are shown so, and the rest goes on', async () => {
    const other = new Hono()
    other.route('/refusing', dashboard({ sessions: build(), authorize: yes, peerToken: `${peerToken}-another` }))
    other.route('/closed', dashboard({ sessions: build(), authorize: yes }))
    const stolen: (string | undefined)[] = []
    other.get('/redirecting/snapshot', (c) => c.redirect('/thief'))
    other.get('/thief', (c) => {
      stolen.push(c.req.header('Authorization'))
      return c.json({})
    })
    other.get('/odd/snapshot', (c) => c.json({ format: 1, notable: '<script>' }))
    other.get('/html/snapshot', (c) => c.html('<p>log in first'))
    const url = await serve(other)
    const names = ['refusing', 'closed', 'redirecting', 'odd', 'html']
    const peers = [...names.map((name) => `${url}/${name}`), 'http://127.0.0.1:1/ops']
    const { processes } = await viewIn(appWith({ sessions: build(), peers, peerToken }))
    const elsewhere = 'not reached, or no dashboard there'
    expect(processes.map(({ error }) => error)).toEqual([
      ...[undefined, 'it answers 401', 'it answers 404', elsewhere, 'not a short text', elsewhere, elsewhere],
    ])
    expect(stolen).toEqual([])
  })

  it.each([undefined, '', 'Bearer', `Bearer ${peerToken}x`, `Bearer ${peerToken.slice(1)}`, peerToken, 'Basic abc'])(
    'are refused with %s',
    async (authorization) => {
      const app = appWith({ sessions: build(), peerToken })
      const headers = authorization === undefined ? undefined : { Authorization: authorization }
      const answer = await app.request('/ops/sessions/snapshot', headers ? { headers } : {})
      expect([answer.status, await answer.text()]).toEqual([401, 'the peerToken is another'])
    },
  )
})

describe('nothing that it tells', () => {
  it('is a secret, an id, a token, a key, a value or the name of one', async () => {
    const stored: string[] = []
    const inner = memoryStore()
    const store: Store = {
      ...inner,
      create: (key, ...rest) => {
        stored.push(key)
        return inner.create(key, ...rest)
      },
    }
    const sessions = createSessions<Data>({ store, secret, budgetBytes: 64, maxBytes: 2000 })
    const app = appWith({ sessions, peerToken })
    const cookie = (await visit(sessions, (session) => session.set('KEY-CANARY', 'VALUE-CANARY'.repeat(20)))) as string
    await visit(sessions, (session) => session.get('KEY-CANARY'), cookie)
    await visit(sessions, (session) => session.set('KEY-CANARY', 'x'.repeat(4000)), cookie).catch(() => {})
    await visit(sessions, (session) => session.get('KEY-CANARY'), `${cookie.slice(0, -3)}AAA`)
    await visit(sessions, (session) => session.get('KEY-CANARY'), '__Host-sid=JUNK-CANARY')
    const renewed = await visit(sessions, (session) => session.regenerate(), cookie)
    await visit(sessions, (session) => session.destroy(), renewed)
    await visit(sessions, (session) => session.get('KEY-CANARY'), cookie)
    const headers = { Authorization: `Bearer ${peerToken}` }
    const told = [
      JSON.stringify(await viewIn(app)),
      ...(await Promise.all(
        ['', '/page.js', '/page.css', '/snapshot'].map(async (path) =>
          (await app.request(`/ops/sessions${path}`, { headers })).text(),
        ),
      )),
    ].join('\n')
    expect(told).toMatch(/"large"/)
    expect(told).toMatch(/"too-large"/)
    const tokens = [cookie, renewed].map((one) => /__Host-sid=([^;]+)/.exec(one ?? '')?.[1] as string)
    const parts = tokens.flatMap((token) => token.split('.').slice(1))
    const ids = tokens.map(
      (token) => JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString()).sid,
    )
    expect(stored).toHaveLength(2)
    for (const word of ['CANARY', secret, peerToken, ...tokens, ...parts, ...ids, ...stored])
      expect(told).not.toContain(word)
  })
})
