export type { MemcachedOptions, MemcachedServer } from './options.ts'
export {
  type ClusterServersOptions,
  clusterServers,
  type DnsOptions,
  dnsServers,
  type FoundServer,
  type NameServer,
  type ServerProvider,
  srvServers,
} from './servers/dns.ts'
export type { RingHash } from './servers/ring.ts'
export { memcachedStore } from './store.ts'
export type { TlsOptions } from './tls.ts'
