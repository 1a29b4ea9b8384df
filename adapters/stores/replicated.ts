import { SessionOptionsError } from '../../src/errors.ts'
import { refuseUnknown } from '../../src/options.ts'
import { assertKey, assertTtl, type NodeHealth, type Store, type StoreHealth } from '../../src/store.ts'
import { Cluster, type ClusterOptions } from './replication/cluster.ts'
import type { Member } from './replication/member.ts'
import { read } from './replication/reading.ts'
import { create, remove, update } from './replication/writing.ts'

/** Options of {@link replicatedStore}; unknown names are refused. */
export interface ReplicatedOptions {
  /** Two stores or more, the home first. Every process must list them in the same order. */
  readonly stores: readonly Store[]
  /** After so many seconds a store that is away counts as having lost its sessions; until then they are unavailable. Default 30. */
  readonly giveUpSeconds?: number | undefined
}

/**
 * Keeps a copy of every session in each of several stores, so that one of them can be lost.
 *
 * Reads ask all at once: one round-trip time, and whatever lags is repaired before the answer. A change is compared and swapped on
 * each in turn: one round trip more per copy. Destroyed sessions leave tombstones that outrank every record.
 *
 * Promised: with one fault at a time (a store frozen, killed, or cut off from one process) acknowledged changes survive exactly once
 * and a logout is final everywhere. Not promised: two processes cut off from opposite stores at once (each may acknowledge what
 * the other sees only after healing); a second store lost before the first is repaired; clocks more than 1 s apart during a
 * failover; a 503 write may or may not have happened, but it does not flicker. Throws `SessionOptionsError`.
 */
export function replicatedStore(options: ReplicatedOptions): Store {
  refuseUnknown(options, ['stores', 'giveUpSeconds'], 'option of replicatedStore:')
  const { stores, giveUpSeconds = 30 } = options
  if (!Array.isArray(stores) || stores.length < 2)
    throw new SessionOptionsError('stores must be a list of at least two stores')
  if (new Set(stores).size < stores.length) throw new SessionOptionsError('stores must be different stores')
  if (!Number.isInteger(giveUpSeconds) || giveUpSeconds < 1)
    throw new SessionOptionsError('giveUpSeconds must be a whole number of at least 1')
  const members = stores.map((store, at) => ({ name: `${at}:${store.name}`, store }))
  return replicate('replicated', { members, giveUpSeconds, now: Date.now })
}

/** The composition itself, over members and an owner function that are checked already. */
export function replicate(name: string, options: ClusterOptions): Store {
  return replicateIn(name, new Cluster(options))
}

/** The same over a cluster whose members come and go. */
export function replicateIn(name: string, cluster: Cluster): Store {
  return {
    name,
    async read(key, readOptions = {}) {
      assertKey(key)
      if (readOptions.touchSeconds !== undefined) assertTtl(readOptions.touchSeconds)
      return (await read(cluster, key, readOptions))?.entry ?? null
    },
    async create(key, value, ttlSeconds, callOptions = {}) {
      assertKey(key)
      assertTtl(ttlSeconds)
      return create(cluster, key, value, ttlSeconds, callOptions)
    },
    async update(key, value, ttlSeconds, version, callOptions = {}) {
      assertKey(key)
      assertTtl(ttlSeconds)
      return update(cluster, key, value, ttlSeconds, version, callOptions)
    },
    async delete(key, deleteOptions = {}) {
      assertKey(key)
      if (deleteOptions.tombstone) assertTtl(deleteOptions.tombstone.seconds)
      return remove(cluster, key, deleteOptions)
    },
    check: () => health(cluster),
    close: () => cluster.close(),
  }
}

/** Ready while a key has an owner left: with fewer members down than it has owners. */
async function health(cluster: Cluster): Promise<StoreHealth> {
  const nodes = await Promise.all(cluster.members.map(healthOf))
  const down = nodes.filter(({ up }) => !up).length
  return { ready: nodes.length > 0 && down < Math.min(nodes.length, cluster.ownersOf('claimcheck').length), nodes }
}

async function healthOf({ name, store, downMs }: Member): Promise<NodeHealth> {
  const health = await store.check?.()
  const [only] = health?.nodes ?? []
  const outMs = downMs > 0 ? { outMs: downMs } : {}
  return { ...only, node: name, up: health?.ready !== false, ...outMs }
}
