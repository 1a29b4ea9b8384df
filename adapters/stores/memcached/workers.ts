import { SessionOptionsError } from '../../../src/errors.ts'
import type * as Memcached from './index.ts'

/**
 * What `claimcheck/memcached` is for bundlers of Workers: the real one needs modules of Node, and a Worker without them would not
 * even start. Throws `SessionOptionsError`.
 */
export const memcachedStore: typeof Memcached.memcachedStore = refuse

/** As `memcachedStore`. */
export const dnsServers: typeof Memcached.dnsServers = refuse

/** As `memcachedStore`. */
export const srvServers: typeof Memcached.srvServers = refuse

/** As `memcachedStore`. */
export const clusterServers: typeof Memcached.clusterServers = refuse

function refuse(): never {
  throw new SessionOptionsError("memcachedStore cannot run on Workers: use upstashStore from 'claimcheck/upstash'")
}
