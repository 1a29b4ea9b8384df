import { SessionConflictError, SessionGoneError, type SessionOptions, StoreUnavailableError } from 'claimcheck'
import { type SessionEnv, session } from 'claimcheck/hono'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { getCookie } from 'hono/cookie'
import { csrf } from 'hono/csrf'
import { HTTPException } from 'hono/http-exception'
import { secureHeaders } from 'hono/secure-headers'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { icon } from './drawings.tsx'
import { errorPage, shopPage } from './pages.tsx'
import { Panel, panelSlot } from './panel.tsx'
import { bagOf, catalogue, changed, forgottenNotes, isChange, type ShopSession } from './shop.ts'
import { style, stylePath } from './style.ts'
import { createTraces, isTraceId, newTrace, outcomeOf, type Trace, type Traces, ticketIn } from './trace.ts'

/** What a deployment has to bring along. */
type Kept = Pick<SessionOptions, 'store' | 'secret'>
type Rules = Pick<SessionOptions, 'cookie' | 'idleSeconds' | 'absoluteSeconds' | 'now'>

/** Options of the session that a deployment or a test chooses. */
export type DemoOptions = Kept & Rules

/** The same where store and secret come with each request, as the bindings of a Worker do: asked for once per env object. */
export type BoundDemoOptions = Rules & { readonly kept: (c: Context) => Kept }

export type DemoEnv = SessionEnv<ShopSession> & { Variables: { trace: Trace } }

type DemoContext = Context<DemoEnv>

/** The shop as a Hono app; the caller owns the store and closes it. */
export function createDemo(options: DemoOptions | BoundDemoOptions): Hono<DemoEnv> {
  const traces = createTraces()
  const app = new Hono<DemoEnv>()
  app.use(headers)
  // Before the session: files that are the same for everybody need none.
  app.get(stylePath, (c) => c.body(style, 200, { 'Content-Type': 'text/css', 'Cache-Control': 'max-age=31536000' }))
  app.get('/icon.svg', (c) => c.body(icon, 200, { 'Content-Type': 'image/svg+xml', 'Cache-Control': 'max-age=86400' }))
  app.use(showWork(traces, options))
  // Before the session as well: a forged form is refused without a round trip.
  app.use(csrf(), bodyLimit({ maxSize: 4096 }))
  app.use(session<DemoEnv>(watched(traces, options)))
  app.get('/', (c) => showShop(c, traces))
  app.post('/login', logIn)
  app.post('/bag', changeBag)
  app.post('/logout', (c) => {
    c.var.session.destroy()
    return c.redirect(receiptUrl(c), 303)
  })
  app.notFound((c) => showError(c, 404, 'No such counter', 'There is nothing at this address.'))
  app.onError(answerError)
  return app
}

function watched(
  { watch, onEvent }: Traces,
  options: DemoOptions | BoundDemoOptions,
): SessionOptions | ((c: Context<DemoEnv>) => SessionOptions) {
  if (!('kept' in options)) return { ...options, store: watch(options.store), onEvent }
  const { kept, ...rules } = options
  return (c) => {
    const { store, secret } = kept(c)
    return { ...rules, store: watch(store), secret, onEvent }
  }
}

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  // With the default, no-referrer, browsers send `Origin: null` with forms, and csrf() would have to refuse them
  // wherever Sec-Fetch-Site is missing: on plain http outside localhost.
  referrerPolicy: 'same-origin',
  // A demo must not pin a host name that was lent to it to https.
  strictTransportSecurity: false,
})

/** Outside the session, so that what its commit did can still be put into the page. */
function showWork(traces: Traces, { cookie, idleSeconds = 1800, now = Date.now }: Rules): MiddlewareHandler<DemoEnv> {
  const cookieName = cookie?.name ?? (cookie?.insecure ? 'sid' : '__Host-sid')
  return async function showWork(c, next) {
    const trace = newTrace(c.req.method, c.req.path, now())
    c.set('trace', trace)
    await traces.run(trace, next)
    trace.status = c.res.status
    const setCookies = c.res.headers.getSetCookie()
    const valueSet = (name: string) =>
      setCookies
        .find((value) => value.startsWith(`${name}=`))
        ?.slice(name.length + 1)
        .split(';')[0]
    const [sentToken, sentReceipt] = [valueSet(cookieName), valueSet(`${cookieName}-rev`)]
    trace.cookieSent = sentToken !== undefined || sentReceipt !== undefined
    // A ref means that the library verified the token: only then may its payload be believed.
    trace.ref = c.var.session?.ref
    const token = sentToken ?? getCookie(c, cookieName)
    const receipt = sentReceipt ?? getCookie(c, `${cookieName}-rev`)
    trace.ticket = trace.ref !== undefined && token ? ticketIn(token, receipt) : undefined
    trace.absoluteSeconds = Math.max(0, (trace.ticket?.until ?? 0) - now() / 1000)
    // Whatever read or wrote the record has just slid its expiry; an outage has not, and tells nothing.
    if (outcomeOf(trace) !== 'unavailable') trace.idleSeconds = Math.min(idleSeconds, trace.absoluteSeconds)
    if (c.req.method === 'POST') traces.keep(trace)
    if (!c.res.headers.get('Content-Type')?.startsWith('text/html')) return
    const panel = <Panel store={traces.storeName} page={trace} post={traces.find(c.req.query('receipt'))} />
    const text = await c.res.text()
    c.res = new Response(
      text.replace(panelSlot, () => panel.toString()),
      c.res,
    )
  }
}

async function showShop(c: DemoContext, traces: Traces): Promise<Response> {
  const { session } = c.var
  const data = await session.all()
  const receipt = c.req.query('receipt') ?? ''
  const note = isTraceId(receipt) ? await session.pull(`note:${receipt}`) : undefined
  // By `update`, which never conflicts: another tab may be clearing the same ones away.
  for (const key of forgottenNotes(data, c.var.trace.at)) await session.update(key, () => undefined)
  const post = traces.find(receipt)
  const farewell =
    post && outcomeOf(post) === 'destroyed' ? 'Logged out. The ticket is void and the bag is gone.' : undefined
  keepPrivate(c)
  return c.html(shopPage({ name: data.name, lines: bagOf(data), note: note?.text ?? farewell }))
}

/** `no-cache`, which the session sets by itself, lets a browser show the page again on "back" after a logout; this does not. */
const keepPrivate = (c: DemoContext) => c.header('Cache-Control', 'private, no-store')

async function logIn(c: DemoContext): Promise<Response> {
  const { session } = c.var
  const { name: given } = await c.req.parseBody()
  const name = typeof given === 'string' ? [...given.trim()].slice(0, 40).join('') : ''
  if (name === '') throw new HTTPException(400, { message: 'Please give a name, any name.' })
  const before = await session.get('name')
  // A bag filled before logging in is kept; one of somebody else is not.
  const keep = before !== undefined && before !== name ? [] : undefined
  session.regenerate({ reauthenticated: true, keep })
  session.set('name', name)
  return leave(c, `Welcome, ${name}. Here is your new ticket.`)
}

async function changeBag(c: DemoContext): Promise<Response> {
  const { sku, change } = await c.req.parseBody()
  const article = catalogue.find((article) => article.sku === sku)
  if (!article || !isChange(change)) throw new HTTPException(400, { message: 'There is no such article.' })
  await c.var.session.update(`article:${article.sku}`, (quantity) => changed(quantity, change))
  const done = { more: 'One more', less: 'One less', none: 'Removed' }[change]
  return leave(c, `${done}: ${article.title}.`)
}

/** POST, redirect, GET: with a note for the page that follows. */
function leave(c: DemoContext, text: string): Response {
  c.var.session.set(`note:${c.var.trace.id}`, { text, at: c.var.trace.at })
  return c.redirect(receiptUrl(c), 303)
}

const receiptUrl = (c: DemoContext) => `/?receipt=${c.var.trace.id}#bag`

function showError(
  c: DemoContext,
  status: ContentfulStatusCode,
  title: string,
  text: string,
): Response | Promise<Response> {
  keepPrivate(c)
  return c.html(errorPage(status, title, text), status)
}

async function answerError(error: Error, c: DemoContext): Promise<Response> {
  const retryAfter = error instanceof HTTPException ? error.getResponse().headers.get('Retry-After') : null
  if (retryAfter !== null) c.header('Retry-After', retryAfter)
  // The session's errors arrive as the cause of an HTTPException; bare where a read failed inside a handler.
  const cause = error instanceof HTTPException ? (error.cause ?? error) : error
  if (cause instanceof StoreUnavailableError)
    return showError(
      c,
      503,
      'The cloakroom is closed for a moment',
      'Your ticket is good and your bag is safe, but nobody can fetch it right now. Please try again in a few seconds.',
    )
  if (cause instanceof SessionGoneError)
    return showError(
      c,
      409,
      'This ticket has been handed in',
      'You logged in or out in another tab while this form was on its way. Nothing was changed.',
    )
  if (cause instanceof SessionConflictError)
    return showError(
      c,
      409,
      'Somebody was quicker',
      'Another tab changed the same thing at the same time. Nothing was changed here; look again and decide.',
    )
  if (error instanceof HTTPException && error.status === 403)
    return showError(c, 403, 'Not from this counter', 'The form came from another site, so it was not accepted.')
  if (error instanceof HTTPException && error.status < 500)
    return showError(
      c,
      error.status as ContentfulStatusCode,
      'That did not work',
      error.message || 'The form was not understood.',
    )
  console.error(error)
  return showError(c, 500, 'Something broke', 'Nothing was changed. Please try again.')
}
