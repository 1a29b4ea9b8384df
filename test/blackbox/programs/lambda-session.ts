/** The same routes on Lambda without Hono: one handler with a session. */
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import type { Session, Store } from 'claimcheck'
import { withSession } from 'claimcheck/lambda'
import { memcachedStore } from 'claimcheck/memcached'
import { redisStore } from 'claimcheck/redis'
import { createClient } from 'redis'
import { append, type Data, logIn } from './app.ts'
import { self } from './self.ts'

const { SECRET: secret, MEMCACHED = '', REDIS_PORT } = process.env
const times = { callMs: 20_000 }
const client = createClient({ socket: { host: '127.0.0.1', port: Number(REDIS_PORT) } })
client.on('error', () => {})
await client.connect()

const shop = (store: Store) =>
  withSession(
    { store, secret, requestMs: 20_000 },
    async ({ rawPath }: APIGatewayProxyEventV2, session: Session<Data>) => {
      const [verb = '', first = '', place = ''] = rawPath.split('/').slice(2)
      if (verb === 'login') logIn(session, first, place)
      else if (verb === 'append') await append(session, first)
      else if (verb === 'logout') session.destroy()
      else return { statusCode: 200, body: JSON.stringify(await session.all()) }
      return { statusCode: 200, body: verb }
    },
  )
const shops: Readonly<Record<string, ReturnType<typeof shop>>> = {
  redis: shop(redisStore({ client, ...times })),
  memcached: shop(memcachedStore({ servers: MEMCACHED.split(','), connectMs: 20_000, ...times })),
}

export const handler = async (event: APIGatewayProxyEventV2, context: unknown): Promise<unknown> => {
  const at = event.rawPath.split('/')[1] ?? ''
  return at === 'about' ? { statusCode: 200, body: JSON.stringify(self()) } : shops[at]?.(event, context)
}
