/** The app as a Worker with `nodejs_compat`, where memcached can be imported, to be refused. */
import { memcachedStore } from 'claimcheck/memcached'
import type { Hono } from 'hono'
import { buildApp } from './app.ts'
import { type Bound, inMemory, overHttp } from './worker.ts'

const refused = ({ env }: Bound) => ({ store: memcachedStore({ servers: ['127.0.0.1'] }), secret: env.SECRET })

const app: Hono = buildApp({ redis: overHttp, memory: inMemory, memcached: refused })
// biome-ignore lint/style/noDefaultExport: this is the form of a Worker
export default app
