import { withSession } from '../../../adapters/platforms/lambda.ts'
import { memcachedStore } from '../../../adapters/stores/memcached/index.ts'
import type { Session } from '../../../src/index.ts'

interface Data {
  userId: string
  cart: readonly string[]
}
/** What is needed of an event, whatever its form. */
interface Request {
  readonly rawPath?: string
  readonly path?: string
}

interface Answer {
  readonly statusCode: number
  readonly body: string
}

const servers = (process.env.MEMCACHED_SERVERS ?? '').split(',')
/** Milliseconds for one answer of the store; two of them for a request. */
const patience = Number(process.env.PATIENCE ?? 250)
const store = memcachedStore({ servers, connectMs: patience, callMs: patience })

/** Whatever the path says, as `/login/alice`; the answer names the user and what is in the cart. */
export const handler: (event: Request, context: unknown) => Promise<Answer> = withSession(
  { store, secret: process.env.SESSION_SECRET, requestMs: 2 * patience },
  async (event: Request, session: Session<Data>) => {
    const [, verb, what = ''] = (event.rawPath ?? event.path ?? '').split('/')
    if (verb === 'login') {
      session.regenerate({ reauthenticated: true })
      session.set('userId', what)
    }
    if (verb === 'add') await session.update('cart', (cart = []) => [...cart, what])
    if (verb === 'logout') session.destroy()
    // Frozen on its way: the response does not wait for it, as a handler should not do.
    if (verb === 'leave') for (let call = 0; call < 3; call++) store.read(`behind-${call}`).catch(() => {})
    if (verb === 'nothing' || verb === 'leave') return answer('')
    if (verb === 'set') session.set('userId', what)
    const { userId = 'nobody', cart = [] } = verb === 'set' ? { userId: what } : await session.all()
    return answer(`${userId}: ${cart.join(' ')}`)
  },
)

const answer = (body: string): Answer => ({ statusCode: 200, body })
