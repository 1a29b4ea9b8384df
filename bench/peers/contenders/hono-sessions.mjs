import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { MemoryStore, sessionMiddleware } from 'hono-sessions'

export function start(_, { port }) {
  const app = new Hono()
  app.use(
    sessionMiddleware({
      store: new MemoryStore(),
      encryptionKey: 'a benchmark needs no better secret than this',
      expireAfterSeconds: 3600,
      cookieOptions: { path: '/', httpOnly: true, sameSite: 'Lax' },
    }),
  )
  const session = (c) => c.get('session')
  app.get('/untouched', (c) => c.text('ok'))
  app.get('/seed', (c) => {
    session(c).set('text', 'x'.repeat(Number(c.req.query('bytes'))))
    session(c).set('count', 0)
    return c.text('ok')
  })
  app.get('/read', (c) => c.text(String(session(c).get('text')?.length)))
  app.get('/change', (c) => {
    session(c).set('count', (session(c).get('count') ?? 0) + 1)
    return c.text('ok')
  })
  app.get('/login', (c) => {
    c.set('session_key_rotation', true)
    session(c).set('user', 'alice')
    return c.text('ok')
  })
  app.get('/logout', (c) => {
    session(c).deleteSession()
    return c.text('ok')
  })
  app.get('/append/:item', (c) => {
    session(c).set('list', [...(session(c).get('list') ?? []), c.req.param('item')])
    return c.text('ok')
  })
  app.get('/list', (c) => c.json(session(c).get('list') ?? []))
  app.get('/slow/:ms', async (c) => {
    const list = session(c).get('list') ?? []
    await new Promise((wake) => setTimeout(wake, Number(c.req.param('ms'))))
    session(c).set('list', [...list, 'slow'])
    return c.text('ok')
  })
  serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
}
