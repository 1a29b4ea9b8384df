import { need, refuseUnknown, wholeNumber } from '../../../src/checks.ts'
import type { SessionEventHandler } from '../../../src/events.ts'
import { isWorkers } from '../../../src/runtime.ts'
import { type Address, parseServers } from './address.ts'
import { loadMemjs } from './client/binary/memjs.ts'
import type { TextOptions } from './client/text/options.ts'
import type { ServerProvider } from './servers/dns.ts'
import { createRing, type RingHash } from './servers/ring.ts'
import { checkTls, type TlsOptions } from './tls.ts'

/** A memcached server by name or address; a `host` that begins with '/' is a unix socket and takes no port. */
export interface MemcachedServer {
  readonly host: string
  /** 11211 where left out. */
  readonly port?: number | undefined
  /** How much it keeps in relation to the others; 1 where left out. */
  readonly weight?: number | undefined
}

/** Options of `memcachedStore`; unknown names are refused. */
export interface MemcachedOptions {
  /**
   * `host`, `host:port`, `[v6]:port`, `/path/to.sock` or `{ host, port, weight }`; or a function that finds them, such as
   * `dnsServers('memcached:11211')`. Every process must name the same servers.
   */
  readonly servers: readonly (string | MemcachedServer)[] | ServerProvider
  /** The servers before the last change, for a process that starts within `idleSeconds` of it: their sessions move over. */
  readonly previousServers?: readonly (string | MemcachedServer)[] | undefined
  /**
   * `auto` (default): our text client, meta from memcached 1.6.13 on, classic before. `binary`: through memjs, for SASL and old servers.
   * Each asks the server for its item limit (-I) and keeps to it. A proxy, or a service that does not tell its settings, is taken to
   * hold 1 MiB: where it holds less, a session that is too large for it is lost by the attempt to write it.
   */
  readonly protocol?: 'auto' | 'meta' | 'classic' | 'binary' | undefined
  /** Which server keeps a key: libmemcached's `ketama_weighted` (default), `ketama`, `modula`, or a function. */
  readonly hash?: RingHash | undefined
  /** Copies of each session on different servers. Default 2 where there are two servers or more, else 1. */
  readonly replicas?: number | undefined
  /** TLS for every server; `true`, or `{ ca, cert, key, servername }`. Not with `binary`. */
  readonly tls?: true | TlsOptions | undefined
  /** Sign-in, together with `password`; the environment is never read. */
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Milliseconds for opening a connection, sign-in included; default 250. */
  readonly connectMs?: number | undefined
  /** Milliseconds for the answer to one request on an open connection; default 250. */
  readonly callMs?: number | undefined
  /** After so long a server that is away counts as having lost its sessions; until then they are unavailable. Default 30. */
  readonly giveUpSeconds?: number | undefined
  /** Told of what happens outside any request: `ring-lost`. The handler given to `session()` will do. */
  readonly onEvent?: SessionEventHandler | undefined
}

/** Checked options with their defaults. */
export interface MemcachedSettings {
  /** Undefined where a provider finds them. */
  readonly addresses: readonly Address[] | undefined
  readonly provider: ServerProvider | undefined
  readonly previous: readonly Address[] | undefined
  readonly hash: RingHash
  readonly replicas: number
  readonly giveUpSeconds: number
  readonly isBinary: boolean
  readonly onEvent: SessionEventHandler | undefined
  readonly driver: TextOptions
}

/** A healthy memcached answers within a few ms; 250 leaves room for a pause on either side and still keeps a request short. */
const defaultMs = 250
const names = [
  ...['servers', 'previousServers', 'protocol', 'hash', 'replicas', 'tls', 'username', 'password'],
  ...['connectMs', 'callMs', 'giveUpSeconds', 'onEvent'],
]
const protocols = ['auto', 'meta', 'classic', 'binary']

/** Checks everything at once; throws `SessionOptionsError` naming the option, never showing a credential. */
export function checkOptions(options: MemcachedOptions): MemcachedSettings {
  // A socket of workerd ends with the request that opened it; a store that outlives requests cannot work there.
  need(!isWorkers(), "memcachedStore cannot run on Workers: use upstashStore from 'claimcheck/upstash'")
  need(typeof options === 'object' && options !== null, 'the options of memcachedStore must be an object')
  refuseUnknown(options, names, 'option of memcachedStore:')
  const { servers, previousServers, protocol = 'auto', hash = 'ketama_weighted', tls } = options
  const provider = typeof servers === 'function' ? servers : undefined
  const addresses = provider ? undefined : parseServers(servers)
  const previous = previousServers === undefined ? undefined : parseServers(previousServers)
  for (const list of [addresses, previous]) if (list) createRing(list, hash)
  need(protocols.includes(protocol), `protocol must be one of ${protocols.join(', ')}`)
  if (protocol === 'binary') loadMemjs()
  need(tls === undefined || protocol !== 'binary', "tls does not go with protocol 'binary': memjs has none")
  checkTls(tls)
  need(options.onEvent === undefined || typeof options.onEvent === 'function', 'onEvent must be a function')
  const replicas = wholeNumber('replicas', options.replicas, addresses?.length === 1 ? 1 : 2, 1, 8)
  need(addresses === undefined || replicas <= addresses.length, 'replicas must not exceed the number of servers')
  return {
    ...{ addresses, provider, previous, hash, replicas },
    giveUpSeconds: wholeNumber('giveUpSeconds', options.giveUpSeconds, 30, 1, 86_400),
    isBinary: protocol === 'binary',
    onEvent: options.onEvent,
    driver: {
      ...checkCredentials(options),
      connectMs: wholeNumber('connectMs', options.connectMs, defaultMs, 1, 60_000),
      callMs: wholeNumber('callMs', options.callMs, defaultMs, 1, 60_000),
      protocol: protocol === 'binary' ? 'auto' : protocol,
      tls,
    },
  }
}

function checkCredentials({ username, password }: MemcachedOptions): Pick<MemcachedOptions, 'username' | 'password'> {
  need((username === undefined) === (password === undefined), 'username and password must be given together')
  for (const [name, value] of Object.entries({ username, password })) {
    // SASL PLAIN separates its parts with NUL (RFC 4616).
    const isFit = value === undefined || (typeof value === 'string' && value !== '' && !value.includes('\0'))
    need(isFit, `${name} must be a string of at least one character, without NUL`)
  }
  return { username, password }
}
