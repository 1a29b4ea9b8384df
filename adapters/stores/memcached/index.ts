import { SessionOptionsError, SessionValueError } from '../../../src/errors.ts'
import { assertKey, assertTtl, type NodeHealth, type Store } from '../../../src/store.ts'
import { type Address, parseServers } from './address.ts'
import { binaryDriver } from './binary.ts'
import { serverIndex } from './distribution.ts'
import type { Driver, DriverOptions } from './driver.ts'

/** A memcached server by name or address; a `host` that begins with '/' is a unix socket and takes no port. */
export interface MemcachedServer {
  readonly host: string
  /** 11211 where left out. */
  readonly port?: number | undefined
}

/** Options of {@link memcachedStore}; unknown names are refused. */
export interface MemcachedOptions {
  /** `host`, `host:port`, `[v6]:port`, `/path/to.sock` or `{ host, port }`. Every process must name the same servers in the same order. */
  readonly servers: readonly (string | MemcachedServer)[]
  /** SASL PLAIN, together with `password`. The environment is never read. */
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Milliseconds for opening a connection, sign-in included; 250 where left out. */
  readonly connectMs?: number | undefined
  /** Milliseconds for the answer to one request on an open connection; 250 where left out. */
  readonly callMs?: number | undefined
}

/** memcached's item limit (-I, 1 MiB) covers header, CAS, key and value; 1 MiB - 60 fitted, - 48 did not (measured on 1.6.18). */
const maxItemBytes = 1_048_576 - 512
/** A healthy memcached answers within a few ms; 250 leaves room for a pause on either side and still keeps a request short. */
const defaultMs = 250
const optionNames = new Set(['servers', 'username', 'password', 'connectMs', 'callMs'])

/**
 * Sessions in memcached, through memjs and the binary protocol; each key lives on one of the servers.
 *
 * Nothing is sent before the first call. A call settles within `connectMs + callMs`, and fails with `StoreUnavailableError`
 * where its server does; that node is asked again by itself within a second. Throws `SessionOptionsError`.
 */
export function memcachedStore(options: MemcachedOptions): Store {
  const { addresses, ...driverOptions } = checkOptions(options)
  const drivers = addresses.map((address) => binaryDriver(address, driverOptions))
  const driverOf = (key: string): Driver => {
    assertKey(key)
    return drivers[serverIndex(key, drivers.length)] as Driver
  }
  return {
    name: 'memcached',
    async read(key, { signal, touchSeconds } = {}) {
      const driver = driverOf(key)
      if (touchSeconds === undefined) return driver.get(key, signal)
      assertTtl(touchSeconds)
      return driver.getAndTouch(key, touchSeconds, signal)
    },
    async create(key, value, ttlSeconds, { signal } = {}) {
      const driver = driverOf(key)
      assertStorable(key, value, ttlSeconds)
      return driver.add(key, value, ttlSeconds, signal)
    },
    async update(key, value, ttlSeconds, version, { signal } = {}) {
      const driver = driverOf(key)
      assertStorable(key, value, ttlSeconds)
      return driver.cas(key, value, ttlSeconds, version, signal)
    },
    async delete(key, { signal, tombstone } = {}) {
      const driver = driverOf(key)
      if (!tombstone) return driver.delete(key, signal)
      assertStorable(key, tombstone.value, tombstone.seconds)
      return driver.set(key, tombstone.value, tombstone.seconds, signal)
    },
    async check() {
      const nodes = await Promise.all(drivers.map(health))
      return { ready: nodes.every(({ up }) => up), nodes }
    },
    async close() {
      for (const driver of drivers) driver.close()
    },
  }
}

/** Before sending: memcached drops the OLD value when it refuses a new one for its size, even with a wrong CAS (measured). */
function assertStorable(key: string, value: Uint8Array, ttlSeconds: number): void {
  assertTtl(ttlSeconds)
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

function checkOptions(options: MemcachedOptions): DriverOptions & { readonly addresses: readonly Address[] } {
  // A socket of workerd ends with the request that opened it; a store that outlives requests cannot work there.
  if (globalThis.navigator?.userAgent === 'Cloudflare-Workers')
    throw new SessionOptionsError("memcachedStore cannot run on Workers: use upstashStore from 'claimcheck/upstash'")
  if (typeof (options as unknown) !== 'object' || (options as unknown) === null)
    throw new SessionOptionsError('options must be an object')
  const unknown = Object.keys(options).find((name) => !optionNames.has(name))
  if (unknown !== undefined) throw new SessionOptionsError(`${unknown} is not an option of memcachedStore`)
  const addresses = parseServers(options.servers)
  const { username, password, connectMs = defaultMs, callMs = defaultMs } = options
  if ((username === undefined) !== (password === undefined))
    throw new SessionOptionsError('username and password must be given together')
  assertCredential('username', username)
  assertCredential('password', password)
  assertMs('connectMs', connectMs)
  assertMs('callMs', callMs)
  return { addresses, username, password, connectMs, callMs }
}

function assertCredential(name: string, value: unknown): void {
  if (value === undefined) return
  // SASL PLAIN separates its parts with NUL (RFC 4616).
  if (typeof value !== 'string' || value === '' || value.includes('\0'))
    throw new SessionOptionsError(`${name} must be a string of at least one character, without NUL`)
}

/** A minute is far beyond any sense, and far below the 2^31 ms at which timers of Node fire at once. */
function assertMs(name: string, value: unknown): void {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 60_000)
    throw new SessionOptionsError(`${name} must be a whole number of milliseconds from 1 to 60000`)
}
