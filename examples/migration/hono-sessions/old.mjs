import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { CookieStore, sessionMiddleware } from 'hono-sessions'

const app = new Hono()
app.use(
  '*',
  sessionMiddleware({
    store: new CookieStore(),
    encryptionKey: process.env.OLD_SESSION_SECRET,
    expireAfterSeconds: 86_400,
    cookieOptions: { path: '/', httpOnly: true },
  }),
)
app.get('/', (c) => {
  const session = c.get('session')
  return c.json({ user: session.get('user'), cart: session.get('cart') ?? [], notice: session.get('notice') })
})
app.post('/login', async (c) => {
  const { name } = await c.req.parseBody()
  c.set('session_key_rotation', true)
  c.get('session').set('user', name)
  return c.text('welcome')
})
app.post('/cart/:item', (c) => {
  const session = c.get('session')
  session.set('cart', [...(session.get('cart') ?? []), c.req.param('item')])
  session.flash('notice', 'added')
  return c.text('added')
})
app.post('/logout', (c) => {
  c.get('session').deleteSession()
  return c.text('bye')
})
serve({ fetch: app.fetch, port: Number(process.env.PORT) })
