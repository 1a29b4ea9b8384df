import { SessionValueError } from '../../../src/errors.ts'
import type { NodeHealth, Store } from '../../../src/store.ts'
import type { Driver } from './driver.ts'

/** memcached's item limit (-I, 1 MiB) covers header, CAS, key and value; 1 MiB - 60 fitted, - 48 did not (measured on 1.6.18). */
const maxItemBytes = 1_048_576 - 512

/** One memcached as a store; keys and times are checked by the cluster it is in. */
export function nodeStore(driver: Driver): Store {
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
    stands: (version) => driver.stands(version),
    async check() {
      const node = await health(driver)
      return { ready: node.up, nodes: [node] }
    },
    close: async () => driver.close(),
  }
}

/** Before sending: memcached drops the OLD value when it refuses a new one for its size, even with a wrong CAS (measured). */
function assertSize(key: string, value: Uint8Array): void {
  const most = maxItemBytes - key.length
  if (value.byteLength > most)
    throw new SessionValueError('too-large', `${value.byteLength} bytes are too large: memcached holds ${most} here`)
}

async function health(driver: Driver): Promise<NodeHealth> {
  const start = performance.now()
  try {
    const version = await driver.version()
    return { node: driver.node, up: true, latencyMs: performance.now() - start, version }
  } catch {
    return { node: driver.node, up: false }
  }
}
