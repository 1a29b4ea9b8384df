import { randomUUID } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie'
import { createClient } from 'redis'

const redis = await createClient({ url: process.env.REDIS_URL }).connect()
const secret = process.env.OLD_SESSION_SECRET

const app = new Hono()
app.use('*', async (c, next) => {
  const id = (await getSignedCookie(c, secret, 'shop')) || randomUUID()
  const session = JSON.parse((await redis.get(`shop:${id}`)) ?? '{}')
  c.set('session', session)
  await next()
  if (c.get('session') === null) {
    await redis.del(`shop:${id}`)
    return void deleteCookie(c, 'shop', { path: '/' })
  }
  await redis.set(`shop:${id}`, JSON.stringify(session), { EX: 86_400 })
  await setSignedCookie(c, 'shop', id, secret, { path: '/', httpOnly: true, maxAge: 86_400 })
})
app.get('/', (c) => {
  const { user = null, cart = [] } = c.get('session')
  return c.json({ user, cart })
})
app.post('/login', async (c) => {
  const { name } = await c.req.parseBody()
  c.get('session').user = name
  return c.text('welcome')
})
app.post('/cart/:item', (c) => {
  const session = c.get('session')
  session.cart = [...(session.cart ?? []), c.req.param('item')]
  return c.text('added')
})
app.post('/logout', (c) => {
  c.set('session', null)
  return c.text('bye')
})
serve({ fetch: app.fetch, port: Number(process.env.PORT) })
