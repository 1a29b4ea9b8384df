import { StoreUnavailableError } from '../../../src/errors.ts'
import { Patience } from '../../../src/request/patience.ts'
import { type Why, whyOf } from './reasons.ts'

/** A redis command and its arguments, as they go over the wire. */
export type RedisCommand = readonly [verb: string, ...args: string[]]

/** Sends one command and settles with its answer; the signal aborts when nobody waits for that answer any more. */
export type SendCommand = (command: RedisCommand, signal: AbortSignal) => Promise<unknown>

/** A way to reach redis, and for how long to wait there. */
export interface RedisConnection {
  /** `redis` or `upstash`, for messages and events. */
  readonly name: string
  /** The address, where it is known; never credentials. */
  readonly node?: string | undefined
  /** Milliseconds until a call without an answer is an outage. */
  readonly callMs: number
  readonly send: SendCommand
}

/**
 * Sends a command once and waits for the answer, the deadline or the caller's abort, whichever is first.
 *
 * The race is ours because clients do not settle: node-redis and ioredis wait over 20 s for a stalled server and queue
 * commands while offline. Rejects with `StoreUnavailableError` only, without the client's message or cause: ioredis hangs the
 * command on its errors and @upstash/redis quotes it, and a command is the session's key and data.
 */
export function callRedis(
  { name, node, callMs, send }: RedisConnection,
  command: RedisCommand,
  caller: AbortSignal | undefined,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (caller?.aborted) return reject(new StoreUnavailableError(`${name}: aborted before sending`, { node }))
    const control = new AbortController()
    const settle = () => {
      patience.stop()
      caller?.removeEventListener('abort', aborted)
    }
    const fail = ({ text, reason }: Partial<Why>) => {
      settle()
      reject(new StoreUnavailableError(`${name}: ${text}`, { node, reason }))
      control.abort()
    }
    const aborted = () => fail({ text: 'aborted by the caller' })
    const late = { text: `no answer within ${callMs} ms`, reason: 'timeout' } as const
    const patience = new Patience(callMs, () => fail(late))
    caller?.addEventListener('abort', aborted, { once: true })
    const done = (result: unknown) => {
      settle()
      resolve(result)
    }
    // Async, so that a client which throws instead of rejecting does not get past the clean-up.
    const answer = async () => send(command, control.signal)
    answer().then(done, (error: unknown) => fail(whyOf(error)))
  })
}
