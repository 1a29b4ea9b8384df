import { refuseUnknown, wholeNumber } from '../../../src/checks.ts'
import { SessionOptionsError } from '../../../src/errors.ts'
import type { Store } from '../../../src/store.ts'
import type { SendCommand } from './call.ts'
import { compareAndSwap, redisCommandsStore } from './commands.ts'

/** node-redis 4, 5 or 6: a client or a pool (not a cluster or sentinel, whose `sendCommand` takes the key first). */
export interface NodeRedisClient {
  sendCommand(args: string[], options?: { abortSignal?: AbortSignal; typeMapping?: object }): Promise<unknown>
}

/** ioredis: a client or a cluster. */
export interface IoRedisClient {
  call(command: string, ...args: string[]): Promise<unknown>
}

/** Any client that can send a command. */
export type RedisClient = NodeRedisClient | IoRedisClient

/** Options of {@link redisStore}; unknown names are refused. */
export interface RedisStoreOptions {
  /** Connected, or connecting by itself; it stays yours to close. */
  readonly client: RedisClient
  /** Milliseconds until a call without an answer is an outage; 250. */
  readonly callMs?: number | undefined
}

/** A healthy redis answers within 1 ms; two calls of 250 ms fit into the 500 ms of work a request may take. */
const defaultCallMs = 250

/**
 * Keeps sessions in redis 6.2 or later (for GETEX), through a client of yours.
 *
 * There is no `close` and no listener is attached here: the client is not ours, and others may be using it. So, on your side:
 * - Create ioredis with `autoResendUnfulfilledCommands: false`: a write must not be sent twice. It is refused otherwise.
 * - Listen for its `error` events: node-redis ends the process with an unhandled one when a connection breaks.
 * - Set its `socketTimeout`, or a connection that a firewall has forgotten is kept until the kernel gives up, 15 minutes on
 *   Linux. ioredis then leaves it in time. node-redis (`socket: { socketTimeout, reconnectStrategy }`) does after that long
 *   without a command, because it takes its own writes for signs of life, and without a `reconnectStrategy` never connects again.
 * - node-redis with `disableOfflineQueue: true` and ioredis with `enableOfflineQueue: false` fail at once while redis is
 *   away, instead of after `callMs`; node-redis then also fails what is asked in the few ms in which it leaves an idle
 *   connection after its `socketTimeout` and opens another.
 *
 * Throws `SessionOptionsError`.
 */
export function redisStore(options: RedisStoreOptions): Store {
  refuseUnknown(options, ['client', 'callMs'], 'option of redisStore:')
  const { client } = options
  const callMs = wholeNumber('callMs', options.callMs, defaultCallMs, 1, 60_000)
  return redisCommandsStore({ name: 'redis', callMs, send: byHash(senderOf(client)) })
}

/** SHA-1 of the script, by which redis knows it once it has run. */
const scriptHash = '7eb9d54f86c11a77c489cb5ad83afe54fcd23235'

/** Names the script instead of sending it. Where redis does not know it, nothing has run: then, and only then, it is sent. */
function byHash(send: SendCommand): SendCommand {
  return async (command, signal) => {
    const [verb, script, ...rest] = command
    if (verb !== 'EVAL' || script !== compareAndSwap) return send(command, signal)
    try {
      return await send(['EVALSHA', scriptHash, ...rest], signal)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT') || signal.aborted) throw error
      return send(command, signal)
    }
  }
}

function senderOf(client: RedisClient): SendCommand {
  // ioredis has a `sendCommand` too, of another shape: look for `call` first.
  if (has(client, 'call')) {
    assertSendsOnce(client)
    return async (command) => client.call(...command)
  }
  if (!has(client, 'sendCommand'))
    throw new SessionOptionsError('redisStore: client must be a node-redis or ioredis client (sendCommand or call)')
  if (client.sendCommand.length > 2)
    throw new SessionOptionsError('redisStore: client must be a node-redis client or pool, not a cluster or sentinel')
  // The signal takes a command that still waits out of the offline queue, so that it is not sent minutes later.
  // typeMapping: a client of the application may map strings to Buffers; here they stay strings.
  return async (command, signal) => client.sendCommand([...command], { abortSignal: signal, typeMapping: {} })
}

/** Sent again after a reconnect, a change could meet another's and be applied a second time on top of it. */
function assertSendsOnce(client: IoRedisClient): void {
  type Options = { readonly autoResendUnfulfilledCommands?: unknown }
  const { options } = client as { readonly options?: Options & { readonly redisOptions?: Options } }
  const sends = options?.redisOptions ?? options
  if (sends && sends.autoResendUnfulfilledCommands !== false)
    throw new SessionOptionsError('redisStore: create the ioredis client with autoResendUnfulfilledCommands: false')
}

function has<Name extends 'call' | 'sendCommand'>(
  client: RedisClient | undefined,
  name: Name,
): client is Extract<RedisClient, Record<Name, unknown>> {
  return typeof (client as Partial<Record<Name, unknown>> | undefined)?.[name] === 'function'
}
