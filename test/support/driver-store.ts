import type { Address } from '../../adapters/stores/memcached/address.ts'
import type { Driver } from '../../adapters/stores/memcached/client/driver.ts'
import { SessionValueError } from '../../src/errors.ts'
import { assertKey, assertTtl, type Store } from '../../src/store.ts'

/** An address as `parseServers` would give it, for loopback. */
export const loopback = (port: number): Address => ({ node: `127.0.0.1:${port}`, host: '127.0.0.1', port })

/** memcached's item limit, as in `memcachedStore`. */
const maxItemBytes = 1_048_576 - 512

/** A store around one driver, with the checks that drivers leave to their caller. */
export function driverStore(driver: Driver): Store {
  return {
    name: 'memcached',
    async read(key, { signal, touchSeconds } = {}) {
      assertKey(key)
      if (touchSeconds === undefined) return driver.get(key, signal)
      assertTtl(touchSeconds)
      return driver.getAndTouch(key, touchSeconds, signal)
    },
    async create(key, value, ttlSeconds, { signal } = {}) {
      assertStorable(key, value, ttlSeconds)
      return driver.add(key, value, ttlSeconds, signal)
    },
    async update(key, value, ttlSeconds, version, { signal } = {}) {
      assertStorable(key, value, ttlSeconds)
      return driver.cas(key, value, ttlSeconds, version, signal)
    },
    async delete(key, { signal, tombstone } = {}) {
      assertKey(key)
      if (!tombstone) return driver.delete(key, signal)
      assertStorable(key, tombstone.value, tombstone.seconds)
      return driver.set(key, tombstone.value, tombstone.seconds, signal)
    },
    async close() {
      driver.close()
    },
  }
}

function assertStorable(key: string, value: Uint8Array, ttlSeconds: number): void {
  assertKey(key)
  assertTtl(ttlSeconds)
  if (value.byteLength > maxItemBytes - key.length) throw new SessionValueError('too-large', 'too large for memcached')
}
