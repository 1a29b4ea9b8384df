import { serve } from '@hono/node-server'
import { session } from 'claimcheck/hono'
import { fromPhp } from 'claimcheck/legacy'
import { memcachedStore } from 'claimcheck/memcached'
import { Hono } from 'hono'

const servers = [process.env.MEMCACHED_SERVERS]
const sessionsOfPhp = memcachedStore({ servers, replicas: 1, hash: 'php_sessions' })

const app = new Hono()
app.use(
  '*',
  session({
    store: memcachedStore({ servers }),
    secret: process.env.SESSION_SECRET,
    legacy: fromPhp({ handler: 'memcached', store: sessionsOfPhp }),
  }),
)
app.get('/', async (c) => {
  const { user, cart = [] } = await c.var.session.all()
  return c.json({ user: user?.name ?? null, cart })
})
app.post('/login', async (c) => {
  const { name } = await c.req.parseBody()
  c.var.session.regenerate({ reauthenticated: true })
  c.var.session.set('user', { name })
  return c.text('welcome')
})
app.post('/cart/:item', async (c) => {
  await c.var.session.update('cart', (cart = []) => [...cart, c.req.param('item')])
  return c.text('added')
})
app.post('/logout', (c) => {
  c.var.session.destroy()
  return c.text('bye')
})
serve({ fetch: app.fetch, port: Number(process.env.PORT) })
