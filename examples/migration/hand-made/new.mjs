import { serve } from '@hono/node-server'
import { session } from 'claimcheck/hono'
import { legacySessions } from 'claimcheck/legacy'
import { redisStore } from 'claimcheck/redis'
import { Hono } from 'hono'
import { parseSigned } from 'hono/utils/cookie'
import { createClient } from 'redis'

const redis = await createClient({ url: process.env.REDIS_URL }).connect()
const secret = process.env.OLD_SESSION_SECRET

const legacy = legacySessions({
  name: 'shop',
  cookieNames: ['shop'],
  async verify(value) {
    const { shop: id } = await parseSigned(`shop=${value}`, secret)
    return id ? { id } : undefined
  },
  read: async ({ id }) => JSON.parse((await redis.get(`shop:${id}`)) ?? '{}'),
  remove: ({ id }) => redis.del(`shop:${id}`),
})

const app = new Hono()
app.use('*', session({ store: redisStore({ client: redis }), secret: process.env.SESSION_SECRET, legacy }))
app.get('/', async (c) => {
  const { user = null, cart = [] } = await c.var.session.all()
  return c.json({ user, cart })
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
  return c.text('added')
})
app.post('/logout', (c) => {
  c.var.session.destroy()
  return c.text('bye')
})
serve({ fetch: app.fetch, port: Number(process.env.PORT) })
