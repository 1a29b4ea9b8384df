import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { Collector } from './dashboard/collector.ts'
import { Commands } from './dashboard/commands.ts'
import { Health } from './dashboard/health.ts'
import { checkOptions, type DashboardOptions, type DashboardSettings } from './dashboard/options.ts'
import { namesToken, type Peer } from './dashboard/peers.ts'
import { commonHeaders, page, pageScript, pageStyle, stream } from './dashboard/routes.ts'
import { type Snapshot, snapshots } from './dashboard/snapshot.ts'
import { type ProcessView, type View, viewOf } from './dashboard/view.ts'
import { Viewers } from './dashboard/viewers.ts'

export type { DashboardOptions }

/**
 * A page that shows how sessions do: a Hono app of its own, for `app.route('/ops/sessions', dashboard({ sessions, authorize }))`.
 *
 * It counts from now on, in a size that does not grow, and asks the store for its health while somebody looks. `authorize` is asked for
 * every request, and every few seconds for a page that stays open; read a session there after `passive()`, or the open page counts as
 * activity of its user. Nothing of it is an id, token, key or value. Throws `SessionOptionsError`.
 */
export function dashboard(options: DashboardOptions): Hono {
  const settings = checkOptions(options)
  const ask = watching(settings)
  const viewers = new Viewers(() => look(settings.peers, ask))
  const app = new Hono()
  app.use(withHeaders)
  app.get('/snapshot', (c) => tellPeer(c, settings.peerToken, ask))
  app.use(onlyFor(settings.authorize))
  app.get('/', page)
  app.get('/page.js', pageScript)
  app.get('/page.css', pageStyle)
  app.get('/events', (c) => (viewers.isFull ? c.text('too many are looking already', 503) : stream(c, viewers.open())))
  return app
}

/** Counts from now on, for as long as the process lives. */
function watching({ sessions, settings }: DashboardSettings): () => Promise<Snapshot> {
  const now = Date.now
  const { store } = settings
  const collector = new Collector(now)
  sessions.watch(collector.handle)
  const health = new Health(store, collector.notable, now)
  return snapshots({ collector, commands: new Commands(now), health, store: store.name, now })
}

const withHeaders: MiddlewareHandler = async function withHeaders(c, next) {
  for (const [name, value] of Object.entries(commonHeaders)) c.header(name, value)
  await next()
}

const onlyFor = (authorize: DashboardOptions['authorize']): MiddlewareHandler =>
  async function onlyFor(c, next) {
    const answer = await authorize(c)
    if (answer instanceof Response) return answer
    if (answer !== true) return c.text('not for you', 403)
    return next()
  }

/** What another process may know: its own numbers come from the others themselves. */
async function tellPeer(c: Context, token: string | undefined, ask: () => Promise<Snapshot>): Promise<Response> {
  if (token === undefined) return c.notFound()
  if (!(await namesToken(c.req.header('Authorization'), token))) return c.text('the peerToken is another', 401)
  return c.json(await ask())
}

async function look(peers: readonly Peer[], ask: () => Promise<Snapshot>): Promise<View> {
  const own = { name: 'this process', ask }
  return viewOf(await Promise.all([own, ...peers].map(seen)), Date.now())
}

async function seen({ name, ask }: Peer): Promise<ProcessView> {
  try {
    return { name, snapshot: await ask() }
  } catch (error) {
    return { name, error: reasonOf(error) }
  }
}

/** A word about it. What a client of HTTP says may hold addresses, and is for nobody. */
function reasonOf(error: unknown): string {
  const { name, message } = error as Error
  if (name === 'TimeoutError') return 'no answer in time'
  return error instanceof TypeError || error instanceof SyntaxError ? 'not reached, or no dashboard there' : message
}
