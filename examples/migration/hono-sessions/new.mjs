import { serve } from '@hono/node-server'
import { session } from 'claimcheck/hono'
import { fromHonoSessions } from 'claimcheck/legacy'
import { memcachedStore } from 'claimcheck/memcached'
import { Hono } from 'hono'

const app = new Hono()
app.use(
  '*',
  session({
    store: memcachedStore({ servers: [process.env.MEMCACHED_SERVERS] }),
    secret: process.env.SESSION_SECRET,
    legacy: fromHonoSessions({ encryptionKey: process.env.OLD_SESSION_SECRET }),
  }),
)
app.get('/', async (c) => {
  const { session } = c.var
  const [user = null, cart = [], notice = null] = [
    await session.get('user'),
    await session.get('cart'),
    await session.pull('notice'),
  ]
  return c.json({ user, cart, notice })
})
app.post('/login', async (c) => {
  const { name } = await c.req.parseBody()
  c.var.session.regenerate({ reauthenticated: true })
  c.var.session.set('user', name)
  return c.text('welcome')
})
app.post('/cart/:item', async (c) => {
  const { session } = c.var
  await session.update('cart', (cart = []) => [...cart, c.req.param('item')])
  session.set('notice', 'added')
  return c.text('added')
})
app.post('/logout', (c) => {
  c.var.session.destroy()
  return c.text('bye')
})
serve({ fetch: app.fetch, port: Number(process.env.PORT) })
