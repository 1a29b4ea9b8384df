import { Hono } from 'hono'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { SessionOptions, Store } from '../../src/index.ts'

/** What a server of these tests is told. */
export interface AppOptions {
  readonly namespace: string
  readonly idleSeconds?: number | undefined
  readonly lifetimes?: SessionOptions['lifetimes']
  readonly secret?: SessionOptions['secret']
  readonly refreshSeconds?: number | undefined
}

const sleep = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms))

/** A small application: every route is one way to use a session. */
export function buildApp(
  store: Store,
  {
    namespace,
    idleSeconds = 1800,
    lifetimes,
    secret = 'the secret of all server tests: 0123456789',
    refreshSeconds,
  }: AppOptions,
): Hono<SessionEnv<Record<string, unknown>>> {
  const app = new Hono<SessionEnv<Record<string, unknown>>>()
  // As patient as their stores: a busy machine is no outage.
  app.use(session({ store, secret, refreshSeconds, namespace, idleSeconds, lifetimes, requestMs: 60_000 }))
  app.get('/untouched', (c) => c.text('untouched'))
  app.get('/data', async (c) => c.json(await c.var.session.all()))
  app.post('/set/:key/:value', (c) => {
    c.var.session.set(c.req.param('key'), c.req.param('value'))
    return c.text('set')
  })
  app.post('/increment', async (c) => {
    await c.var.session.update('n', (n) => Number(n ?? 0) + 1)
    return c.text('incremented')
  })
  app.post('/append/:item', async (c) => {
    await c.var.session.update('list', (list) => [...((list as string[] | undefined) ?? []), c.req.param('item')])
    return c.text('appended')
  })
  app.post('/get-then-set', async (c) => {
    const n = Number((await c.var.session.get('n')) ?? 0)
    await sleep(5)
    c.var.session.set('n', n + 1)
    return c.text('set')
  })
  app.post('/pull', async (c) => c.text(String((await c.var.session.pull('token')) ?? '')))
  app.post('/slow-write/:ms', async (c) => {
    await c.var.session.get('userId')
    await sleep(Number(c.req.param('ms')))
    c.var.session.set('slow', true)
    return c.text('written')
  })
  app.post('/login', (c) => {
    c.var.session.regenerate({ reauthenticated: true })
    c.var.session.set('userId', 'u1')
    return c.text('in')
  })
  app.post('/login/:lifetime', (c) => {
    c.var.session.regenerate({ reauthenticated: true, lifetime: c.req.param('lifetime') })
    c.var.session.set('userId', 'u1')
    return c.text('in')
  })
  app.post('/logout', (c) => {
    c.var.session.destroy()
    return c.text('out')
  })
  return app
}
