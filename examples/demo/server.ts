import { randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'
import { storeFromEnv } from 'claimcheck/env'
import { createDemo } from './app.tsx'

const { env } = process
const production = env.NODE_ENV === 'production'
const store = await storeFromEnv(env)
const app = createDemo({
  store,
  secret: env.SESSION_SECRET || (production ? undefined : passingSecret()),
  // This server speaks plain http. Chromium and Firefox take a Secure `__Host-sid` from http://localhost all the same (Chromium
  // from 127.0.0.1 too), Safari does not, and no browser does from another plain-http host: there a login would silently do
  // nothing. In production a proxy is expected to speak https to the browser, and the cookie is as strict as it gets.
  cookie: { insecure: !production },
})

const port = Number(env.PORT || 3000)
const server = serve({ fetch: app.fetch, port }, () =>
  console.log(`The shop is open: http://localhost:${port} (${store.name})`),
)
process.once('SIGINT', close)
process.once('SIGTERM', close)

/** 32 bytes of entropy, gone with the process. */
function passingSecret(): string {
  console.warn('SESSION_SECRET is not set: using a random one, so a restart logs everybody out')
  return randomBytes(32).toString('base64url')
}

/** Lets requests under way finish, and drops those that do not after five seconds. */
function close(): void {
  setTimeout(() => process.exit(1), 5000).unref()
  server.close(() => void Promise.resolve(store.close?.()).finally(() => process.exit(0)))
}
