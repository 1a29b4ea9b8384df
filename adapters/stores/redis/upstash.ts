import { refuseUnknown, wholeNumber } from '../../../src/checks.ts'
import { SessionOptionsError } from '../../../src/errors.ts'
import type { Store } from '../../../src/store.ts'
import { redisCommandsStore } from './commands.ts'
import { restSender } from './rest.ts'
import { type RedisClass, sdkSender } from './sdk.ts'

export type { RedisClass } from './sdk.ts'

/** `url` and `token` may be undefined in the type, so that environment variables can be handed over as they are; it throws. */
export interface UpstashStoreOptions {
  /** `UPSTASH_REDIS_REST_URL`: https, or http to this machine. */
  readonly url: string | undefined
  /** `UPSTASH_REDIS_REST_TOKEN`: one that may write. */
  readonly token: string | undefined
  /** Milliseconds until a call without an answer is an outage; 400. */
  readonly callMs?: number | undefined
  /**
   * The class `Redis` of `@upstash/redis` or `@upstash/redis/cloudflare`, 1.39 or later, to send the commands through it; without
   * it a client of our own does, which saves an edge bundle 17 KB after compression (measured).
   */
  readonly client?: RedisClass | undefined
}

/** Room for a TLS handshake and a far region, which we have not measured; below the 500 ms a request gets for all its store work. */
const defaultCallMs = 400

/**
 * Keeps sessions in Upstash Redis over HTTP, for Workers, Lambda and wherever there are no sockets.
 *
 * One request per call, never repeated, and none to another host by a redirect. Reads its own writes where the database has read
 * replicas (by the sync token of each answer). Throws `SessionOptionsError`.
 */
export function upstashStore(options: UpstashStoreOptions): Store {
  refuseUnknown(options, ['url', 'token', 'callMs', 'client'], 'option of upstashStore:')
  const { client } = options
  const callMs = wholeNumber('callMs', options.callMs, defaultCallMs, 1, 60_000)
  if (client !== undefined && typeof client !== 'function')
    throw new SessionOptionsError('upstashStore: client must be the class Redis of @upstash/redis')
  const url = checkedUrl(options.url)
  const token = checkedToken(options.token)
  const send = client ? sdkSender(client, url.href, token, callMs) : restSender(url.href, token)
  return redisCommandsStore({ name: 'upstash', node: url.host, callMs, send })
}

/** Also for plain-http development servers; a name ending in `.localhost` never leaves the machine (RFC 6761 section 6.3). */
const loopback = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/

function checkedUrl(text: string | undefined): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
  // Neither this nor the token is quoted in the messages: either may hold a secret, or be swapped with the other.
  if (url === undefined) throw new SessionOptionsError('upstashStore: url must be set to the REST URL of the database')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback.test(url.hostname)))
    throw new SessionOptionsError('upstashStore: url must be https (http only to this machine)')
  if (url.username || url.password || url.search || url.hash)
    throw new SessionOptionsError('upstashStore: url must not hold credentials, a query or a fragment')
  return url
}

function checkedToken(token: string | undefined): string {
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token))
    throw new SessionOptionsError('upstashStore: token must be set, without white space or control characters')
  return token
}
