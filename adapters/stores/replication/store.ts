import { assertKey, assertTtl, type NodeHealth, type Store, type StoreHealth } from '../../../src/store.ts'
import { Cluster, type ClusterOptions } from './cluster.ts'
import { isCurrent } from './copies.ts'
import type { Member } from './member.ts'
import { readEntry, repairByReading } from './reading.ts'
import { remove } from './tombstones.ts'
import { create, update } from './writing.ts'

/** A cluster that hands over what its members have missed. */
export const createCluster = (options: ClusterOptions): Cluster => new Cluster(options, repairByReading)

/** The composition itself, over members and an owner function that are checked already. */
export function replicate(name: string, options: ClusterOptions): Store {
  return replicateIn(name, createCluster(options))
}

/** The same over a cluster whose members come and go. */
export function replicateIn(name: string, cluster: Cluster): Store {
  return {
    name,
    async read(key, readOptions = {}) {
      assertKey(key)
      if (readOptions.touchSeconds !== undefined) assertTtl(readOptions.touchSeconds)
      return readEntry(cluster, key, readOptions)
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
    isCurrent: (version) => isCurrent(version, cluster.members),
    check: () => health(cluster),
    close: () => cluster.close(),
  }
}

/** Ready while every key has an owner left: with fewer members down than it has copies. */
async function health(cluster: Cluster): Promise<StoreHealth> {
  const { names, copies } = cluster.inForce
  const nodes = await Promise.all(cluster.members.map(healthOf))
  // A server that was taken off the list is shown while it may be asked, and may well be down.
  const down = nodes.filter(({ node, up }) => !up && names.has(node)).length
  return { ready: names.size > 0 && down < Math.min(names.size, copies), nodes }
}

async function healthOf({ name, store, downMs }: Member): Promise<NodeHealth> {
  const health = await store.check?.().catch(() => ({ ready: false, nodes: [] }))
  // What several nodes say does not fit into one line.
  const [only] = health?.nodes.length === 1 ? health.nodes : []
  const outMs = downMs > 0 ? { outMs: downMs } : {}
  return { ...only, node: name, up: health?.ready !== false, ...outMs }
}
