import { HTTPException } from 'hono/http-exception'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  SessionConflictError,
  type SessionError,
  SessionGoneError,
  SessionUseError,
  SessionValueError,
  StoreUnavailableError,
} from '../../src/errors.ts'
import { createSessions } from '../../src/sessions.ts'
import { type Any, agent, browser, kit, loggedIn } from '../support/app.ts'

/** An app whose every route is asked for by name, with all that reached `app.onError`. */
async function app(options: Parameters<typeof kit>[0] = {}) {
  const made = await loggedIn(kit(options))
  const errors: unknown[] = []
  made.app.onError((error, c) => {
    errors.push(error)
    return error instanceof HTTPException ? error.getResponse() : c.text('sorry', 500)
  })
  made.app.get('/set', (c) => {
    c.header('Cache-Control', 'public, max-age=3600')
    c.header('ETag', '"of-the-page"')
    c.var.session.set('cart', 1)
    return c.text('done')
  })
  made.app.get('/login-again', (c) => {
    c.var.session.regenerate()
    return c.text('done')
  })
  made.app.get('/logout', (c) => {
    c.var.session.destroy()
    return c.text('done')
  })
  made.app.get('/pull', async (c) => {
    await c.var.session.pull('user')
    await browser(rivals, c.req.header('Cookie')).visit((one) => one.set('user', 'bob'))
    return c.text('done')
  })
  made.app.get('/ended', async (c) => {
    made.test.clock.advance(1)
    await browser(rivals, c.req.header('Cookie')).visit((one) => one.destroy())
    c.var.session.set('cart', 1)
    return c.text('done')
  })
  /** Another process on the same store: inside one, commits of a session wait for each other. */
  const rivals = createSessions<Any>(made.test.options)
  return { ...made, errors }
}

const headersOf = (response: Response) => ({
  status: response.status,
  retry: response.headers.get('Retry-After'),
  cookies: response.headers.getSetCookie(),
})

afterEach(() => vi.restoreAllMocks())

describe('errors become HTTP', () => {
  it('a conflict is HTTPException 409, the typed error its cause, once in app.onError', async () => {
    const { user, errors } = await app()
    const response = await user.request('/pull')
    expect(headersOf(response)).toEqual({ status: 409, retry: null, cookies: [] })
    expect(await response.text()).toBe('Conflict')
    expect(errors).toHaveLength(1)
    expect(errors[0]).toBeInstanceOf(HTTPException)
    expect((errors[0] as HTTPException).cause).toBeInstanceOf(SessionConflictError)
  })

  it('an ended session is HTTPException 409 and no cookie', async () => {
    const { user, errors, test } = await app()
    const response = await user.request('/ended')
    expect(headersOf(response)).toEqual({ status: 409, retry: '5', cookies: [] })
    expect((errors[0] as HTTPException).cause).toBeInstanceOf(SessionGoneError)
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'gone' }))
  })

  it.each(['/set', '/login-again', '/logout', '/who'])(
    'E14: an outage on %s is 503 with Retry-After and no cookie',
    async (path) => {
      const { user, errors, test, app: hono } = await app()
      const before = user.cookie
      test.failing.always('throw')
      const response = await user.request(path)
      expect(headersOf(response)).toEqual({ status: 503, retry: '1', cookies: [] })
      expect(await response.text()).toBe('Service Unavailable')
      const last = errors.at(-1) as HTTPException
      expect([last.constructor, (last.cause as Error).constructor]).toEqual([HTTPException, StoreUnavailableError])
      test.failing.always(undefined)
      expect(await (await agent(hono, before).request('/who')).text()).toBe('alice')
    },
  )

  it('E14: nothing the page said about caching stays on the 503', async () => {
    const { user, test } = await app()
    test.failing.always('throw')
    const { headers } = await user.request('/set')
    expect([headers.get('Cache-Control'), headers.get('ETag')]).toEqual(['private, no-store', null])
  })

  it('without app.onError too: fixed text, Retry-After, nothing printed for what only the commit met', async () => {
    const { app: hono, user, test } = await loggedIn()
    hono.get('/set', (c) => {
      c.var.session.set('cart', 1)
      return c.text('done')
    })
    const printed = vi.spyOn(console, 'error').mockImplementation(() => {})
    test.failing.always('throw')
    for (const path of ['/set', '/who']) {
      const response = await user.request(path)
      expect([response.status, await response.text()]).toEqual([503, 'Service Unavailable'])
      expect([response.headers.get('Retry-After'), response.headers.get('Cache-Control')]).toEqual([
        '1',
        'private, no-store',
      ])
    }
    expect(printed.mock.calls.length).toBeLessThanOrEqual(1)
  })

  it('misuse and values that cannot be stored stay themselves: 500 for a bug', async () => {
    const { app: hono, user, errors } = await app()
    hono.get('/value', (c) => {
      c.var.session.set('bad', 1n as never)
      return c.text('x')
    })
    hono.get('/late', (c) => {
      c.var.session.destroy()
      c.var.session.set('bad', 1)
      return c.text('x')
    })
    for (const path of ['/value', '/late']) expect((await user.request(path)).status).toBe(500)
    expect(errors.map((error) => (error as SessionError).constructor)).toEqual([SessionValueError, SessionUseError])
    expect(errors.map((error) => (error as SessionError).code)).toEqual(['invalid-value', 'invalid-use'])
  })

  it('a session that is too large at the commit is 413 with its cause, and the old one stays (F24)', async () => {
    const { app: hono, user, errors, test } = await app()
    hono.get('/big', (c) => {
      c.header('Cache-Control', 'public')
      c.var.session.set('big', 'x'.repeat(70_000))
      return c.text('x')
    })
    const response = await user.request('/big')
    expect(headersOf(response)).toEqual({ status: 413, retry: null, cookies: [] })
    expect([await response.text(), response.headers.get('Cache-Control')]).toEqual([
      'Content Too Large',
      'private, no-store',
    ])
    const error = errors[0] as HTTPException
    expect([errors.length, error.status]).toEqual([1, 413])
    expect(error.cause).toBeInstanceOf(SessionValueError)
    expect(error.cause).toMatchObject({
      code: 'too-large',
      status: 413,
      message: expect.stringContaining('big (70002)'),
    })
    const message = expect.stringContaining('big (70002)')
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'too-large', message }))
    expect(await (await user.request('/who')).text()).toBe('alice')
  })

  it.each(['__proto__', 'deep'])(
    'what a client sent and cannot be stored is told by `code` in onError: %s (F24)',
    async (what) => {
      const made = await loggedIn()
      made.app.onError((error, c) => {
        const isTheirs = 'code' in error && error.code === 'invalid-value'
        return c.text(isTheirs ? error.message : 'sorry', isTheirs ? 422 : 500)
      })
      made.app.post('/profile', async (c) => {
        c.var.session.set('profile', await c.req.json())
        return c.text('done')
      })
      const body = what === 'deep' ? `${'['.repeat(40)}${']'.repeat(40)}` : '{"__proto__":{"isAdmin":true}}'
      const response = await made.user.request('/profile', { method: 'POST', body })
      expect([response.status, await response.text()]).toEqual([422, expect.stringContaining('session value profile')])
    },
  )

  it('E12: a rejected non-Error is rethrown as it is, its changes are dropped, the next request is fine', async () => {
    const { app: hono, user } = await app()
    const thrown: unknown = { not: 'an error' }
    for (const [path, reason] of [
      ['/x', 'x'],
      ['/nothing', undefined],
      ['/object', thrown],
    ] as const) {
      hono.get(path, (c) => {
        c.var.session.set('user', 'mallory')
        return Promise.reject(reason)
      })
    }
    for (const [path, reason] of [
      ['/x', 'x'],
      ['/nothing', undefined],
      ['/object', thrown],
    ] as const) {
      const outcome = await user.request(path).then(
        () => expect.fail('answered'),
        (error: unknown) => ({ error }),
      )
      expect(outcome.error).toBe(reason)
    }
    expect(await (await user.request('/who')).text()).toBe('alice')
  })
})

describe('outages are no logouts (G7)', () => {
  it.each(['throw', 'hang', 'garbage'] as const)(
    'E15, E16: a store that says "%s" is not an empty session',
    async (fault) => {
      const { app: hono, user, test } = await app({ requestMs: 40 })
      const seen: unknown[] = []
      hono.get('/guarded', async (c) => {
        seen.push(await c.var.session.get('user').catch((error: unknown) => error))
        return c.text(seen.at(-1) === undefined ? 'log in' : 'x')
      })
      const { cookie } = user
      test.failing.always(fault)
      for (const path of ['/who', '/guarded', '/set', '/login-again'])
        expect((await user.request(path)).status, path).not.toBe(500)
      expect((await user.request('/who')).status).toBe(503)
      expect(seen[0]).toBeInstanceOf(StoreUnavailableError)
      test.failing.always(undefined)
      expect(user.cookie).toBe(cookie)
      expect(await (await user.request('/who')).text()).toBe('alice')
    },
  )

  it('E15, E16: under `anonymous` reads are undefined, writes throw, no cookie is sent; then the old one works again', async () => {
    const { app: hono, user, test } = await app({ onUnavailable: 'anonymous' })
    hono.get('/look', async (c) => {
      const { session } = c.var
      const looks = [
        await session.get('user'),
        await session.has('user'),
        await session.all(),
        await session.get('user'),
      ]
      const writes = [() => session.set('user', 'x'), () => session.clear(), () => session.regenerate()]
      const thrown = writes.map((write) => {
        try {
          return write()
        } catch (error) {
          return error
        }
      })
      const later = await Promise.all(
        [session.update('user', () => 'x'), session.pull('user')].map((one) => one.catch((error: unknown) => error)),
      )
      return c.json({ looks, errors: [...thrown, ...later].map((error) => error instanceof StoreUnavailableError) })
    })
    const { cookie } = user
    test.failing.always('throw')
    const looked = await user.request('/look')
    expect(headersOf(looked)).toEqual({ status: 200, retry: null, cookies: [] })
    expect(await looked.json()).toEqual({ looks: [null, false, {}, null], errors: [true, true, true, true, true] })
    expect(headersOf(await user.request('/set'))).toEqual({ status: 503, retry: '1', cookies: [] })
    expect(headersOf(await user.request('/logout'))).toEqual({ status: 503, retry: '1', cookies: [] })
    expect(await (await user.request('/who')).text()).toBe('undefined')
    test.failing.always(undefined)
    expect(user.cookie).toBe(cookie)
    expect(await (await user.request('/who')).text()).toBe('alice')
  })

  it('E15: without a cookie an outage concerns only who writes', async () => {
    const { app: hono, test } = await app()
    test.failing.always('throw')
    expect(await (await hono.request('/who')).text()).toBe('undefined')
    expect(headersOf(await hono.request('/set'))).toEqual({ status: 503, retry: '1', cookies: [] })
    expect(test.memory.size).toBe(1)
  })
})
