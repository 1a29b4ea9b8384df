import { Redis as IoRedis } from 'ioredis'
import { createClient } from 'redis'
import { type MemcachedOptions, memcachedStore } from '../../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../../adapters/stores/redis/index.ts'
import { replicatedStore } from '../../../adapters/stores/replicated.ts'
import type { Store } from '../../../src/index.ts'
import { callMs } from './busy.ts'

/** A store as it can be told to another process. */
export type StoreSpec =
  | { readonly kind: 'memcached'; readonly servers: readonly string[]; readonly options?: Partial<MemcachedOptions> }
  /** The servers come from a provider function and change by message. */
  | { readonly kind: 'provided'; readonly servers: readonly string[]; readonly options?: Partial<MemcachedOptions> }
  | { readonly kind: 'node-redis' | 'ioredis'; readonly port: number }
  | { readonly kind: 'replicated'; readonly servers: readonly string[]; readonly port: number }

export interface OpenStore {
  readonly store: Store
  /** Tells the provider of another list; the store learns of it when it asks. */
  provide(servers: readonly string[]): void
  close(): Promise<void>
}

/** What the doc comment of `redisStore` asks for. */
const socketTimeout = 1000
const reconnectStrategy = (retries: number) => Math.min(50 * 2 ** retries, 500)

export async function openStore(spec: StoreSpec): Promise<OpenStore> {
  switch (spec.kind) {
    case 'memcached':
      return plain(memcachedStore({ servers: spec.servers, connectMs: callMs(), callMs: callMs(), ...spec.options }))
    case 'provided': {
      let servers = spec.servers
      const store = memcachedStore({
        servers: async () => servers,
        connectMs: callMs(),
        callMs: callMs(),
        ...spec.options,
      })
      const provide = (list: readonly string[]) => {
        servers = list
      }
      return { ...plain(store), provide }
    }
    case 'replicated': {
      // With its queue: idle for a second it connects anew, and without one what is asked meanwhile fails. Three such failures in
      // a row, which take a few ms, and redis counts as down for a second.
      const redis = await openNodeRedis(spec.port, false)
      const store = replicatedStore({
        stores: [memcachedStore({ servers: spec.servers, connectMs: callMs(), callMs: callMs() }), redis.store],
      })
      return { ...plain(store), close: async () => void (await Promise.all([store.close?.(), redis.close()])) }
    }
    case 'node-redis':
      return openNodeRedis(spec.port, true)
    case 'ioredis': {
      const client = new IoRedis(spec.port, '127.0.0.1', {
        socketTimeout,
        enableOfflineQueue: false,
        autoResendUnfulfilledCommands: false,
      })
      client.on('error', () => {})
      await new Promise((ready) => client.once('ready', ready))
      return { ...plain(redisStore({ client, callMs: callMs() })), close: async () => client.disconnect() }
    }
  }
}

async function openNodeRedis(port: number, disableOfflineQueue: boolean): Promise<OpenStore> {
  const socket = { host: '127.0.0.1', port, socketTimeout, reconnectStrategy }
  const client = createClient({ socket, disableOfflineQueue })
  client.on('error', () => {})
  await client.connect()
  return { ...plain(redisStore({ client, callMs: callMs() })), close: async () => client.destroy() }
}

function plain(store: Store): OpenStore {
  return { store, provide: () => {}, close: async () => store.close?.() }
}
