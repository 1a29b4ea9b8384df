import { Hono } from 'hono'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { SessionOptions } from '../../src/options.ts'
import { type Any, agent, kit, secret } from '../support/app.ts'

const store = memoryStore()

afterEach(() => vi.unstubAllGlobals())

describe('options in the middleware', () => {
  type Bound = SessionEnv<Any> & { Bindings: { NAME: string } }

  /** Counts how often the options are asked for, over requests with these envs. */
  async function builds(envs: readonly object[]): Promise<number> {
    const { options } = kit()
    let count = 0
    const app = new Hono<Bound>()
    app.use(session<Bound>((c) => ({ ...options, namespace: `n-${typeof c.env}-${++count}` })))
    app.get('/', async (c) => c.text(`${await c.var.session.get('user')}`))
    for (const env of envs) expect((await app.request('/', {}, env)).status).toBe(200)
    return count
  }

  it('a function is built once per process, whatever env a platform passes with each request', async () => {
    expect(await builds([{ NAME: 'a' }, { NAME: 'b' }, { NAME: 'c' }])).toBe(1)
  })

  it('on workerd once per env object', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    const [a, b] = [{ NAME: 'a' }, { NAME: 'b' }]
    expect(await builds([a, b, a, b, a])).toBe(2)
  })

  it('a function that gives bad options is a 500 that names the option, on every request, and never runs unsigned', async () => {
    const errors: unknown[] = []
    const app = new Hono<SessionEnv<Any>>()
    app.use(session(() => ({ store, secret: undefined })))
    app.get('/', (c) => c.text('reached'))
    app.onError((error, c) => {
      errors.push(error)
      return c.text('sorry', 500)
    })
    for (const _ of [1, 2]) expect(await (await app.request('/')).text()).toBe('sorry')
    for (const error of errors) expect(error).toBeInstanceOf(SessionOptionsError)
    expect(errors).toHaveLength(2)
  })

  it.each<[string, Partial<SessionOptions>]>([
    ['store', { store: memoryStore() }],
    ['secret', { secret: [secret, 'ANOTHER-SECRET-h7Gd2kLs9QpWmZx4vB6nR1tYc8'] }],
    ['namespace', { namespace: 'other' }],
    ['cookie', { cookie: { sameSite: 'Strict' } }],
    ['idleSeconds', { idleSeconds: 60 }],
    ['absoluteSeconds', { absoluteSeconds: 7200 }],
    ['maxBytes', { maxBytes: 100 }],
    ['requestMs', { requestMs: 100 }],
    ['onUnavailable', { onUnavailable: 'anonymous' }],
    ['onEvent', { onEvent: () => {} }],
    ['now', { now: () => Date.now() }],
  ])('mounted twice with another %s it throws; with equal options it is one', async (_, change) => {
    const { options } = kit()
    const outcome = async (second: SessionOptions) => {
      const app = new Hono<SessionEnv<Any>>()
      const errors: unknown[] = []
      app.use(session(options), session(second))
      app.get('/', (c) => {
        c.var.session.set('user', 'alice')
        return c.text('x')
      })
      app.onError((error, c) => {
        errors.push(error)
        return c.text('sorry', 500)
      })
      const response = await agent(app).request('/')
      return [response.status, response.headers.getSetCookie().length, errors[0]?.constructor]
    }
    expect(await outcome({ ...options, ...change })).toEqual([500, 0, SessionOptionsError])
    expect(await outcome({ ...options })).toEqual([200, 1, undefined])
    expect(await outcome({ ...options, idleSeconds: 1800, cookie: {}, requestMs: 500 })).toEqual([200, 1, undefined])
  })
})
