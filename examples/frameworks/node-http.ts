import { createServer, type ServerResponse } from 'node:http'
import { storeFromEnv } from 'claimcheck/env'
import { type SessionRequest, session } from 'claimcheck/node'
import { pay } from './bank.ts'

type Data = { userId: string; cart: string[] }
const withSession = session({ store: await storeFromEnv(process.env), secret: process.env.SESSION_SECRET })

createServer((req, res) => {
  // Called once to go on, and once more where the session could not be stored: then nothing of the first answer has left.
  withSession(req, res, (error) => {
    if (error) answerTo(error, res)
    else handle(req as SessionRequest<Data>, res).catch((thrown: unknown) => answerTo(thrown, res))
  })
}).listen(Number(process.env.PORT || 3000), '127.0.0.1')

function answerTo(error: unknown, res: ServerResponse): void {
  const { status = 500 } = error as { status?: number }
  if (status === 500) console.error(error)
  res.writeHead(status).end()
}

async function handle({ method, url = '', session }: SessionRequest<Data>, res: ServerResponse): Promise<void> {
  const [, page, item = ''] = url.split('/')
  switch (`${method} /${page}`) {
    case 'GET /': {
      const [userId = null, cart = []] = [await session.get('userId'), await session.get('cart')]
      res.setHeader('Content-Type', 'application/json').end(JSON.stringify({ userId, cart }))
      return
    }
    case 'POST /login':
      session.regenerate({ reauthenticated: true })
      session.set('userId', 'alice')
      res.end('welcome')
      return
    case 'POST /cart':
      await session.update('cart', (cart = []) => [...cart, item])
      res.end('added')
      return
    case 'POST /checkout':
      // A payment that fails throws, and the cart stays as it was.
      await pay((await session.pull('cart')) ?? [])
      res.end('paid')
      return
    case 'POST /logout':
      session.destroy()
      res.end('bye')
      return
    default:
      res.writeHead(404).end('Not Found')
  }
}
