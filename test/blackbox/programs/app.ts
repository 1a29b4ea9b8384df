import type { Session, SessionOptions } from 'claimcheck'
import { type SessionEnv, session } from 'claimcheck/hono'
import { type Context, Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { self } from './self.ts'

/** What the sessions hold: who, and where they have been. */
export interface Data {
  user: string
  places: string[]
}

/** Options, or how to get them from bindings. */
export type Options = SessionOptions | ((c: Context) => SessionOptions)

const { name, version } = self()

/** One small shop per store, each below the name of its store. `details` is what else there is to say about the runtime. */
export function buildApp(stores: Readonly<Record<string, Options>>, details: object = {}): Hono {
  const app = new Hono()
  app.get('/about', (c) => c.json({ name, version, ...details }))
  for (const [path, options] of Object.entries(stores)) app.route(`/${path}`, shop(options))
  app.onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.text(error.message, 500)))
  return app
}

function shop(options: Options): Hono<SessionEnv<Data>> {
  const app = new Hono<SessionEnv<Data>>()
  app.use(session(options as SessionOptions))
  app.get('/', async (c) => c.json(await c.var.session.all()))
  app.post('/login/:user/:place', (c) => {
    logIn(c.var.session, c.req.param('user'), c.req.param('place'))
    return c.text('in')
  })
  app.post('/append/:place', async (c) => {
    await append(c.var.session, c.req.param('place'))
    return c.text('appended')
  })
  app.post('/logout', (c) => {
    c.var.session.destroy()
    return c.text('out')
  })
  return app
}

/** A new session of this user, begun here. */
export function logIn(session: Session<Data>, user: string, place: string): void {
  session.regenerate({ keep: [], reauthenticated: true })
  session.set('user', user)
  session.set('places', [place])
}

export async function append(session: Session<Data>, place: string): Promise<void> {
  await session.update('places', (places = []) => [...places, place])
}
