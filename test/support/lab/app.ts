import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { type SessionEnv, session } from '../../../src/hono.ts'
import type { SessionEvent, Store } from '../../../src/index.ts'
import { requestMs } from './busy.ts'

/** What every session of the lab holds. */
export interface LabData {
  /** The user and login that the session was made for: another's would show. */
  readonly owner: string
  readonly list: readonly number[]
  readonly padding?: string
}

/** The options that matter here; all else is as the library has it. */
export interface LabAppOptions {
  readonly namespace: string
  readonly idleSeconds?: number | undefined
  readonly requestMs?: number | undefined
  readonly now?: (() => number) | undefined
}

export type LabApp = Hono<SessionEnv<LabData>>

/** A small application: its routes are the operations of a history. */
export function buildLabApp(store: Store, options: LabAppOptions, onEvent?: (event: SessionEvent) => void): LabApp {
  const app: LabApp = new Hono<SessionEnv<LabData>>()
  const secret = 'the secret of the fault laboratory: 0123456789'
  app.use(session({ store, secret, cookie: { insecure: true }, onEvent, requestMs: requestMs(), ...options }))

  // Hono's own handler prints each error that is no response: hundreds a second in an outage.
  app.onError((error) =>
    error instanceof HTTPException ? error.getResponse() : new Response('failed', { status: 500 }),
  )

  app.get('/read', async (c) => {
    const { owner, list } = await c.var.session.all()
    return c.json({ owner, list })
  })
  // As applications do: whoever is not logged in changes nothing, so that a lost session does not begin anew unseen.
  app.post('/append/:item', async (c) => {
    if ((await c.var.session.get('owner')) === undefined) throw new HTTPException(401)
    await c.var.session.update('list', (list = []) => [...list, Number(c.req.param('item'))])
    return c.text('appended')
  })
  // Between the load and the commit lies what the handler does: here so many ms.
  app.post('/slow-append/:item/:ms', async (c) => {
    if ((await c.var.session.get('owner')) === undefined) throw new HTTPException(401)
    await new Promise((wake) => setTimeout(wake, Number(c.req.param('ms'))))
    await c.var.session.update('list', (list = []) => [...list, Number(c.req.param('item'))])
    return c.text('appended')
  })
  app.post('/login/:owner', (c) => {
    const { session } = c.var
    session.regenerate({ keep: [], reauthenticated: true })
    session.set('owner', c.req.param('owner'))
    session.set('list', [])
    return c.text('in')
  })
  app.post('/pad/:bytes', (c) => {
    c.var.session.set('padding', 'x'.repeat(Number(c.req.param('bytes'))))
    return c.text('padded')
  })
  app.post('/logout', (c) => {
    c.var.session.destroy()
    return c.text('out')
  })
  return app
}
