import { SessionOptionsError } from '../../../../src/errors.ts'
import { builtins } from '../lazy-node.ts'

/**
 * Which server keeps a key.
 *
 * - `ketama_weighted`: libmemcached's KETAMA_WEIGHTED; php-memcached's OPT_LIBKETAMA_COMPATIBLE, pylibmc's `ketama_weighted`.
 * - `ketama`: libmemcached's KETAMA; where PHP keeps its own sessions, and pylibmc's `ketama`.
 * - `php_sessions`: where the session handler of php-memcached keeps them: `ketama` by the key without its usual prefix.
 * - `modula`: libmemcached without options; ignores weights, and nearly every key moves when a server comes or goes.
 * - a function: the index of the server, from the key and the number of servers.
 */
export type RingHash =
  | 'ketama_weighted'
  | 'ketama'
  | 'php_sessions'
  | 'modula'
  | ((key: string, count: number) => number)

/** A server as the ring sees it: an `Address`, and how much it should hold in relation to the others. */
export interface RingServer {
  /** What `ownersOf` answers with. */
  readonly node: string
  /** As configured, because the ring is drawn from it; undefined for a unix socket. */
  readonly host: string | undefined
  /** TCP port, or the path of a unix socket. */
  readonly port: number | string
  /** A whole number; 1 where left out. */
  readonly weight?: number | undefined
}

/** Immutable: another list of servers is another ring. */
export interface Ring {
  /**
   * The nodes that keep a key: its home, then the next different ones round the ring; all of them where `copies` is more.
   * `modula` and functions go on in the order of the list.
   */
  ownersOf(key: string, copies: number): readonly string[]
}

interface Points {
  /** Sorted; a key belongs to the first point at or above its hash, beyond the last one to the first. */
  readonly values: Uint32Array
  /** Whose point it is: index in the list. */
  readonly servers: Uint32Array
}

/** memcached's registered port; libmemcached leaves it out of the labels, so that `host` and `host:11211` are one server. */
const defaultPort = 11211
/** Per server, on average over the weights (MEMCACHED_POINTS_PER_SERVER_KETAMA); an MD5 digest makes four of them. */
const weightedPoints = 160
/** MEMCACHED_POINTS_PER_SERVER. */
const plainPoints = 100
/** libmemcached adds it by itself, and does not hash it (MEMCACHED_BEHAVIOR_HASH_WITH_PREFIX_KEY). */
const phpPrefix = /^memc\.sess\.key\./
/** libmemcached keeps weights in 32 bits. */
const maxWeight = 0xffff_ffff
const utf8 = new TextEncoder()

/**
 * Draws the ring; every process with the same servers finds the same owners.
 *
 * The order of the list decides only where two points fall on the same number, as in libmemcached (with 12 servers that is one
 * ring in 2,500, and then one key in 2,000); `modula` and functions are all about the order. Throws `SessionOptionsError`.
 */
export function createRing(servers: readonly RingServer[], hash: RingHash = 'ketama_weighted'): Ring {
  if (servers.length === 0) throw new SessionOptionsError('servers must be a list with at least one server')
  for (const [index, { weight = 1 }] of servers.entries()) assertWeight(weight, index)
  const nodes = servers.map(({ node }) => node)
  if (typeof hash === 'function') return listRing(nodes, (key) => checkedIndex(hash(key, nodes.length), nodes.length))
  if (hash === 'modula') return listRing(nodes, (key) => oneAtATime(key) % nodes.length)
  if (hash !== 'ketama_weighted' && hash !== 'ketama' && hash !== 'php_sessions')
    throw new SessionOptionsError("hash must be 'ketama_weighted', 'ketama', 'php_sessions', 'modula' or a function")
  // A weight turns libmemcached's weighted points on, whatever was asked for; the hash of the keys stays (server_add).
  const isWeighted = hash === 'ketama_weighted' || servers.some(({ weight = 1 }) => weight > 1)
  const points = sortPoints(isWeighted ? pointsByWeight(servers) : evenPoints(servers))
  if (hash === 'php_sessions') return pointRing(nodes, points, (key) => oneAtATime(key.replace(phpPrefix, '')))
  return pointRing(nodes, points, hash === 'ketama_weighted' ? md5Word : oneAtATime)
}

function pointRing(nodes: readonly string[], { values, servers }: Points, hashOf: (key: string) => number): Ring {
  return {
    ownersOf(key, copies) {
      const count = Math.min(copies, nodes.length)
      const owners: string[] = []
      let at = nodes.length === 1 ? 0 : firstAtOrAbove(values, hashOf(key))
      for (let left = values.length; left > 0 && owners.length < count; left--, at++) {
        if (at === values.length) at = 0
        const node = nodes[servers[at] as number] as string
        if (!owners.includes(node)) owners.push(node)
      }
      // A weight far below the average rounds to no point at all: such a server is nobody's home, and a copy of last resort.
      for (let i = 0; owners.length < count; i++)
        if (!owners.includes(nodes[i] as string)) owners.push(nodes[i] as string)
      return owners
    },
  }
}

function listRing(nodes: readonly string[], indexOf: (key: string) => number): Ring {
  return {
    ownersOf(key, copies) {
      const home = indexOf(key)
      const owners: string[] = []
      for (let i = 0; i < Math.min(copies, nodes.length); i++) owners.push(nodes[(home + i) % nodes.length] as string)
      return owners
    },
  }
}

/** The index of the first value that is not below the target; the length where there is none. */
function firstAtOrAbove(values: Uint32Array, target: number): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((values[middle] as number) < target) low = middle + 1
    else high = middle
  }
  return low
}

/** Each point as value * 2^20 + server: one number, so that sorting needs no comparison function. */
type Packed = number[]
const pack = (value: number, server: number) => value * 0x10_0000 + server

function sortPoints(packed: Packed): Points {
  const sorted = Float64Array.from(packed).sort()
  return {
    values: Uint32Array.from(sorted, (point) => Math.floor(point / 0x10_0000)),
    servers: Uint32Array.from(sorted, (point) => point % 0x10_0000),
  }
}

function pointsByWeight(servers: readonly RingServer[]): Packed {
  const total = servers.reduce((sum, { weight = 1 }) => sum + weight, 0)
  return servers.flatMap((server, index) => {
    const digests = digestsOf(server.weight ?? 1, total, servers.length)
    return Array.from({ length: digests }, (_, i) =>
      builtins.crypto.hash('md5', `${labelOf(server)}-${i}`, 'binary'),
    ).flatMap((bytes) => [0, 4, 8, 12].map((offset) => pack(wordAt(bytes, offset), index)))
  })
}

/**
 * libmemcached computes in 32-bit floats (update_continuum): with 25, 47 or 50 equal servers each gets 156 points, where 64-bit
 * arithmetic says 160 and finds other homes. A fused multiply-add, as on ARM, rounds to the same (1.3 million cases).
 */
function digestsOf(weight: number, total: number, count: number): number {
  const float = Math.fround
  const share = float(float(weight) / float(total))
  const points = float(float(float(share * weightedPoints) / 4) * count)
  return Math.floor(float(points + float(1e-10)))
}

function evenPoints(servers: readonly RingServer[]): Packed {
  return servers.flatMap((server, index) =>
    Array.from({ length: plainPoints }, (_, i) => pack(oneAtATime(`${labelOf(server)}-${i}`), index)),
  )
}

/** As libmemcached writes a server down: IPv6 without brackets; sockets with port 0, as memcached_server_add_unix_socket does. */
function labelOf({ host, port }: RingServer): string {
  if (host === undefined) return `${port}:0`
  return port === defaultPort ? host : `${host}:${port}`
}

/** The first little-endian word of the MD5 digest. MD5 spreads keys here, it protects nothing. */
function md5Word(key: string): number {
  // As a string of bytes: four times as fast as a Buffer (measured on Node 24).
  return wordAt(builtins.crypto.hash('md5', key, 'binary'), 0)
}

function wordAt(bytes: string, offset: number): number {
  const byte = (i: number) => bytes.charCodeAt(offset + i)
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0
}

/** Bob Jenkins' one-at-a-time hash over the UTF-8 bytes, taken as signed chars, as libmemcached does. */
function oneAtATime(key: string): number {
  let hash = 0
  for (const byte of utf8.encode(key)) {
    hash = (hash + ((byte << 24) >> 24)) | 0
    hash = (hash + (hash << 10)) | 0
    hash ^= hash >>> 6
  }
  hash = (hash + (hash << 3)) | 0
  hash ^= hash >>> 11
  return (hash + (hash << 15)) >>> 0
}

function checkedIndex(index: unknown, count: number): number {
  if (Number.isInteger(index) && (index as number) >= 0 && (index as number) < count) return index as number
  throw new SessionOptionsError(`hash must return a whole number from 0 to ${count - 1}, the index of a server`)
}

function assertWeight(weight: unknown, index: number): void {
  if (!Number.isInteger(weight) || (weight as number) < 1 || (weight as number) > maxWeight)
    throw new SessionOptionsError(`servers[${index}].weight must be a whole number from 1 to ${maxWeight}`)
}
