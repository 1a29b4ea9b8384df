import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import Ioredis from 'ioredis'
import { createClient } from 'redis'
import { ours } from '../ours.mjs'

/** With telemetry on: metrics alone, and with spans of every tenth request, and of each. */
const telemetryShares = { metrics: 0, sampled: 0.1, spans: 1 }

/** One store per variant: `claimcheck-memory`, `-memcached`, `-binary`, `-copies`, `-redis`, `-ioredis`. */
async function storeOf(variant, { memcached, redis }) {
  const { memcachedStore } = await ours('./memcached')
  const servers = memcached.map((port) => `127.0.0.1:${port}`)
  if (variant === 'memory') return (await ours('./memory')).memoryStore({ maxEntries: 1_000_000 })
  if (variant === 'memcached' || variant in telemetryShares) return memcachedStore({ servers: servers.slice(0, 1) })
  if (variant === 'binary') return memcachedStore({ servers: servers.slice(0, 1), protocol: 'binary' })
  if (variant === 'copies') return memcachedStore({ servers: servers.slice(0, 2) })
  const { redisStore } = await ours('./redis')
  if (variant === 'ioredis') return redisStore({ client: new Ioredis(redis, { autoResendUnfulfilledCommands: false }) })
  const client = createClient({ url: `redis://127.0.0.1:${redis}` })
  return redisStore({ client: await client.connect() })
}

export async function start(variant, { port, memcached, redis }) {
  const { session } = await ours('./hono')
  if (variant in telemetryShares) await (await import('../telemetry.mjs')).startTelemetry(telemetryShares[variant])
  const store = await storeOf(variant, { memcached, redis })
  const app = new Hono()
  app.use(session({ store, secret: 'a benchmark needs no better secret than this', cookie: { insecure: true } }))
  app.get('/untouched', (c) => c.text('ok'))
  app.get('/seed', (c) => {
    c.var.session.set('text', 'x'.repeat(Number(c.req.query('bytes'))))
    c.var.session.set('count', 0)
    return c.text('ok')
  })
  app.get('/read', async (c) => c.text(String((await c.var.session.get('text'))?.length)))
  app.get('/change', async (c) => {
    await c.var.session.update('count', (count = 0) => count + 1)
    return c.text('ok')
  })
  app.get('/login', (c) => {
    c.var.session.regenerate({ reauthenticated: true })
    c.var.session.set('user', 'alice')
    return c.text('ok')
  })
  app.get('/logout', (c) => {
    c.var.session.destroy()
    return c.text('ok')
  })
  app.get('/append/:item', async (c) => {
    await c.var.session.update('list', (list = []) => [...list, c.req.param('item')])
    return c.text('ok')
  })
  app.get('/list', async (c) => c.json((await c.var.session.get('list')) ?? []))
  app.get('/slow/:ms', async (c) => {
    const list = (await c.var.session.get('list')) ?? []
    await new Promise((wake) => setTimeout(wake, Number(c.req.param('ms'))))
    c.var.session.set('list', [...list, 'slow'])
    return c.text('ok')
  })
  serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
}
