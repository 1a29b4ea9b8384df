import { inspect } from 'node:util'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkSecrets, deriveKeys } from '../../src/crypto/keys.ts'
import { SessionConflictError } from '../../src/errors.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { createSessions } from '../../src/sessions.ts'
import { type Agent, type Any, agent, kit, secret, tokenOf } from '../support/app.ts'
import { facesOf, foundIn, ofCookies, ofTexts, show } from '../support/canaries.ts'
import { forge } from '../support/forge.ts'
import { wrapStore } from '../support/stores.ts'
import { startSdk } from '../support/telemetry.ts'

const canary = 'DATA-CANARY-4711'
const subject = 'SUBJECT-CANARY-alice'

/** Everything that a process writes, kept from the terminal. */
function capture() {
  const lines: string[] = []
  const streams = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }))
  const methods = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => ({ name, method: console[name] }))
  for (const { stream } of streams) {
    stream.write = ((chunk: unknown) => {
      lines.push(String(chunk))
      return true
    }) as typeof stream.write
  }
  for (const { name } of methods)
    console[name] = (...values) => void lines.push(values.map((v) => inspect(v, show)).join())
  return {
    lines,
    stop() {
      for (const { stream, write } of streams) stream.write = write
      for (const { name, method } of methods) console[name] = method
    },
  }
}

/** What serializing a thing gives, or says: a session refuses it. */
function jsonOf(thing: unknown): string {
  try {
    return `${JSON.stringify(thing)}`
  } catch (error) {
    return String(error)
  }
}

/** All that could tell somebody the session: the token and its parts, the id in every spelling, keys, data, whose it is. */
const wordsOf = (cookies: ReadonlySet<string>): ReadonlyMap<string, string> =>
  new Map([...ofTexts({ secret, canary, subject }), ...ofCookies(cookies)])

describe('leaks', () => {
  let output: ReturnType<typeof capture>
  beforeEach(() => {
    output = capture()
  })
  afterEach(() => output.stop())

  it('D24, D25: no event, span, metric, error, response body or output ever holds a token, id, secret or value', async () => {
    const test = kit({ requestMs: 60, budgetBytes: 1 })
    const sdk = startSdk({ store: test.store })
    let buggy = false
    const store = wrapStore(test.store, async ({ apply }) => {
      if (buggy) throw new TypeError('a bug of the store')
      return await apply()
    })
    const rivals = createSessions<Any>(test.options)
    const errors: unknown[] = []
    const bodies: string[] = []
    const cookies = new Set<string>()
    const app = new Hono<SessionEnv<Any>>()
    // Twice: Hono's own error handler prints what it gets, a handler of the application gets it whole.
    app.use(session({ ...test.options, store }))
    app.post('/login', (c) => {
      c.var.session.regenerate({ reauthenticated: true, subject })
      c.var.session.set('user', canary)
      return c.text('in')
    })
    app.post('/set', (c) => {
      c.var.session.set('note', `${canary} ${Math.random()}`)
      return c.text('set')
    })
    app.get('/read', async (c) => c.text(typeof (await c.var.session.get('user'))))
    app.post('/take', async (c) => {
      await c.var.session.pull('user')
      const rival = rivals.open(c.req.header('Cookie'))
      rival.session.set('user', `${canary} of another request`)
      await rival.commit()
      return c.text('taken')
    })
    app.post('/big', (c) => {
      c.var.session.set('big', canary.repeat(9000))
      return c.text('no')
    })
    app.post('/bad', (c) => {
      c.var.session.set('bad', { inner: [canary, () => canary] } as never)
      return c.text('no')
    })
    app.post('/fail', async (c) => {
      c.var.session.set('user', 'half')
      await c.var.session.get('user')
      throw new Error('a bug of the application')
    })
    app.post('/logout', (c) => {
      c.var.session.destroy()
      c.var.session.set('late', canary)
      return c.text('no')
    })
    const handled = new Hono().route('/', app).onError((error, c) => {
      errors.push(error)
      return error instanceof HTTPException ? error.getResponse() : c.text('fixed text', 500)
    })
    const statuses: number[] = []
    const send = async (user: Agent, path: string, method = 'POST') => {
      const response = await user.request(path, { method })
      bodies.push(await response.text())
      statuses.push(response.status)
      if (user.cookie !== undefined) cookies.add(user.cookie)
    }
    for (const target of [app, handled]) {
      const user = agent(target as never)
      await send(user, '/login')
      await send(user, '/read', 'GET')
      await send(user, '/set')
      for (const path of ['/big', '/bad', '/fail', '/logout']) await send(user, path)
      await send(user, '/login')
      await send(user, '/take')
      for (const fault of ['throw', 'hang', 'garbage', 'applied-then-throw'] as const) {
        test.failing.always(fault)
        for (const path of ['/set', '/login', '/take', '/logout']) await send(user, path)
        await send(user, '/read', 'GET')
      }
      test.failing.always(undefined)
      await send(user, '/login')
      buggy = true
      await send(user, '/read', 'GET')
      buggy = false
      const token = tokenOf(user.cookie)
      for (const bad of [`${token}x`, token.slice(0, -4), `x${token}`, token.replace('.', '..'), '%', ''])
        await send(agent(target as never, `__Host-sid=${bad || token.slice(0, 60)}`), '/read', 'GET').catch(() => {})
      const forged = await forge(test.clock.now())
      await forged.put(test.memory, await forged.seal(`not json: ${canary}`))
      await send(agent(target as never, forged.cookie), '/read', 'GET')
      cookies.add(forged.cookie)
    }
    const broken = [...cookies].filter((cookie) => tokenOf(cookie).split('.').length === 3)
    const valid = new Set(broken.filter((cookie) => !/[%]|^__Host-sid=x|\.\./.test(cookie)))
    const told = [inspect(sdk.spans(), show), inspect(await sdk.metrics(), show), await sdk.prometheus()]
    expect(sdk.spans().length).toBeGreaterThan(50)
    sdk.stop()
    output.stop()
    const haystack = [
      ...test.events.flatMap((event) => [inspect(event, show), JSON.stringify(event)]),
      ...told,
      ...errors.flatMap(facesOf),
      ...bodies,
      ...output.lines,
    ].join('\n')
    const types = new Set(test.events.map(({ type }) => type))
    for (const type of ['load', 'commit', 'large', 'bad-token', 'unavailable', 'corrupt'] as const)
      expect(types).toContain(type)
    expect(new Set(statuses)).toEqual(new Set([200, 409, 413, 500, 503]))
    expect(errors.length).toBeGreaterThan(15)
    expect(output.lines.join()).toContain('a bug of the application')
    expect(valid.size).toBeGreaterThan(5)
    expect([...valid].some((cookie) => ofCookies([cookie]).has('name of the subject (0)'))).toBe(true)
    expect(foundIn(haystack, wordsOf(valid))).toEqual([])
    const fixed = [
      'in',
      'set',
      'string',
      'undefined',
      'Conflict',
      'Content Too Large',
      'Service Unavailable',
      'fixed text',
    ]
    expect(new Set(bodies)).toEqual(new Set([...fixed, 'Internal Server Error']))
  })

  it('D26: looking at a session, middleware, store or key ring shows no secret, id or value', async () => {
    const test = kit()
    const middleware = session(test.options)
    const user = test.browser()
    await user.visit((one) => one.set('user', canary))
    const opened = test.sessions.open(user.cookie)
    await opened.session.get('user')
    opened.session.set('more', canary)
    const ring = await deriveKeys(checkSecrets(secret), '__Host-sid')
    const conflict = new SessionConflictError('x')
    const things = { opened, middleware, sessions: test.sessions, memory: test.memory, ring, conflict }
    const words = wordsOf(new Set([user.cookie as string]))
    for (const [name, thing] of Object.entries(things)) {
      const faces = [
        inspect(thing, show),
        String(thing),
        jsonOf(thing),
        inspect(Object.getOwnPropertyDescriptors(thing), show),
      ]
      expect([name, foundIn(faces.join('\n'), words)]).toEqual([name, []])
    }
    expect(() => JSON.stringify(opened.session)).toThrow('all()')
    expect([Object.keys(opened.session), String(opened.session)]).toEqual([[], '[object Object]'])
    expect(opened.session.ref).toMatch(/^[A-Za-z0-9_-]{8}$/)
    expect(createSessions(test.options)).not.toHaveProperty('settings')
  })
})
