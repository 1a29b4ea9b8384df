// This entry on every runtime: the plain one brings `Buffer`, `process` and a search client along (80 KB against 78 KB minified).
import { Redis } from '@upstash/redis/cloudflare'
import { SessionOptionsError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { assertCallMs, assertOptions, type SendCommand } from './redis-call.ts'
import { redisCommandsStore } from './redis-commands.ts'

/** `url` and `token` may be undefined in the type, so that environment variables can be handed over as they are; it throws. */
export interface UpstashStoreOptions {
  /** `UPSTASH_REDIS_REST_URL`: https, or http to this machine. */
  readonly url: string | undefined
  /** `UPSTASH_REDIS_REST_TOKEN`: one that may write. */
  readonly token: string | undefined
  /** Milliseconds until a call without an answer is an outage; 400. */
  readonly callMs?: number | undefined
}

/** Room for a TLS handshake and a far region, which we have not measured; below the 500 ms a request gets for all its store work. */
const defaultCallMs = 400

/**
 * Keeps sessions in Upstash Redis over HTTP, for Workers, Lambda and wherever there are no sockets.
 *
 * One request per call, never repeated. Needs the optional peer `@upstash/redis` 1.39 or later: older ones send the sync token,
 * by which a client reads its own writes, one request late; before 1.35.1 they have no signal per request either.
 * Throws `SessionOptionsError`.
 */
export function upstashStore(options: UpstashStoreOptions): Store {
  assertOptions(options, 'upstashStore', ['url', 'token', 'callMs'])
  const { callMs = defaultCallMs } = options
  assertCallMs(callMs)
  const url = checkedUrl(options.url)
  const send = senderTo(url.href, checkedToken(options.token), callMs)
  return redisCommandsStore({ name: 'upstash', node: url.host, callMs, send })
}

function senderTo(url: string, token: string, callMs: number): SendCommand {
  let handed: AbortSignal | undefined
  const redis = new Redis({
    url,
    token,
    // A function: once a plain signal has aborted, the SDK makes up an answer, null for GET and a truthy text for SET.
    signal: () => handed ?? AbortSignal.timeout(callMs),
    // 0: by default it sends 6 times, writes too; `false` still means twice.
    retry: { retries: 0 },
    // It would turn the text `1234` into a number and `null` into an absent session.
    automaticDeserialization: false,
    // A lone get or set would go to /pipeline, whose answers and errors look different; exec does not, as of 1.39.
    enableAutoPipelining: false,
    enableTelemetry: false,
    // What we store is ASCII already; base64 on the way back would only cost a third more.
    responseEncoding: false,
  })
  return (command, signal) => {
    // The SDK has one signal function for all requests, but calls it before its first await: so each request gets its own. Were
    // that to change, the fallback above still bounds the request, and no request could get the signal of another.
    handed = signal
    try {
      return redis.exec([...command])
    } finally {
      handed = undefined
    }
  }
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
