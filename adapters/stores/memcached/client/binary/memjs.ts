import type { Socket } from 'node:net'
import { SessionOptionsError } from '../../../../../src/errors.ts'
import type { Address } from '../../address.ts'
import { builtins } from '../../lazy-node.ts'
import type { DriverOptions } from '../driver.ts'

/** A request of the binary protocol; any status but the `accepts` ends the connection. */
export interface Message {
  readonly opcode: number
  readonly key?: string | undefined
  readonly extras?: Buffer | undefined
  readonly value?: Uint8Array | undefined
  readonly cas?: Buffer | undefined
  readonly accepts: readonly number[]
}

/** A reply whose header belongs to its request; the bytes are our own copy. */
export interface Reply {
  readonly status: number
  readonly cas: Buffer
  readonly value: Uint8Array
}

/** The parts of memjs's response that are used; both buffers are views into its own. */
export interface Response {
  readonly header: { readonly status: number; readonly cas: Buffer }
  readonly val: Buffer
}

/** One of the many replies to a STAT; what ends them has no key, or a status. */
interface Setting {
  readonly header: { readonly status: number }
  readonly key: Buffer
  readonly val: Buffer
}

/** What is used of memjs: one client with one server, and nothing of it twice. */
export interface Memjs {
  /** Opens the socket and signs in; `socket()` has it at once, `onReady` may never come. */
  connect(onReady: (socket: Socket) => void): void
  socket(): Socket | undefined
  /** Asks for the settings; told the server's item limit, or undefined where it does not tell. May never be told. */
  itemBytes(opaque: number, onTold: (itemBytes: number | undefined) => void): void
  /** The callback may never come, and may bring a string for an error. */
  perform(message: Message, opaque: number, callback: (error: unknown, response?: Response) => void): void
}

/** protocol_binary.txt, "Stat". */
export const statOpcode = 0x10

/** memjs's own timers are idle timers and never fire under traffic. Ours do the work; these are a day, so that they keep out. */
const neverSeconds = 86_400

/** memjs, an optional peer: only this protocol needs it. Throws `SessionOptionsError` where it is not installed. */
export function loadMemjs(): typeof import('memjs') {
  try {
    // Not while this module loads: bundled for Workers or as CommonJS it has no address, and createRequire throws.
    return builtins.module.createRequire(import.meta.url)('memjs')
  } catch {
    throw new SessionOptionsError("protocol 'binary' needs the package memjs: npm install memjs")
  }
}

/** A fresh memjs client, quiet, without retries, blind to the environment. */
export function createMemjs({ host, dial, port }: Address, { username, password }: DriverOptions): Memjs {
  const { Client, Server, Utils } = loadMemjs()
  // `Client.create` would split addresses at every ':' and read MEMCACHE_SERVERS. The types know no unix sockets.
  const timeouts = { timeout: neverSeconds, conntimeout: neverSeconds }
  const server = new Server((dial ?? host) as string, port as number, username, password, timeouts)
  // Without credentials of its own memjs takes MEMCACHE_USERNAME and MEMCACHE_PASSWORD from the environment.
  Object.assign(server, { username, password })
  // `retries` counts tries: 1 is none again. A write that is sent twice could meet its own first try as a conflict.
  const client = new Client([server], { retries: 1, failover: false, logger: { log() {} } })
  return {
    connect: (onReady) => server.sock(false, onReady),
    socket: () => (server as unknown as { _socket?: Socket })._socket,
    itemBytes(opaque, onTold) {
      let bytes: number | undefined
      const respond = ({ header, key, val }: Setting) => {
        if (header.status !== 0 || key.length === 0) onTold(bytes)
        else if (key.toString('latin1') === 'item_size_max') bytes = Number(val.toString('latin1'))
      }
      const raw = server as unknown as RawServer
      // `quiet` is memjs's word for: more than one reply belongs to it.
      raw.onResponse(opaque, Object.assign(respond, { quiet: true }))
      raw.write(Utils.makeRequestBuffer(statOpcode, 'settings', Buffer.alloc(0), Buffer.alloc(0), opaque))
    },
    perform(message, opaque, callback) {
      client.perform(message.key ?? '', requestOf(Utils, message, opaque), opaque, callback)
    },
  }
}

/** What its types leave out. */
interface RawServer {
  onResponse(opaque: number, callback: (response: Setting) => void): void
  write(request: Buffer): void
}

type MemjsUtils = typeof import('memjs')['Utils']

function requestOf(utils: MemjsUtils, message: Message, opaque: number): Buffer {
  const { opcode, key = '', extras, value, cas } = message
  const none = Buffer.alloc(0)
  const bytes = value ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : none
  const request = utils.makeRequestBuffer(opcode, key, extras ?? none, bytes, opaque)
  cas?.copy(request, 16) // bytes 16-23 of the header (protocol_binary.txt); memjs leaves them zero
  return request
}
