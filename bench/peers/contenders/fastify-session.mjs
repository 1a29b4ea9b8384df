import cookie from '@fastify/cookie'
import session from '@fastify/session'
import { RedisStore } from 'connect-redis'
import Fastify from 'fastify'
import { createClient } from 'redis'

export async function start(_, { port, redis }) {
  const client = createClient({ url: `redis://127.0.0.1:${redis}` })
  const store = new RedisStore({ client: await client.connect() })
  const app = Fastify()
  app.register(cookie)
  app.register(session, {
    store,
    secret: 'a benchmark needs no better secret than this',
    saveUninitialized: false,
    cookieName: 'sid',
    cookie: { secure: false, maxAge: 3_600_000 },
  })
  app.get('/untouched', async () => 'ok')
  app.get('/seed', async ({ session, query }) => {
    session.set('text', 'x'.repeat(Number(query.bytes)))
    session.set('count', 0)
    return 'ok'
  })
  app.get('/read', async ({ session }) => String(session.get('text')?.length))
  app.get('/change', async ({ session }) => {
    session.set('count', (session.get('count') ?? 0) + 1)
    return 'ok'
  })
  app.get('/login', async ({ session }) => {
    await session.regenerate(['text', 'count', 'list'])
    session.set('user', 'alice')
    return 'ok'
  })
  app.get('/logout', async ({ session }) => {
    await session.destroy()
    return 'ok'
  })
  app.get('/append/:item', async ({ session, params }) => {
    session.set('list', [...(session.get('list') ?? []), params.item])
    return 'ok'
  })
  app.get('/list', async ({ session }) => session.get('list') ?? [])
  app.get('/slow/:ms', async ({ session, params }) => {
    await new Promise((wake) => setTimeout(wake, Number(params.ms)))
    session.set('list', [...(session.get('list') ?? []), 'slow'])
    return 'ok'
  })
  await app.listen({ port, host: '127.0.0.1' })
}
