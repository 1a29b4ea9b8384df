/** The app on whichever runtime runs this file, each with its own server; prints the port it listens on. */

import { memcachedStore } from 'claimcheck/memcached'
import { memoryStore } from 'claimcheck/memory'
import { redisStore } from 'claimcheck/redis'
import { upstashStore } from 'claimcheck/upstash'
import { createClient } from 'redis'
import { buildApp } from './app.ts'

type Fetch = (request: Request) => Response | Promise<Response>
interface Globals {
  readonly Bun?: { serve(options: { port: number; hostname: string; fetch: Fetch }): { readonly port: number } }
  readonly Deno?: {
    serve(options: { port: number; hostname: string; onListen(at: { port: number }): void }, fetch: Fetch): unknown
  }
}

const { SECRET: secret, MEMCACHED = '', REDIS_PORT, UPSTASH_URL: url, UPSTASH_TOKEN: token, PROBE = '' } = process.env
const patience = { callMs: 20_000 }
const client = createClient({ socket: { host: '127.0.0.1', port: Number(REDIS_PORT) } })
client.on('error', () => {})
await client.connect()

const stores = {
  memory: memoryStore(),
  memcached: memcachedStore({ servers: MEMCACHED.split(','), connectMs: 20_000, ...patience }),
  redis: redisStore({ client, ...patience }),
  upstash: upstashStore({ url, token, ...patience }),
}
const optionsOf = ([name, store]: [string, (typeof stores)[keyof typeof stores]]) =>
  [name, { store, secret, requestMs: 20_000 }] as const
// Inside the package: where its own `#crypto` leads on this runtime.
const { crypto } = (await import(PROBE)) as { readonly crypto: string }
const app = buildApp(Object.fromEntries(Object.entries(stores).map(optionsOf)), { crypto })

// Ends with the one that started it, whatever becomes of that.
process.stdin.resume().once('end', () => process.exit(0))
const announce = (port: number) => console.log(`listening on ${port}`)
const { Bun, Deno } = globalThis as Globals
const hostname = '127.0.0.1'
if (Bun) announce(Bun.serve({ port: 0, hostname, fetch: app.fetch }).port)
else if (Deno) Deno.serve({ port: 0, hostname, onListen: ({ port }) => announce(port) }, app.fetch)
else {
  const { serve } = await import('@hono/node-server')
  serve({ port: 0, hostname, fetch: app.fetch }, ({ port }) => announce(port))
}
