import type { SendCommand } from './call.ts'

/** What `upstashStore` needs of the class `Redis` of `@upstash/redis`. */
export type RedisClass = new (
  config: RedisConfig,
) => {
  exec(command: [string, ...string[]]): Promise<unknown>
}

/** The settings that make its clients fit for sessions; each is another by default. */
interface RedisConfig {
  url: string
  token: string
  signal: () => AbortSignal
  retry: { retries: number }
  automaticDeserialization: boolean
  enableAutoPipelining: boolean
  enableTelemetry: boolean
  responseEncoding: false
}

/**
 * Sends through a client of `@upstash/redis`, set up so that it neither repeats nor reinterprets anything.
 *
 * Versions before 1.39 send the sync token, by which a client reads its own writes, one request late; those before 1.35.1 have no
 * signal per request either.
 */
export function sdkSender(client: RedisClass, url: string, token: string, callMs: number): SendCommand {
  let handed: AbortSignal | undefined
  const redis = new client({
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
