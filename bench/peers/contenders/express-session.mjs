import connectMemcached from 'connect-memcached'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

async function storeOf(variant, { memcached, redis }) {
  if (variant === 'memcached') return new (connectMemcached(session))({ hosts: [`127.0.0.1:${memcached[0]}`] })
  const client = createClient({ url: `redis://127.0.0.1:${redis}` })
  return new RedisStore({ client: await client.connect() })
}

/** As its documentation advises: `resave: false`, `saveUninitialized: false`. */
export async function start(variant, options) {
  const app = express()
  const store = await storeOf(variant, options)
  const cookie = { maxAge: 3_600_000 }
  app.use(
    session({
      store,
      secret: 'a benchmark needs no better secret than this',
      resave: false,
      saveUninitialized: false,
      cookie,
      name: 'sid',
    }),
  )
  app.get('/untouched', (_, res) => res.send('ok'))
  app.get('/seed', (req, res) => {
    Object.assign(req.session, { text: 'x'.repeat(Number(req.query.bytes)), count: 0 })
    res.send('ok')
  })
  app.get('/read', (req, res) => res.send(String(req.session.text?.length)))
  app.get('/change', (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1
    res.send('ok')
  })
  app.get('/login', (req, res, next) => {
    const { text, count, list } = req.session
    req.session.regenerate((error) => {
      if (error) return next(error)
      Object.assign(req.session, { text, count, list, user: 'alice' })
      res.send('ok')
    })
  })
  app.get('/logout', (req, res, next) => req.session.destroy((error) => (error ? next(error) : res.send('ok'))))
  app.get('/append/:item', (req, res) => {
    req.session.list = [...(req.session.list ?? []), req.params.item]
    res.send('ok')
  })
  app.get('/list', (req, res) => res.json(req.session.list ?? []))
  app.get('/slow/:ms', async (req, res) => {
    await new Promise((wake) => setTimeout(wake, Number(req.params.ms)))
    req.session.list = [...(req.session.list ?? []), 'slow']
    res.send('ok')
  })
  app.listen(options.port, '127.0.0.1')
}
