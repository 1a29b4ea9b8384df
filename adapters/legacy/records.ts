import { need } from '../../src/checks.ts'
import type { Store } from '../../src/store.ts'
import type { LegacyCall } from './contract.ts'

/** Where another library keeps its records, by their keys and as they are. */
export interface OldRecords {
  /** Text, bytes, or what a client has made of them; null or undefined where there is none. */
  read(key: string, call: LegacyCall): unknown
  /** Absent is no error. */
  remove(key: string, call: LegacyCall): unknown
}

/** A client of Redis, node-redis or ioredis, as far as old records need it. */
export interface RedisLikeClient {
  get(key: string): Promise<unknown>
  del(key: string): Promise<unknown>
}

/** For the lock of PHP: adds where there is nothing; whether it did. */
export interface LockingRecords extends OldRecords {
  add?(key: string, seconds: number, call: LegacyCall): Promise<boolean>
}

/** What an option `store` may be, but for a store of express-session. */
export type GivenRecords = OldRecords | RedisLikeClient | Store

/** Records in a store of ours (`memcachedStore({ servers, replicas: 1 })`), behind a client of Redis, or as two functions find them. */
export function recordsOf(given: GivenRecords): LockingRecords {
  const has = (...names: string[]) => names.every((name) => typeof (given as never)?.[name] === 'function')
  if (has('read', 'create', 'delete')) return inStore(given as Store)
  if (has('read', 'remove')) return given as OldRecords
  need(
    has('get', 'del'),
    'store must be a memcachedStore with one replica, a client of Redis, or { read(key), remove(key) }',
  )
  const client = given as RedisLikeClient
  return { read: (key) => client.get(key), remove: (key) => client.del(key) }
}

function inStore(store: Store): LockingRecords {
  return {
    read: async (key, call) => (await store.read(key, call))?.value,
    remove: (key, call) => store.delete(key, call),
    // Not the same bytes as another's lock: a store takes those for its own write, whose answer was lost.
    add: async (key, seconds, call) =>
      (await store.create(key, globalThis.crypto.getRandomValues(new Uint8Array(24)), seconds, call)).status ===
      'stored',
  }
}

/** What was read as JSON; null where nothing was. A client may have parsed it already. */
export function parsed(record: unknown): unknown {
  if (record instanceof Uint8Array) return JSON.parse(new TextDecoder().decode(record))
  return typeof record === 'string' ? JSON.parse(record) : (record ?? undefined)
}
