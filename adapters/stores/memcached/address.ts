import { SessionOptionsError } from '../../../src/errors.ts'
import { builtins } from './lazy-node.ts'

/** Where one server listens. */
export interface Address {
  /** For errors and health: `host:port`, `[v6]:port`, or the path of a unix socket. */
  readonly node: string
  /** In its one spelling, from which the ring is drawn; undefined for a unix socket. */
  readonly host: string | undefined
  /** What is connected to, where that is a name with a dot at its end: with it no search list is asked. */
  readonly dial?: string | undefined
  /** TCP port, or the path of a unix socket. */
  readonly port: number | string
  /** How much it keeps in relation to the others; 1 where left out. */
  readonly weight?: number | undefined
}

/** memcached's registered port (protocol.txt, IANA). */
const defaultPort = 11211
/** RFC 1123 names, and underscores because container networks use them. */
const hostName = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9_])?\.?$/

/**
 * Reads the `servers` option.
 *
 * Strings: `host`, `host:port`, `[v6]`, `[v6]:port`, `/path/to.sock`; objects: `{ host, port?, weight? }`. Throws `SessionOptionsError`
 * naming the position, never the text: people put credentials into addresses.
 */
export function parseServers(servers: unknown): readonly Address[] {
  if (!Array.isArray(servers) || servers.length === 0)
    throw new SessionOptionsError('servers must be a list with at least one server')
  const addresses = servers.map(parseServer)
  const seen = new Set<string>()
  for (const [index, { node }] of addresses.entries()) {
    if (seen.has(node)) throw new SessionOptionsError(`servers[${index}] is there twice`)
    seen.add(node)
  }
  return addresses
}

/** As `parseServers`, for a list that was found: a server that is there twice is one, with the larger weight. */
export function parseFound(servers: unknown): readonly Address[] {
  if (!Array.isArray(servers) || servers.length === 0) throw new SessionOptionsError('no servers were found')
  const found = new Map<string, Address>()
  for (const address of servers.map(parseServer)) {
    const known = found.get(address.node)
    if (!known || (known.weight ?? 1) < (address.weight ?? 1)) found.set(address.node, address)
  }
  return [...found.values()]
}

function parseServer(server: unknown, index: number): Address {
  const option = `servers[${index}]`
  if (typeof server === 'string') return parseText(server, option)
  if (typeof server !== 'object' || server === null)
    throw new SessionOptionsError(`${option} must be a string or { host, port }`)
  const { host, port, weight, ...unknown } = server as { host?: unknown; port?: unknown; weight?: unknown }
  const [name] = Object.keys(unknown)
  if (name !== undefined) throw new SessionOptionsError(`${option}.${name} is not an option`)
  if (typeof host !== 'string') throw new SessionOptionsError(`${option}.host must be a string`)
  if (weight !== undefined && !(Number.isSafeInteger(weight) && (weight as number) >= 1))
    throw new SessionOptionsError(`${option}.weight must be a whole number of at least 1`)
  const share = weight === undefined ? {} : { weight: weight as number }
  if (!host.startsWith('/'))
    return { ...address(host.replace(/^\[(.*)\]$/, '$1'), port ?? defaultPort, option), ...share }
  if (port !== undefined) throw new SessionOptionsError(`${option}.port makes no sense for a unix socket`)
  return { ...parseText(host, option), ...share }
}

function parseText(text: string, option: string): Address {
  if (text.startsWith('/')) return unixSocket(text, option)
  const parts = /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text)
  const [, v6, name, port] = parts ?? []
  if (!parts || (v6 !== undefined && !builtins.net.isIPv6(v6)))
    throw new SessionOptionsError(`${option} must be host, host:port, [ipv6]:port or /path/to.sock`)
  return address(v6 ?? name, port === undefined ? defaultPort : Number(port), option)
}

function unixSocket(path: string, option: string): Address {
  // sun_path holds 108 bytes with its end mark (unix(7)); a longer path would be cut or refused at connect only.
  if (path.length < 2 || path.includes('\0') || Buffer.byteLength(path) > 107)
    throw new SessionOptionsError(`${option} is not the path of a unix socket`)
  return { node: path, host: undefined, port: path }
}

function address(host: string | undefined, port: unknown, option: string): Address {
  if (!Number.isInteger(port) || (port as number) < 1 || (port as number) > 65_535)
    throw new SessionOptionsError(`${option} must have a port from 1 to 65535`)
  if (host !== undefined && builtins.net.isIPv6(host)) return { ...spelled(plainAddress(host), port as number) }
  const lower = host?.toLowerCase() ?? ''
  // Digits and dots are meant as an IPv4 address: 10.0.0.256 must not become a question to the name server.
  if (/^[\d.]+$/.test(lower) ? !builtins.net.isIPv4(lower) : !hostName.test(lower))
    throw new SessionOptionsError(`${option} must have a host name, an IPv4 or an IPv6 address`)
  const plain = spelled(lower.replace(/\.$/, ''), port as number)
  return lower.endsWith('.') ? { ...plain, dial: lower } : plain
}

const spelled = (host: string, port: number): Address => ({
  ...{ node: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`, host, port },
})

/** One spelling for each address (RFC 5952); an IPv4-mapped one is the IPv4 address itself (RFC 4291 section 2.5.5.2). */
function plainAddress(host: string): string {
  const [ip, zone] = host.split('%', 2)
  const short = new URL(`http://[${ip}]`).hostname.slice(1, -1)
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short) ?? []
  if (high === undefined || low === undefined) return zone === undefined ? short : `${short}%${zone}`
  const bits = Number.parseInt(high, 16) * 0x10000 + Number.parseInt(low, 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}
