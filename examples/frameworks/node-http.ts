import { createServer, type IncomingMessage } from 'node:http'
import { createSessions, type Session, SessionConflictError, SessionGoneError, StoreUnavailableError } from 'claimcheck'
import { storeFromEnv } from 'claimcheck/env'
import { pay } from './bank.ts'

type Data = { userId: string; cart: string[] }
const sessions = createSessions<Data>({ store: await storeFromEnv(process.env), secret: process.env.SESSION_SECRET })

createServer((req, res) => {
  void answer(req)
    .catch(answerTo)
    .then(async (response) => {
      res.setHeaders(response.headers).writeHead(response.status)
      res.end(await response.bytes())
    })
}).listen(Number(process.env.PORT || 3000), '127.0.0.1')

/** Commits between the handler's end and the first byte of its answer. */
async function answer(req: IncomingMessage): Promise<Response> {
  const { session, commit } = sessions.open(req.headers.cookie)
  let failed = false
  const answered = await handle(req, session).catch((error: unknown) => {
    failed = true
    return answerTo(error)
  })
  const result = await commit({ failed })
  // A copy, because the headers of `Response.redirect()` cannot be changed.
  const response = new Response(answered.body, answered)
  result.applyTo(response.headers)
  return response
}

function answerTo(error: unknown): Response {
  const has = [SessionConflictError, SessionGoneError, StoreUnavailableError].find((one) => error instanceof one)
  if (has) return (error as StoreUnavailableError).getResponse()
  console.error(error)
  return new Response('Internal Server Error', { status: 500 })
}

/** The application: requests and a session in, answers out. */
async function handle({ method, url = '' }: IncomingMessage, session: Session<Data>): Promise<Response> {
  const [, page, item = ''] = url.split('/')
  switch (`${method} /${page}`) {
    case 'GET /':
      return Response.json({ userId: (await session.get('userId')) ?? null, cart: (await session.get('cart')) ?? [] })
    case 'POST /login':
      session.regenerate({ reauthenticated: true })
      session.set('userId', 'alice')
      return new Response('welcome')
    case 'POST /cart':
      await session.update('cart', (cart = []) => [...cart, item])
      return new Response('added')
    case 'POST /checkout':
      // A payment that fails throws, and the cart stays as it was.
      await pay((await session.pull('cart')) ?? [])
      return new Response('paid')
    case 'POST /logout':
      session.destroy()
      return new Response('bye')
    default:
      return new Response('Not Found', { status: 404 })
  }
}
