/** The app on Lambda, by Hono's own handler. */
import { memcachedStore } from 'claimcheck/memcached'
import { redisStore } from 'claimcheck/redis'
import { handle, type LambdaEvent } from 'hono/aws-lambda'
import { createClient } from 'redis'
import { buildApp } from './app.ts'

const { SECRET: secret, MEMCACHED = '', REDIS_PORT } = process.env
const times = { callMs: 20_000 }
const client = createClient({ socket: { host: '127.0.0.1', port: Number(REDIS_PORT) } })
client.on('error', () => {})
await client.connect()
const requestMs = 20_000
const memcached = memcachedStore({ servers: MEMCACHED.split(','), connectMs: 20_000, ...times })

export const handler: (event: LambdaEvent) => Promise<unknown> = handle(
  buildApp({
    redis: { store: redisStore({ client, ...times }), secret, requestMs },
    memcached: { store: memcached, secret, requestMs },
  }),
)
