import { Hono } from 'hono'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { Session, SessionOptions } from '../../src/index.ts'
import { type Agent, agent, secret } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { countingStore } from '../support/stores.ts'

interface User {
  user: string
  tries: number
}
interface Flow {
  state: string
}
type Env = SessionEnv<User> & SessionEnv<Flow, 'oauth'>

const store = memoryStore()
const main: SessionOptions = { store, secret }
const flow: SessionOptions = { store, secret, namespace: 'oauth', cookie: { name: '__Host-oauth' }, idleSeconds: 300 }

function createApp(one: SessionOptions = main, other: SessionOptions = flow) {
  const app = new Hono<Env>()
  const errors: unknown[] = []
  app.onError((error, c) => {
    errors.push(error)
    return 'getResponse' in error ? (error as { getResponse(): Response }).getResponse() : c.text('sorry', 500)
  })
  app.use(session(one))
  app.use('/oauth/*', session(other, { as: 'oauth' }))
  app.get('/', async (c) => c.json({ user: (await c.var.session.get('user')) ?? null }))
  app.get('/oauth/begin', (c) => {
    c.var.oauth.set('state', 'xyz')
    return c.text('away')
  })
  app.get('/oauth/back', async (c) => {
    const state = await c.var.oauth.pull('state')
    if (state === undefined) return c.text('no state', 400)
    c.var.session.regenerate({ reauthenticated: true })
    c.var.session.set('user', 'alice')
    return c.text(state)
  })
  app.get('/oauth/race', async (c) => {
    await c.var.session.get('user')
    await c.var.session.get('tries')
    await c.var.oauth.get('state')
    await rival.work?.()
    c.var.session.set('tries', 1)
    c.var.oauth.set('state', 'mine')
    return c.text('stored')
  })
  const rival: { work?: () => Promise<unknown> } = {}
  return { app, errors, rival }
}

/** A user whose cookies are all kept, whatever their names. */
function visitor(app: { readonly request: Hono['request'] }): Agent {
  const one = agent(app)
  one.request = async (path, init = {}) => {
    const headers = { ...(one.cookie === undefined ? {} : { Cookie: one.cookie }) }
    const response = await app.request(path, { ...init, headers })
    one.cookie = nextCookies(one.cookie, response.headers.getSetCookie())
    return response
  }
  return one
}

describe('two sessions in one app', () => {
  it('are typed, each at its name', () => {
    expectTypeOf<Env['Variables']['session']>().toEqualTypeOf<Session<User>>()
    expectTypeOf<Env['Variables']['oauth']>().toEqualTypeOf<Session<Flow>>()
    const app = new Hono<Env>()
    app.use(session(main), session(flow, { as: 'oauth' }))
    app.get('/', async (c) => {
      expectTypeOf(await c.var.oauth.get('state')).toEqualTypeOf<string | undefined>()
      // @ts-expect-error: no key of that session
      await c.var.oauth.get('user')
      return c.text('')
    })
  })

  it('live side by side, each with its cookie, times and data', async () => {
    const { app } = createApp()
    const user = visitor(app)
    const begun = await user.request('/oauth/begin')
    expect(begun.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-oauth=eyJ/)])
    const back = await user.request('/oauth/back')
    expect([back.status, await back.text()]).toEqual([200, 'xyz'])
    const names = back.headers.getSetCookie().map((set) => set.split('=', 1)[0])
    expect(names.sort()).toEqual(['__Host-oauth-rev', '__Host-sid'])
    expect(back.headers.get('Cache-Control')).toBe('private, no-store')
    expect(await (await user.request('/')).json()).toEqual({ user: 'alice' })
    expect((await user.request('/oauth/back')).status).toBe(400)
  })

  it('one that is not used costs nothing beside one that is', async () => {
    const [a, b] = [countingStore(memoryStore()), countingStore(memoryStore())]
    const user = visitor(createApp({ ...main, store: a }, { ...flow, store: b }).app)
    await user.request('/oauth/begin')
    expect([a.roundTrips, b.roundTrips]).toEqual([0, 1])
  })

  it.each([
    ['the same namespace', { cookie: { name: '__Host-oauth' } }, /namespace/],
    ['the same cookie', { namespace: 'oauth' }, /cookie\.name/],
    ['the cookie of a receipt', { namespace: 'oauth', cookie: { name: '__Host-sid-rev' } }, /cookie\.name/],
  ])('with %s are refused at the first request that meets both', async (_, options, named) => {
    const { app, errors } = createApp(main, { store, secret, ...options })
    expect((await app.request('/')).status).toBe(200)
    expect((await app.request('/oauth/begin')).status).toBe(500)
    expect(errors).toEqual([expect.any(SessionOptionsError)])
    expect(`${errors[0]}`).toMatch(named)
  })

  it('under one name are one session, or an error that tells of other names', async () => {
    const app = new Hono<Env>()
    const errors: unknown[] = []
    app.onError((error, c) => {
      errors.push(error)
      return c.text('sorry', 500)
    })
    app.use(session(flow, { as: 'oauth' }), session({ ...flow }, { as: 'oauth' }))
    app.use('/wrong', session({ ...flow, idleSeconds: 9 }, { as: 'oauth' }))
    app.get('/:any', (c) => c.text(typeof c.var.oauth.get))
    expect(await (await app.request('/right')).text()).toBe('function')
    expect((await app.request('/wrong')).status).toBe(500)
    expect(`${errors[0]}`).toMatch(/ as /)
  })

  it.each(['', 'a b', '9a', 'a-b', 7, null, {}])('the name %j is refused at once', (as) => {
    expect(() => session(main, { as: as as never })).toThrow(SessionOptionsError)
  })

  it('an unknown option is refused at once', () => {
    expect(() => session(main, { at: 'oauth' } as never)).toThrow(/unknown option of session: at/)
  })
})

describe('where one of two is refused', () => {
  const twice = async () => {
    const built = createApp()
    const user = visitor(built.app)
    await user.request('/oauth/begin')
    await user.request('/oauth/back')
    await user.request('/oauth/begin')
    return { ...built, user }
  }

  it('the inner one, nothing of the outer is stored either: a 409 says so', async () => {
    const { user, rival, app } = await twice()
    const cookie = user.cookie as string
    rival.work = async () => {
      const changed = await app.request('/oauth/begin', { headers: { Cookie: cookie } })
      expect(changed.status).toBe(200)
      await app.request('/oauth/back', { headers: { Cookie: cookie } })
    }
    const answer = await user.request('/oauth/race')
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([409, []])
  })

  it('the outer one, the cookie that the inner has sent is not lost (G9)', async () => {
    const { user, rival, app } = await twice()
    const cookie = user.cookie as string
    const only = (name: string) => cookie.split('; ').filter((pair) => pair.startsWith(name))
    rival.work = async () => {
      rival.work = async () => {}
      const headers = { Cookie: only('__Host-sid').join('; ') }
      expect((await app.request('/oauth/race', { headers })).status).toBe(200)
    }
    const answer = await user.request('/oauth/race')
    expect(answer.status).toBe(409)
    expect(answer.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-oauth/)])
    expect(answer.headers.get('Cache-Control')).toContain('no-store')
  })
})
