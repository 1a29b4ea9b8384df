import { serve } from '@hono/node-server'
import { Hono } from 'hono'

/** Hono alone, or with a middleware that does nothing: what is left of a request without sessions. */
export function start(variant, { port }) {
  const app = new Hono()
  if (variant === 'empty') app.use((_, next) => next())
  for (const path of ['/untouched', '/read', '/change', '/login', '/logout']) app.get(path, (c) => c.text('ok'))
  app.get('/seed', (c) => {
    c.header('Set-Cookie', `sid=${'x'.repeat(250)}; Path=/; HttpOnly`)
    return c.text('ok')
  })
  serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
}
