import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { getIronSession } from 'iron-session'

const options = {
  cookieName: 'sid',
  password: 'a benchmark needs no better secret than this',
  cookieOptions: { secure: false },
}

/** All data in an encrypted cookie; a read does not save. */
export function start(_, { port }) {
  const app = new Hono()
  const open = (c) =>
    getIronSession(
      {
        get: (name) => ({ name, value: getCookie(c, name) ?? '' }),
        set: (name, value, attributes) => setCookie(c, name, value, { ...attributes, sameSite: 'Lax' }),
      },
      options,
    )
  const change = async (c, apply) => {
    const session = await open(c)
    apply(session)
    await session.save()
    return c.text('ok')
  }
  app.get('/untouched', (c) => c.text('ok'))
  app.get('/seed', (c) =>
    change(c, (session) => Object.assign(session, { text: 'x'.repeat(Number(c.req.query('bytes'))), count: 0 })),
  )
  app.get('/read', async (c) => c.text(String((await open(c)).text?.length)))
  app.get('/change', (c) => change(c, (session) => Object.assign(session, { count: (session.count ?? 0) + 1 })))
  app.get('/login', (c) => change(c, (session) => Object.assign(session, { user: 'alice' })))
  app.get('/logout', async (c) => {
    ;(await open(c)).destroy()
    return c.text('ok')
  })
  app.get('/append/:item', (c) =>
    change(c, (session) => Object.assign(session, { list: [...(session.list ?? []), c.req.param('item')] })),
  )
  app.get('/list', async (c) => c.json((await open(c)).list ?? []))
  app.get('/slow/:ms', async (c) => {
    const session = await open(c)
    await new Promise((wake) => setTimeout(wake, Number(c.req.param('ms'))))
    session.list = [...(session.list ?? []), 'slow']
    await session.save()
    return c.text('ok')
  })
  serve({ fetch: app.fetch, port, hostname: '127.0.0.1' })
}
