import { SessionOptionsError } from '../../../src/errors.ts'
import type { RedisCommand, SendCommand } from './call.ts'
import { type GlideClient, sendByGlide } from './glide.ts'
import { KnownFailure } from './reasons.ts'

interface NodeRedisOptions {
  abortSignal?: AbortSignal
  typeMapping?: object
  timeout?: number
}

/** node-redis 4, 5 or 6: a client or a pool. */
export interface NodeRedisClient {
  sendCommand(args: string[], options?: NodeRedisOptions): Promise<unknown>
}

/** node-redis 5 or 6: what `createSentinel` gives. */
export interface NodeRedisSentinel {
  sendCommand(isReadonly: boolean | undefined, args: string[], options?: NodeRedisOptions): Promise<unknown>
}

/** node-redis 5 or 6: what `createCluster` gives. */
export interface NodeRedisCluster {
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: NodeRedisOptions,
  ): Promise<unknown>
}

/** ioredis: a client or a cluster. */
export interface IoRedisClient {
  call(command: string, ...args: string[]): Promise<unknown>
}

/**
 * Any other client, as a function: sends the command once, to the node of a cluster that has the key, and settles with redis' answer:
 * text as a string, a number, an array, or null. The signal aborts when nobody waits any more. An error of redis has redis' words.
 */
export type RedisSend = (
  command: string[],
  options: { readonly key: string; readonly signal: AbortSignal },
) => Promise<unknown>

/** Any client that can send a command. */
export type RedisClient =
  | NodeRedisClient
  | NodeRedisSentinel
  | NodeRedisCluster
  | IoRedisClient
  | GlideClient
  | RedisSend

/** How to send a command through this client; throws `SessionOptionsError` for what is none. */
export function senderOf(client: RedisClient): SendCommand {
  // A function has a `call` of its own.
  if (typeof client === 'function') {
    const send = client as RedisSend
    return (command, signal) => send([...command], { key: keyOf(command), signal })
  }
  // ioredis has a `sendCommand` too, of another shape: look for `call` first.
  if (has(client, 'call')) {
    assertSendsOnce(client)
    return async (command) => client.call(...command)
  }
  if (has(client, 'customCommand')) return (command) => sendByGlide(client, command, keyOf(command))
  if (!has(client, 'sendCommand'))
    throw new SessionOptionsError(
      'redisStore: client must be one of node-redis, ioredis or valkey-glide, or a function that sends a command',
    )
  return nodeRedisSender(client)
}

/**
 * typeMapping: a client of the application may map strings to Buffers; here they stay strings. timeout: node-redis 6 has a deadline of its
 * own for commands that wait in its queue, which takes 4 % of a read (measured); `callMs` bounds them, and everything else.
 */
const ours = { typeMapping: {}, timeout: 0 }

/** node-redis tells its kinds apart by nothing but the arguments they take. */
function nodeRedisSender(client: NodeRedisClient | NodeRedisSentinel | NodeRedisCluster): SendCommand {
  // The signal takes a command that still waits out of the offline queue, so that it is not sent minutes later.
  const { length } = client.sendCommand
  // Never `isReadonly`: a replica lags behind.
  if (length === 4) {
    const cluster = client as NodeRedisCluster
    return async (command, abortSignal) =>
      cluster.sendCommand(keyOf(command), false, [...command], { abortSignal, ...ours })
  }
  if (length === 3) return sentinelSender(client as NodeRedisSentinel)
  const single = client as NodeRedisClient
  return async (command, abortSignal) => single.sendCommand([...command], { abortSignal, ...ours })
}

/**
 * Where a connection breaks, a sentinel client sends the command again to the next master (`execute` of node-redis' sentinel). A write
 * that was stored would then meet another's and be applied a second time. So the signal lets a command into a queue once.
 */
function sentinelSender(client: NodeRedisSentinel): SendCommand {
  return async (command, signal) => {
    const once = { queued: false, refused: false }
    const abortSignal = {
      get aborted() {
        once.refused ||= once.queued
        return once.queued || signal.aborted
      },
      addEventListener(...args: Parameters<AbortSignal['addEventListener']>) {
        once.queued = true
        signal.addEventListener(...args)
      },
      removeEventListener: (...args: Parameters<AbortSignal['removeEventListener']>) =>
        signal.removeEventListener(...args),
    } as AbortSignal
    try {
      return await client.sendCommand(false, [...command], { abortSignal, ...ours })
    } catch (error) {
      throw once.refused ? new KnownFailure('disconnected', 'the connection to the master broke') : error
    }
  }
}

/** The one key of each command that a store sends. */
function keyOf([verb, first = '', , ...rest]: RedisCommand): string {
  return verb === 'EVAL' || verb === 'EVALSHA' ? (rest[0] ?? '') : first
}

/** Sent again after a reconnect, a change could meet another's and be applied a second time on top of it. */
function assertSendsOnce(client: IoRedisClient): void {
  type Options = { readonly autoResendUnfulfilledCommands?: unknown }
  const { options } = client as { readonly options?: Options & { readonly redisOptions?: Options } }
  const sends = options?.redisOptions ?? options
  if (sends && sends.autoResendUnfulfilledCommands !== false)
    throw new SessionOptionsError('redisStore: create the ioredis client with autoResendUnfulfilledCommands: false')
}

function has<Name extends 'call' | 'customCommand' | 'sendCommand'>(
  client: RedisClient | undefined,
  name: Name,
): client is Extract<Exclude<RedisClient, RedisSend>, Record<Name, unknown>> {
  return typeof (client as Partial<Record<Name, unknown>> | undefined)?.[name] === 'function'
}
