import { refuseUnknown, wholeNumber } from '../../../src/checks.ts'
import { withSetup } from '../../../src/setup.ts'
import type { Store } from '../../../src/store.ts'
import type { SendCommand } from './call.ts'
import { type RedisClient, senderOf } from './clients.ts'
import { compareAndSwap, redisCommandsStore } from './commands.ts'

export type {
  IoRedisClient,
  NodeRedisClient,
  NodeRedisCluster,
  NodeRedisSentinel,
  RedisClient,
  RedisSend,
} from './clients.ts'
export type { GlideClient } from './glide.ts'

/** Options of {@link redisStore}; unknown names are refused. */
export interface RedisStoreOptions {
  /** Connected, or connecting by itself, or a function that sends; it stays yours to close. */
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
  return withSetup(redisCommandsStore({ name: 'redis', callMs, send: byHash(senderOf(client)) }), {
    kind: 'redis',
    options,
  })
}

/** SHA-1 of the script, by which redis knows it once it has run. */
const scriptHash = '7eb9d54f86c11a77c489cb5ad83afe54fcd23235'

/**
 * Names the script instead of sending it. Where redis does not know it, nothing has run: then, and only then, it is sent. Each node of a
 * cluster keeps scripts of its own.
 */
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
