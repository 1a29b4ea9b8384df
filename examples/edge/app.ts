/**
 * The container behind the Worker: an ordinary application on Node with its sessions in memcached.
 *
 *     MEMCACHED_SERVERS=127.0.0.1:11211 SESSION_SECRET=... node examples/edge/app.ts
 *
 * It needs nothing of the Worker but the two headers that say under which address the browser sees it.
 */
import { serve } from '@hono/node-server'
import { type SessionEnv, session } from 'claimcheck/hono'
import { memcachedStore } from 'claimcheck/memcached'
import { type Context, Hono } from 'hono'
import { csrf } from 'hono/csrf'

type Data = { name: string; bag: string[] }

const { MEMCACHED_SERVERS = '127.0.0.1:11211', SESSION_SECRET, PORT = '3000', HOST = '127.0.0.1' } = process.env
const store = memcachedStore({ servers: MEMCACHED_SERVERS.split(',') })

const app = new Hono<SessionEnv<Data>>()
app.use(csrf({ origin: (origin, c) => origin === publicOrigin(c) }))
app.use(session({ store, secret: SESSION_SECRET }))
app.get('/', async (c) => c.json(await c.var.session.all()))
app.get('/account', async (c) => {
  const name = await c.var.session.get('name')
  return name === undefined ? c.text('Please log in first.', 401) : c.json({ name })
})
app.post('/login', async (c) => {
  const { name } = await c.req.parseBody()
  if (typeof name !== 'string' || name === '') return c.text('Please give a name.', 400)
  c.var.session.regenerate({ reauthenticated: true })
  c.var.session.set('name', name)
  return c.redirect('/', 303)
})
app.post('/bag/:item', async (c) => {
  await c.var.session.update('bag', (bag = []) => [...bag, c.req.param('item')])
  return c.redirect('/', 303)
})
app.post('/logout', (c) => {
  c.var.session.destroy()
  return c.redirect('/', 303)
})

/** As the browser sees it. A page of another site cannot make a browser send these headers. */
function publicOrigin(c: Context): string {
  const own = new URL(c.req.url)
  return `${c.req.header('X-Forwarded-Proto') ?? own.protocol.slice(0, -1)}://${c.req.header('X-Forwarded-Host') ?? own.host}`
}

const server = serve({ fetch: app.fetch, port: Number(PORT), hostname: HOST })
process.once('SIGTERM', () => server.close(() => void store.close?.()))
