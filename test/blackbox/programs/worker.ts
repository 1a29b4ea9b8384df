/** The app as a Worker without `nodejs_compat`; its bindings come with the request. */
import type { SessionOptions } from 'claimcheck'
import { memoryStore } from 'claimcheck/memory'
import { upstashStore } from 'claimcheck/upstash'
import type { Context, Hono } from 'hono'
import { buildApp } from './app.ts'

interface Bindings {
  readonly SECRET: string
  readonly UPSTASH_URL: string
  readonly UPSTASH_TOKEN: string
}
export type Bound = Context<{ Bindings: Bindings }>

export const overHttp = ({ env }: Bound): SessionOptions => {
  const { SECRET: secret, UPSTASH_URL: url, UPSTASH_TOKEN: token } = env
  return { store: upstashStore({ url, token, callMs: 20_000 }), secret, requestMs: 20_000 }
}
export const inMemory = ({ env }: Bound): SessionOptions => ({ store: memoryStore(), secret: env.SECRET })

// The same redis as everybody's, through the Upstash protocol.
const app: Hono = buildApp({ redis: overHttp, upstash: overHttp, memory: inMemory })
// biome-ignore lint/style/noDefaultExport: this is the form of a Worker
export default app
