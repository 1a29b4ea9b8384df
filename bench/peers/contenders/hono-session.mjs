import { serve } from '@hono/node-server'
import { useSession, useSessionStorage } from '@hono/session'
import { Hono } from 'hono'
import memjs from 'memjs'

const day = 86_400

/** `jwe`: all data in an encrypted cookie; `memjs`: data in memcached, by a storage such as its README asks for. */
export function start(variant, { port, memcached }) {
  const app = new Hono()
  if (variant === 'memjs') app.use(useSessionStorage(storage(memjs.Client.create(`127.0.0.1:${memcached[0]}`))))
  app.use(useSession({ secret: '0'.repeat(31) + '1'.repeat(33), duration: { absolute: day, inactivity: 3600 } }))
  const session = (c) => c.var.session
  app.get('/untouched', (c) => c.text('ok'))
  app.get('/seed', async (c) => {
    await session(c).update({ text: 'x'.repeat(Number(c.req.query('bytes'))), count: 0 })
    return c.text('ok')
  })
  app.get('/read', async (c) => c.text(String((await session(c).get())?.text?.length)))
  app.get('/change', async (c) => {
    await session(c).update((data) => ({ ...data, count: (data?.count ?? 0) + 1 }))
    return c.text('ok')
  })
  app.get('/login', async (c) => {
    // It has no regenerate.
    await session(c).update((data) => ({ ...data, user: 'alice' }))
    return c.text('ok')
  })
  app.get('/logout', async (c) => {
    await session(c).get()
    session(c).delete()
    return c.text('ok')
  })
  app.get('/append/:item', async (c) => {
    await session(c).update((data) => ({ ...data, list: [...(data?.list ?? []), c.req.param('item')] }))
    return c.text('ok')
  })
  app.get('/list', async (c) => c.json((await session(c).get())?.list ?? []))
  app.get('/slow/:ms', async (c) => {
    const data = await session(c).get()
    await new Promise((wake) => setTimeout(wake, Number(c.req.param('ms'))))
    await session(c).update({ ...data, list: [...(data?.list ?? []), 'slow'] })
    return c.text('ok')
  })
  serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
}

const storage = (client) => ({
  async get(id) {
    const { value } = await client.get(id)
    return value ? JSON.parse(value.toString()) : null
  },
  set: (id, data) => client.set(id, JSON.stringify(data), { expires: 3600 }),
  delete: (id) => client.delete(id),
})
