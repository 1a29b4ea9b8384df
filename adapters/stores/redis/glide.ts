import type { RedisCommand } from './call.ts'
import { KnownFailure } from './reasons.ts'

/** Version 2 of @valkey/valkey-glide: `GlideClient` or `GlideClusterClient`. */
export interface GlideClient {
  customCommand(args: string[], options?: object): Promise<unknown>
}

/** `Decoder.String` of the package: a client of the application may map text to Buffers. */
const asText = 1

/** Its words for what failed on the way, which are its own. */
const failures: Readonly<Record<string, KnownFailure>> = {
  ClosingError: new KnownFailure('not-connected', 'the client is not connected: was it closed?'),
  ConnectionError: new KnownFailure('disconnected', 'the connection broke'),
  TimeoutError: new KnownFailure('timeout', 'the client waited no longer (its requestTimeout)'),
}

/** Its names for errors of the server that have a word of their own there (ErrorKind of its core). */
const kinds: Readonly<Record<string, string>> = {
  ...{ Ask: 'ASK', BusyLoadingError: 'LOADING', ClusterDown: 'CLUSTERDOWN', CrossSlot: 'CROSSSLOT' },
  ...{ MasterDown: 'MASTERDOWN', Moved: 'MOVED', NoScriptError: 'NOSCRIPT', PermissionDenied: 'NOPERM' },
  ...{ ReadOnly: 'READONLY', ResponseError: 'ERR', TryAgain: 'TRYAGAIN' },
}

/** Sends a command to the master of its key. The package sends none again whose connection broke (tested). */
export async function sendByGlide(client: GlideClient, command: RedisCommand, key: string): Promise<unknown> {
  try {
    return await client.customCommand([...command], { decoder: asText, route: { type: 'primarySlotKey', key } })
  } catch (error) {
    throw error instanceof Error ? (failures[error.name] ?? new Error(inWordsOfRedis(error.message))) : error
  }
}

/** `OOM: text`, or `An error was signalled by the server: - NoScriptError: text`, as the server said it: `NOSCRIPT text`. */
function inWordsOfRedis(message: string): string {
  const [, kind = '', text = ''] = /^(?:An error was signalled by the server: - )?(\w+): ?(.*)/s.exec(message) ?? []
  return `${kinds[kind] ?? kind} ${text}`
}
