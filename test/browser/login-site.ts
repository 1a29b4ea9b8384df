import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer, type HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { html } from 'hono/html'
import { type SessionEnv, session } from '../../src/hono.ts'
import type { Store } from '../../src/store.ts'

interface Data {
  user: string
  cart: string
}

/** One POST of the login form, as the server sees it. */
export interface Login {
  /** Lets the handler go on. */
  readonly work: () => void
  /** Its session is stored, and its answer is made. */
  readonly committed: Promise<void>
  /** Lets the answer go, or ends the connection in its place. */
  readonly answer: (how?: 'lost') => void
}

/** A shop with a login form: what a handler and the network do is opened from outside, in any order. */
export interface LoginSite extends AsyncDisposable {
  readonly url: string
  /** The statuses of all answers, in the order in which they were made. */
  readonly statuses: readonly number[]
  /** The next login that arrives, or has arrived and was not asked for; the rest go by {@link handlerMs}. */
  next(): Promise<Login>
  /** Set: logins wait this long in their handler, and nobody opens anything. */
  handlerMs: number | undefined
  /** Whether a connection serves more than one request. */
  connections: 'kept' | 'closed'
  /** All logins that arrived have been answered, lost ones too. */
  idle(): Promise<void>
}

/** A latch per step of a login. */
function held() {
  const [work, committed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const answer = Promise.withResolvers<'lost' | undefined>()
  const login: Login = { work: work.resolve, committed: committed.promise, answer: answer.resolve }
  return { login, work: work.promise, committed: committed.resolve, answer: answer.promise }
}

/** Those who arrive and those who wait for them. */
function queue<Item>() {
  const [arrived, awaited]: [Item[], ((item: Item) => void)[]] = [[], []]
  const put = (item: Item) => {
    const taker = awaited.shift()
    if (taker) taker(item)
    else arrived.push(item)
  }
  const take = () => {
    const item = arrived.shift()
    return item === undefined ? new Promise<Item>((wake) => awaited.push(wake)) : Promise.resolve(item)
  }
  return { put, take }
}

type Env = SessionEnv<Data> & { Bindings: HttpBindings; Variables: { work: Promise<void> } }

export async function openLoginSite(store: Store): Promise<LoginSite> {
  const arrivals = queue<Login>()
  const open = new Set<Promise<void>>()
  const statuses: number[] = []
  const app = new Hono<Env>()
  app.use(async (c, next) => {
    if (site.connections === 'closed') c.header('Connection', 'close')
    await next()
    statuses.push(c.res.status)
  })
  app.on('POST', '/login', async (c, next) => {
    const { login, work, committed, answer } = held()
    const done = Promise.withResolvers<void>()
    open.add(done.promise)
    if (site.handlerMs !== undefined) {
      setTimeout(login.work, site.handlerMs)
      login.answer()
    } else arrivals.put(login)
    c.set('work', work)
    await next()
    committed()
    if ((await answer) === 'lost') c.env.incoming.socket.destroy()
    open.delete(done.promise)
    done.resolve()
  })
  app.use(
    session({
      store,
      secret: 'the secret of the login form, drawn at random 3Bn!',
      // The machine of the tests may be busy: this is about order, not about deadlines.
      requestMs: 5000,
      cookie: { insecure: true },
    }),
  )
  app.get('/favicon.ico', (c) => c.body(null, 204))
  app.get('/', async (c) => c.html(html`<!doctype html><title>shop</title>${await c.var.session.get('user')}`))
  app.get('/cart', async (c) => c.text((await c.var.session.get('cart')) ?? ''))
  app.get('/login', async (c) => {
    c.var.session.set('cart', 'tea')
    const { search } = new URL(c.req.url)
    return c.html(
      html`<!doctype html><title>log in</title><form method="post" action="/login${search}"><input name="user"><button>log in</button></form>`,
    )
  })
  app.post('/login', async (c) => {
    const { user } = await c.req.parseBody<{ user: string }>()
    if (c.req.query('reads') !== undefined) await c.var.session.get('cart')
    await c.var.work
    const subject = c.req.query('subject') === undefined ? undefined : user
    c.var.session.regenerate({ reauthenticated: true, subject })
    c.var.session.set('user', user)
    return c.redirect('/', 303)
  })
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false })
  // Longer than a test.
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = 600_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const site: LoginSite = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    statuses,
    next: arrivals.take,
    handlerMs: undefined,
    connections: 'kept',
    idle: async () => void (await Promise.all(open)),
    async [Symbol.asyncDispose]() {
      await new Promise<void>((done) => server.close(() => done()))
    },
  }
  return site
}

/** Its button, pressed. */
export const press: string = `document.querySelector('button').click()`

/** The form sent by a script of the page. */
export const send: string = `fetch(document.querySelector('form').action, {
  method: 'POST', body: new URLSearchParams(new FormData(document.querySelector('form')))
}).then(async (answer) => answer.status + ' ' + await answer.text(), () => 'no answer')`
