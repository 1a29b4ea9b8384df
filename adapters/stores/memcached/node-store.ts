import { StoreUnavailableError } from '../../../src/errors.ts'
import type { NodeHealth, Store } from '../../../src/store.ts'
import type { Driver } from './client/driver.ts'
import { ItemLimit } from './client/item-limit.ts'

/** One memcached as a store; keys and times are checked by the cluster it is in. */
export function nodeStore(driver: Driver): Store {
  // What no server is asked to hold; a smaller limit the driver learns when it connects.
  const limit = new ItemLimit(driver.node)
  const assertSize = (key: string, value: Uint8Array) => {
    const refused = limit.refusal(key, value)
    if (refused) throw refused
  }
  return {
    name: driver.node,
    async read(key, { signal, touchSeconds } = {}) {
      return touchSeconds === undefined ? driver.get(key, signal) : driver.getAndTouch(key, touchSeconds, signal)
    },
    async create(key, value, ttlSeconds, { signal } = {}) {
      assertSize(key, value)
      return driver.add(key, value, ttlSeconds, signal)
    },
    async update(key, value, ttlSeconds, version, { signal } = {}) {
      assertSize(key, value)
      return driver.cas(key, value, ttlSeconds, version, signal)
    },
    async delete(key, { signal, tombstone } = {}) {
      if (!tombstone) return driver.delete(key, signal)
      assertSize(key, tombstone.value)
      return driver.set(key, tombstone.value, tombstone.seconds, signal)
    },
    isCurrent: (version) => driver.isCurrent(version),
    async check() {
      const node = await health(driver)
      return { ready: node.up, nodes: [node] }
    },
    close: async () => driver.close(),
  }
}

async function health(driver: Driver): Promise<NodeHealth> {
  const start = performance.now()
  const { node } = driver
  try {
    const version = await driver.version()
    const latencyMs = performance.now() - start
    const counters = await driver.stats?.().catch(() => undefined)
    return { node, up: true, latencyMs, version, ...named('protocol', driver.protocol), ...counts(counters) }
  } catch (error) {
    return { node, up: false, ...named('reason', error instanceof StoreUnavailableError ? error.reason : undefined) }
  }
}

/** By the names of protocol.txt, "General-purpose statistics"; only what the server told. */
function counts(counters: ReadonlyMap<string, string> = new Map()): Partial<NodeHealth> {
  const count = (name: string) => (counters.has(name) ? Number(counters.get(name)) : undefined)
  // A read that slides the expiry is counted as a touch.
  const hits = (count('get_hits') ?? 0) + (count('touch_hits') ?? 0)
  const reads = hits + (count('get_misses') ?? 0) + (count('touch_misses') ?? 0)
  return {
    ...named('items', count('curr_items')),
    ...named('evictions', count('evictions')),
    ...named('hitRatio', reads > 0 ? hits / reads : undefined),
  }
}

const named = <Value>(name: keyof NodeHealth, value: Value | undefined) =>
  value === undefined ? {} : { [name]: value }
