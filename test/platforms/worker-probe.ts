import type { SessionOptions } from 'claimcheck'
import { storeFromEnv } from 'claimcheck/env'
import { type SessionEnv, session } from 'claimcheck/hono'
import { memcachedStore } from 'claimcheck/memcached'
import { upstashStore } from 'claimcheck/upstash'
import { type Context, Hono } from 'hono'

interface Bindings {
  readonly UPSTASH_REDIS_REST_URL: string
  readonly UPSTASH_REDIS_REST_TOKEN: string
  readonly SESSION_SECRET: string
}

type Env = SessionEnv<{ count: number }> & { Bindings: Bindings }

/** What only code inside of workerd can tell. */
const app: Hono<Env> = new Hono<Env>()
let builds = 0

app.get('/memcached', (c) => c.json(messageOf(() => memcachedStore({ servers: ['127.0.0.1:11211'] }))))
app.get('/memcached-env', async (c) => {
  const refused = await storeFromEnv({ MEMCACHED_SERVERS: '127.0.0.1:11211' }).catch((error: Error) => error)
  return c.json(refused instanceof Error ? refused.message : null)
})
app.get('/builds', (c) => c.json(builds))
// Its secrets come from a function, which on Workers every request that finds none has to ask for itself.
let asked = 0
const secretOf = (secret: string) => async () => {
  asked++
  await new Promise((wake) => setTimeout(wake, 20))
  return [secret]
}
app.get('/asked', (c) => c.json(asked))
app.use(
  '/changing',
  session<Env>((c) => ({
    ...plainOptions(c),
    secret: secretOf(c.env.SESSION_SECRET),
    refreshSeconds: 1,
    namespace: 'changing',
  })),
)
app.all('/changing', async (c) => {
  if (c.req.method === 'POST') await c.var.session.update('count', (count = 0) => count + 1)
  return c.json((await c.var.session.get('count')) ?? 0)
})
app.use(session<Env>(options))
app.get('/count', async (c) => c.json((await c.var.session.get('count')) ?? 0))
app.post('/count', async (c) => {
  await c.var.session.get('count')
  // Whoever sends the body decides when the commit begins.
  await c.req.text()
  await c.var.session.update('count', (count = 0) => count + 1)
  return c.json((await c.var.session.get('count')) ?? 0)
})

function options(c: Context<Env>): SessionOptions {
  builds++
  return plainOptions(c)
}

function plainOptions({ env }: Context<Env>): SessionOptions {
  return {
    store: upstashStore({ url: env.UPSTASH_REDIS_REST_URL, token: env.UPSTASH_REDIS_REST_TOKEN, callMs: 15_000 }),
    secret: env.SESSION_SECRET,
    requestMs: 40_000,
  }
}

function messageOf(build: () => unknown): string | null {
  try {
    build()
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

// biome-ignore lint/style/noDefaultExport: the entry of a Worker is its default export
export default app
