import { SessionOptionsError } from 'claimcheck'
import { upstashStore } from 'claimcheck/upstash'
import type { Context } from 'hono'
import { createDemo } from '../demo/app.tsx'

/** Secrets of the Worker: from `.dev.vars` under `wrangler dev`, by `wrangler secret put` once deployed. */
interface Bindings {
  readonly UPSTASH_REDIS_REST_URL?: string
  readonly UPSTASH_REDIS_REST_TOKEN?: string
  readonly SESSION_SECRET?: string
}

/**
 * The demo shop as a Cloudflare Worker, its sessions in Upstash Redis.
 *
 * Bindings come with each request, so the options are a function of the context; it runs once per env object, not once per
 * request. Nothing here goes to `waitUntil`: the commit must be done before the response leaves, and there is no other work.
 *
 * The cookie is Secure. Chromium and Firefox take it from http://localhost as well; for Safari, and for any other host name, use
 * `wrangler dev --local-protocol https`.
 */
const shop: ReturnType<typeof createDemo> = createDemo({
  kept: ({ env }: Context<{ Bindings: Bindings }>) => ({
    store: upstashStore({
      url: needed(env, 'UPSTASH_REDIS_REST_URL'),
      token: needed(env, 'UPSTASH_REDIS_REST_TOKEN'),
    }),
    secret: needed(env, 'SESSION_SECRET'),
  }),
})

/** The visitor gets a page without details; the message goes to the log (`wrangler tail`). */
function needed(env: Bindings, name: keyof Bindings): string {
  const value = env[name]
  if (!value)
    throw new SessionOptionsError(`${name} is not set: put it into .dev.vars, or \`wrangler secret put ${name}\``)
  return value
}

// biome-ignore lint/style/noDefaultExport: the entry of a Worker is its default export
export default shop
