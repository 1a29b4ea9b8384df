import { type MemoryStore, memoryStore } from '../../adapters/stores/memory.ts'
import type { Cluster, ClusterOptions } from '../../adapters/stores/replication/cluster.ts'
import { createCluster, replicateIn } from '../../adapters/stores/replication/store.ts'
import { tombstone } from '../../src/record/tombstone.ts'
import type { Store } from '../../src/store.ts'
import { type FailingStore, failingStore, type GatedStore, gatedStore } from './stores.ts'

/** A member whose calls can be held and made to fail, and what lies in it. */
export interface TestMember extends GatedStore, Pick<FailingStore, 'fail' | 'always' | 'deliver'> {
  readonly name: string
  readonly inner: MemoryStore
}

export interface TestCluster {
  readonly store: Store
  readonly cluster: Cluster
  readonly members: readonly TestMember[]
  /** What each member holds under a key, past everything. */
  held(key: string): Promise<readonly (Uint8Array | null)[]>
}

/** A replicated store over memory; every member owns every key unless told otherwise. */
export function testCluster(count: number, options: Partial<ClusterOptions> = {}): TestCluster {
  const members = Array.from({ length: count }, (_, at): TestMember => {
    const inner = memoryStore()
    const failing = failingStore(inner)
    const { fail, always, deliver } = failing
    return { ...gatedStore(failing), name: `n${at}`, inner, fail, always, deliver }
  })
  const cluster = createCluster({
    members: members.map((store) => ({ name: store.name, store })),
    giveUpSeconds: 30,
    now: Date.now,
    ...options,
  })
  const held = (key: string) => Promise.all(members.map(async ({ inner }) => (await inner.read(key))?.value ?? null))
  return { store: replicateIn('replicated', cluster), cluster, members, held }
}

/** A record by its revision and the first byte of its iv. */
export function recordOf(revision: number, iv = 1): Uint8Array {
  const bytes = new Uint8Array(44).fill(7)
  bytes[0] = 1
  new DataView(bytes.buffer).setBigUint64(3, BigInt(revision))
  bytes.set([1, 1, 1, 1], 1)
  bytes[11] = 0
  bytes.fill(iv, 12, 24)
  return bytes
}

export const tombstoneOf = (revision: number): Uint8Array => tombstone('destroyed', revision)
