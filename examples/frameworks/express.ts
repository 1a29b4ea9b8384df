import { Readable } from 'node:stream'
import { createSessions, type Session, SessionConflictError, SessionGoneError, StoreUnavailableError } from 'claimcheck'
import { storeFromEnv } from 'claimcheck/env'
import express, { type NextFunction, type Request, type Response } from 'express'
import { pay } from './bank.ts'

type Data = { userId: string; cart: string[] }
type Answer = Response<unknown, { session: Session<Data> }>
const sessions = createSessions<Data>({ store: await storeFromEnv(process.env), secret: process.env.SESSION_SECRET })

/** `res.locals.session`; a status of 500 or more drops what the handler changed. */
function withSession(req: Request, res: Answer, next: NextFunction): void {
  const { session, commit } = sessions.open(req.headers.cookie)
  res.locals.session = session
  holdBack(res, async () => {
    const result = await commit({ failed: res.statusCode >= 500 })
    const headers = new Headers()
    for (const [name, value] of Object.entries(res.getHeaders()))
      for (const one of [value].flat()) headers.append(name, `${one}`)
    result.applyTo(headers)
    for (const name of res.getHeaderNames()) if (!headers.has(name)) res.removeHeader(name)
    res.setHeaders(headers)
  })
  next()
}

/** Keeps back what is sent, from the first call on, until `ready` has resolved; where it rejects, that is the answer instead. */
function holdBack(res: Answer, ready: () => Promise<void>): void {
  // `send`, `json`, `redirect`, `sendFile` and streams all come down to one of these.
  const { writeHead, flushHeaders, write, end } = res
  const calls: (() => void)[] = []
  const release = () => {
    Object.assign(res, { writeHead, flushHeaders, write, end })
    for (const call of calls) call()
    // Whoever was told to wait by `write` may go on.
    res.emit('drain')
  }
  const refuse = (error: unknown) => {
    calls.length = 0
    release()
    answerTo(error, res)
    // A stream that is still being read has nobody to go to.
    Object.assign(res, { write: () => true, end: () => res })
  }
  const hold = (name: 'writeHead' | 'flushHeaders' | 'write' | 'end', answer: unknown) => {
    return (...args: unknown[]) => {
      calls.push(() => Reflect.apply(res[name], res, args))
      if (calls.length === 1) void ready().then(release, refuse)
      return answer
    }
  }
  Object.assign(res, { writeHead: hold('writeHead', res), flushHeaders: hold('flushHeaders', undefined) })
  Object.assign(res, { write: hold('write', false), end: hold('end', res) })
}

function answerTo(error: unknown, res: Response): void {
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  const known = [SessionConflictError, SessionGoneError, StoreUnavailableError].some((one) => error instanceof one)
  if (!known) console.error(error)
  const { status, headers } = known
    ? (error as StoreUnavailableError).getResponse()
    : new globalThis.Response(null, { status: 500 })
  res.status(status).setHeaders(headers).end()
}

const app = express()
app.use(withSession)
app.get('/', async (_req, res: Answer) => {
  const { session } = res.locals
  res.json({ userId: (await session.get('userId')) ?? null, cart: (await session.get('cart')) ?? [] })
})
app.post('/login', (_req, res: Answer) => {
  res.locals.session.regenerate({ reauthenticated: true })
  res.locals.session.set('userId', 'alice')
  res.send('welcome')
})
app.post('/cart/:item', async (req, res: Answer) => {
  await res.locals.session.update('cart', (cart = []) => [...cart, req.params.item])
  res.send('added')
})
app.post('/checkout', async (_req, res: Answer) => {
  // A payment that fails throws, and the cart stays as it was.
  await pay((await res.locals.session.pull('cart')) ?? [])
  res.send('paid')
})
app.post('/export', async (_req, res: Answer) => {
  const cart = (await res.locals.session.pull('cart')) ?? []
  Readable.from(cart.map((item) => `${item}\n`)).pipe(res)
})
app.post('/logout', (_req, res: Answer) => {
  res.locals.session.destroy()
  res.send('bye')
})
app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => answerTo(error, res))
app.listen(Number(process.env.PORT || 3000), '127.0.0.1')
