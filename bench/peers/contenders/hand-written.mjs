import { randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import memjs from 'memjs'

/** What one writes in an afternoon: an unsigned id, get and set. No sliding expiry, no compare-and-swap, no deadline. */
export function start(_, { port, memcached }) {
  const client = memjs.Client.create(`127.0.0.1:${memcached[0]}`)
  const load = async (id) => {
    if (!id) return undefined
    const { value } = await client.get(id)
    return value ? JSON.parse(value.toString()) : undefined
  }
  const save = (id, data) => client.set(id, JSON.stringify(data), { expires: 1800 })
  const app = new Hono()
  app.get('/untouched', (c) => c.text('ok'))
  app.get('/seed', async (c) => {
    const id = randomBytes(20).toString('base64url')
    await save(id, { text: 'x'.repeat(Number(c.req.query('bytes'))), count: 0 })
    setCookie(c, 'sid', id, { httpOnly: true, path: '/' })
    return c.text('ok')
  })
  app.get('/read', async (c) => c.text(String((await load(getCookie(c, 'sid')))?.text.length)))
  app.get('/change', async (c) => {
    const id = getCookie(c, 'sid')
    const data = await load(id)
    await save(id, { ...data, count: data.count + 1 })
    return c.text('ok')
  })
  app.get('/login', async (c) => {
    const old = getCookie(c, 'sid')
    const data = (await load(old)) ?? {}
    const id = randomBytes(20).toString('base64url')
    await save(id, { ...data, user: 'alice' })
    if (old) await client.delete(old)
    setCookie(c, 'sid', id, { httpOnly: true, path: '/' })
    return c.text('ok')
  })
  app.get('/logout', async (c) => {
    await client.delete(getCookie(c, 'sid'))
    setCookie(c, 'sid', '', { maxAge: 0, path: '/' })
    return c.text('ok')
  })
  app.get('/append/:item', async (c) => {
    const id = getCookie(c, 'sid')
    const data = await load(id)
    await save(id, { ...data, list: [...(data.list ?? []), c.req.param('item')] })
    return c.text('ok')
  })
  app.get('/list', async (c) => c.json((await load(getCookie(c, 'sid')))?.list ?? []))
  app.get('/slow/:ms', async (c) => {
    const id = getCookie(c, 'sid')
    const data = await load(id)
    await new Promise((wake) => setTimeout(wake, Number(c.req.param('ms'))))
    await save(id, { ...data, list: [...(data?.list ?? []), 'slow'] })
    return c.text('ok')
  })
  serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
}
