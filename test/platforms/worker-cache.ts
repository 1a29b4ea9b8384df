import type { Session } from 'claimcheck'
import { type SessionEnv, session } from 'claimcheck/hono'
import { memoryStore } from 'claimcheck/memory'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { cache } from 'hono/cache'
import { every } from 'hono/combine'
import { etag } from 'hono/etag'

type Env = SessionEnv<{ user: string; seen: number }>

const app: Hono<Env> = new Hono<Env>()
const options = { store: memoryStore(), secret: 'a-secret-of-the-test-32-bytes-long' }
const cached = () => cache({ cacheName: 'pages', wait: true, cacheControl: 'max-age=60' })
/** Tags, too. Not compress(): workerd encodes by itself what has a Content-Encoding. */
const all = (): MiddlewareHandler => every(cached(), etag())

/** How often a handler had to make its page. */
let made = 0
const user = async (c: Context<Env>) => {
  made++
  return `page of ${await (c.var.session as Session<{ user: string }>).get('user')}`
}

app.get('/outside/me', cached())
app.get('/outside-all/me', all())
app.use(session<Env>(options))
app.post('/login/:user', (c) => {
  c.var.session.set('user', c.req.param('user'))
  return c.text('in')
})
app.get('/made', (c) => c.json(made))
app.get('/outside/me', async (c) => c.text(await user(c)))
app.get('/outside-all/me', async (c) => c.text(await user(c)))
app.get('/text/me', cached(), async (c) => c.text(await user(c)))
app.get('/response/me', cached(), async (c) => new Response(await user(c)))
app.get('/vary/me', cached(), async (c) => {
  const text = await user(c)
  c.header('Vary', 'Accept-Language')
  return c.text(text)
})
app.get('/public/me', cached(), async (c) => c.text(await user(c), 200, { 'Cache-Control': 'public, max-age=60' }))
app.get('/own-vary/me', cache({ cacheName: 'own', wait: true, vary: 'Accept-Language' }), async (c) => {
  c.header('Vary', 'Accept-Language')
  return c.text(await user(c), 200, { 'Cache-Control': 'public, max-age=60' })
})
app.get('/all/me', all(), async (c) => c.text(await user(c)))
app.get('/write/me', cached(), async (c) => {
  c.var.session.set('seen', Date.now())
  return new Response(await user(c))
})
/** Looks at the session when its page is there already. */
app.get('/after/me', cached(), async (c, next) => {
  await next()
  c.res.headers.set('X-User', await user(c))
})
app.get('/after/me', () => new Response('the same'))
app.get('/shared', cached(), (c) => {
  made++
  return c.text('for all')
})

/** Writes outside and inside of a mounted app, which gets a new Request and the same execution context. */
const inner: Hono<Env> = new Hono<Env>()
inner.onError((error, c) => c.text(error.name, 500))
inner.use(session<Env>(options))
inner.get('/write', (c) => {
  c.var.session.set('seen', 2)
  return c.text('done')
})
app.get('/seen', async (c) => c.json((await c.var.session.get('seen')) ?? 0))
app.use('/twice/*', async (c, next) => {
  c.var.session.set('seen', 1)
  await next()
})
app.mount('/twice', inner.fetch)
app.mount('/once', inner.fetch)
app.onError((error, c) => c.text(error.name, 500))

// biome-ignore lint/style/noDefaultExport: the entry of a Worker is its default export
export default app
