import { SessionOptionsError } from '../../../../src/errors.ts'
import { builtins } from '../lazy-node.ts'
import { checkTls, type TlsOptions, tlsOptions } from '../tls.ts'
import { parseClusterConfig, readClusterReply } from './auto-discovery.ts'

/** A server that was found; `memcachedStore` takes it as it takes its own `servers`. */
export interface FoundServer {
  readonly host: string
  readonly port?: number | undefined
  readonly weight?: number | undefined
}

/**
 * Finds out which servers there are now; any async function will do.
 *
 * Two processes that ask at the same time should get the same list; its order counts only where the hash goes by it (`modula`,
 * functions). Rejects, or gives up when the signal
 * aborts; an empty list counts as a failure too, because it is more often a broken name server than a cluster without nodes.
 */
export type ServerProvider = (signal: AbortSignal) => Promise<readonly (string | FoundServer)[]>

/** The part of `node:dns/promises` that is used, for tests and for name servers of one's own. */
export interface NameServer {
  resolve4(name: string): Promise<readonly string[]>
  resolve6(name: string): Promise<readonly string[]>
  resolveSrv(name: string): Promise<readonly SrvRecord[]>
  /** getaddrinfo, which also knows /etc/hosts. */
  lookup(name: string, options: { readonly all: true }): Promise<readonly { address: string; family: number }[]>
}

/** Providers that may be told only a part of the servers each time. */
const partial = new WeakSet<ServerProvider>()
const answeringInPart = (provider: ServerProvider): ServerProvider => {
  partial.add(provider)
  return provider
}

/** Whether a server that is missing from a list may be there all the same: name servers hand out subsets (a limit of records in turn). */
export const mayBePartial = (provider: ServerProvider): boolean => partial.has(provider)

interface SrvRecord {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** Where `dnsServers` and `srvServers` ask. */
export interface DnsOptions {
  /** Default: the machine's resolver, asked twice for a second each. */
  readonly nameServer?: NameServer | undefined
}

/** How `clusterServers` reaches its endpoint. */
export interface ClusterServersOptions {
  /** The endpoint speaks TLS; `true`, or `{ ca, cert, key, servername }`. */
  readonly tls?: true | TlsOptions | undefined
}

const defaultPort = 11211
/** Node's own default waits for half a minute and more; a lookup here has about three seconds. */
const system = () => new builtins.dns.Resolver({ timeout: 1000, tries: 2 })
const systemNameServer: NameServer = {
  resolve4: (name) => system().resolve4(name),
  resolve6: (name) => system().resolve6(name),
  resolveSrv: (name) => system().resolveSrv(name),
  lookup: (name, options) => builtins.dns.lookup(name, options),
}

/**
 * Every address of a name, `name` or `name:port`: a headless service of Kubernetes, a Compose service, a list in /etc/hosts.
 *
 * Its IPv4 addresses or, where it has none, the IPv6 ones; never both: with two families each server is there twice, and a
 * ring that counts it twice keeps both copies of a session on it. Addresses change when a pod is replaced, and so does the
 * ring: where a StatefulSet has SRV records, `srvServers` names its pods instead.
 */
export function dnsServers(name: string, { nameServer = systemNameServer }: DnsOptions = {}): ServerProvider {
  const { host, port } = parseEndpoint(name, 'dnsServers')
  return answeringInPart(async function resolveAddresses() {
    const addresses = await addressesOf(host, nameServer)
    return [...new Set(addresses)].sort().map((address) => ({ host: address, port }))
  })
}

/**
 * The targets of a SRV name (RFC 2782), e.g. `_memcached._tcp.example.com`: those of the lowest priority number, by name.
 *
 * Weights count where they differ. The names themselves go into the ring, so a pod that comes back with another address
 * keeps its place.
 */
export function srvServers(name: string, { nameServer = systemNameServer }: DnsOptions = {}): ServerProvider {
  if (typeof name !== 'string' || name === '') throw new SessionOptionsError('srvServers takes a name')
  return answeringInPart(async function resolveTargets() {
    const records = await nameServer.resolveSrv(name)
    const first = Math.min(...records.map(({ priority }) => priority))
    // A target of '.' says that the service is not to be had here.
    const chosen = records.filter((record) => record.priority === first && record.name.replace('.', '') !== '')
    const targets = [...uniteTargets(chosen).values()]
    const isWeighted = new Set(targets.map(({ weight }) => weight)).size > 1
    return targets
      .map(({ name: host, port, weight }) =>
        isWeighted ? { host, port, weight: Math.max(1, weight) } : { host, port },
      )
      .sort((a, b) => compare(a.host, b.host) || a.port - b.port)
  })
}

/**
 * The nodes behind a configuration endpoint, `host:port`, of Amazon ElastiCache or Google Memorystore (Auto Discovery).
 *
 * Nodes are known by their names, which stay when ElastiCache replaces one, and which its certificates bear. A
 * configuration older than one already seen is believed only when it is told twice: during a change the nodes behind
 * the endpoint disagree for a moment, and a ring that goes to and fro would move sessions each time.
 */
export function clusterServers(endpoint: string, { tls }: ClusterServersOptions = {}): ServerProvider {
  const { host, port } = parseEndpoint(endpoint, 'clusterServers')
  checkTls(tls)
  const open = () =>
    tls === undefined
      ? builtins.net.createConnection({ host, port })
      : builtins.tls.connect({ ...tlsOptions(host, tls), host, port })
  let newest = -1
  let doubted = -1
  return async function readConfiguration(signal) {
    const { version, servers } = parseClusterConfig(await readClusterReply(open, signal))
    if (version < newest && version !== doubted) {
      doubted = version
      throw new Error(`configuration ${version} is older than ${newest}`)
    }
    newest = version
    doubted = -1
    return servers
  }
}

async function addressesOf(name: string, nameServer: NameServer): Promise<readonly string[]> {
  try {
    const v4 = await nameServer.resolve4(name).catch(noRecords)
    const found = v4.length > 0 ? v4 : await nameServer.resolve6(name).catch(noRecords)
    if (found.length > 0) return found
  } catch {
    // No name server, or none that answers: /etc/hosts may know better, and fails with an error as good as this one.
  }
  const all = await nameServer.lookup(name, { all: true })
  const v4 = all.filter(({ family }) => family === 4)
  return (v4.length > 0 ? v4 : all).map(({ address }) => address)
}

/** Only these two say that there is no such record; after any other failure the IPv6 list must not stand in for the IPv4 one. */
function noRecords(error: unknown): readonly string[] {
  const code = (error as { code?: unknown } | null)?.code
  if (code === 'ENODATA' || code === 'ENOTFOUND') return []
  throw error
}

function parseEndpoint(text: unknown, factory: string): { readonly host: string; readonly port: number } {
  const [, host, digits] = /^([A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?)(?::(\d{1,5}))?$/.exec(`${text}`) ?? []
  const port = digits === undefined ? defaultPort : Number(digits)
  if (typeof text !== 'string' || host === undefined || port < 1 || port > 65_535)
    throw new SessionOptionsError(`${factory} takes 'name' or 'name:port'`)
  return { host, port }
}

/** A target that is there twice is one server, with the larger weight. */
function uniteTargets(records: readonly SrvRecord[]): ReadonlyMap<string, SrvRecord> {
  const targets = new Map<string, SrvRecord>()
  for (const record of records) {
    const target = `${record.name.toLowerCase().replace(/\.$/, '')}:${record.port}`
    const known = targets.get(target)
    if (!known || known.weight < record.weight) targets.set(target, record)
  }
  return targets
}

/** By code units: the same everywhere, whatever the locale. */
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
