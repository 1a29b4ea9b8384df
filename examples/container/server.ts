import { runContainer } from 'claimcheck/container'
import { type SessionEnv, session } from 'claimcheck/hono'
import { Hono } from 'hono'
import { csrf } from 'hono/csrf'

const { port } = await runContainer(process.env, ({ store, secret }) => {
  const app = new Hono<SessionEnv<{ visits: number }>>()
  app.use(csrf())
  app.use(session({ store, secret }))
  app.get('/', async (c) => {
    const visits = (await c.var.session.get('visits')) ?? 0
    return c.html(`<form method="post"><button>Visit</button> ${visits} so far</form>`)
  })
  app.post('/', async (c) => {
    await c.var.session.update('visits', (visits = 0) => visits + 1)
    return c.redirect('/', 303)
  })
  return app
})
console.log(`listening on port ${port}`)
