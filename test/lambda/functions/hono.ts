import { Hono } from 'hono'
import { handle } from 'hono/aws-lambda'
import { memcachedStore } from '../../../adapters/stores/memcached/index.ts'
import { type SessionEnv, session } from '../../../src/hono.ts'

const store = memcachedStore({ servers: [process.env.MEMCACHED_SERVERS ?? ''] })
const app = new Hono<SessionEnv<{ userId: string }>>()
app.use(session({ store, secret: process.env.SESSION_SECRET }))
app.get('/login/:user', (c) => {
  c.var.session.regenerate({ reauthenticated: true })
  c.var.session.set('userId', c.req.param('user'))
  return c.text(c.req.param('user'))
})
app.get('/who', async (c) => c.text((await c.var.session.get('userId')) ?? 'nobody'))
app.get('/logout', (c) => {
  c.var.session.destroy()
  return c.text('out')
})

export const handler: ReturnType<typeof handle> = handle(app)
