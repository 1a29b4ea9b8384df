import { type Address, parseFound } from '../../adapters/stores/memcached/address.ts'
import { checkOptions, type MemcachedOptions, type MemcachedSettings } from '../../adapters/stores/memcached/options.ts'
import { createRing, type Ring } from '../../adapters/stores/memcached/servers/ring.ts'
import type { EntryOptions } from './conversation.ts'

/** The servers of a `memcachedStore`, as it knows them itself. */
export interface Servers {
  readonly settings: MemcachedSettings
  readonly addresses: readonly Address[]
  readonly ring: Ring
  /** How many different servers keep each session. */
  readonly copies: number
  readonly entry: EntryOptions
}

/** A lookup has about three seconds of its own. */
const lookupMs = 5000

/** Looks the servers up where they are to be found; rejects with whatever the provider says. */
export async function serversOf(options: MemcachedOptions): Promise<Servers> {
  const settings = checkOptions(options)
  const addresses = settings.addresses ?? (await found(settings))
  const { hash, replicas, driver } = settings
  const { tls, username, password } = driver
  return {
    settings,
    addresses,
    ring: createRing(addresses, hash),
    copies: Math.min(replicas, addresses.length),
    // Any server that says its version: whether the client likes it is one of the questions.
    entry: { tls, username, password, protocol: 'auto' },
  }
}

async function found({ provider, hash }: MemcachedSettings): Promise<readonly Address[]> {
  const list = parseFound(await provider?.(AbortSignal.timeout(lookupMs)))
  const isByOrder = hash === 'modula' || typeof hash === 'function'
  return isByOrder ? list : list.toSorted((a, b) => (a.node < b.node ? -1 : 1))
}
