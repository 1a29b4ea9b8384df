import { tracing } from '#tracing'
import type { CreateResult, Entry, Version } from '../../../../src/store.ts'
import type { Channel } from '../../../../src/tracing/contract.ts'
import { trace } from '../../../../src/tracing/trace.ts'
import type { Address } from '../address.ts'
import type { CasResult, Driver } from './driver.ts'

/** What listeners are told of a connection that is opened. Never who asked for it, nor with what. */
export interface ConnectMessage {
  /** As configured: a host, an address, or the path of a unix socket. */
  readonly serverAddress: string
  /** Undefined for a unix socket. */
  readonly serverPort: number | undefined
}

/** What listeners are told of one command: its name, and never its key or value. */
export interface CommandMessage extends ConnectMessage {
  readonly command: Command
}

/** Commands by their names in protocol.txt, whatever they are called on the wire; `gat` reads and touches. */
export type Command = 'get' | 'gat' | 'add' | 'cas' | 'set' | 'delete' | 'version' | 'stats'

/** `claimcheck:memcached:command`, with a {@link CommandMessage}. */
const commands: Channel = /* @__PURE__ */ tracing.channel('claimcheck:memcached:command')
/** `claimcheck:memcached:connect`, with a {@link ConnectMessage}. */
const connects: Channel = /* @__PURE__ */ tracing.channel('claimcheck:memcached:connect')

const messageOf = ({ host, port }: Address): ConnectMessage => ({
  serverAddress: host ?? String(port),
  serverPort: typeof port === 'number' ? port : undefined,
})

/** Opens a connection; listeners are told until when it is open. */
export function connecting<Connection extends { readonly opened: Promise<void> }>(
  address: Address,
  connect: () => Connection,
): Connection {
  if (!connects.hasSubscribers) return connect()
  let begun: (() => Connection) | undefined
  const work = () => {
    try {
      const connection = connect()
      begun = () => connection
      return connection.opened
    } catch (error) {
      begun = () => {
        throw error
      }
      return Promise.reject(error)
    }
  }
  trace(connects, messageOf(address), work).catch(() => {})
  return (begun as unknown as () => Connection)()
}

/** The same driver, whose commands listeners are told of. Without listeners a command pays for one look at their number. */
export function traced(driver: Driver, address: Address): Driver {
  return new TracedDriver(driver, address)
}

class TracedDriver implements Driver {
  readonly node: string
  readonly #driver: Driver
  readonly #address: ConnectMessage

  constructor(driver: Driver, address: Address) {
    this.node = driver.node
    this.#driver = driver
    this.#address = messageOf(address)
  }

  get(key: string, signal?: AbortSignal): Promise<Entry | null> {
    if (!commands.hasSubscribers) return this.#driver.get(key, signal)
    return this.#trace('get', () => this.#driver.get(key, signal))
  }

  getAndTouch(key: string, ttlSeconds: number, signal?: AbortSignal): Promise<Entry | null> {
    if (!commands.hasSubscribers) return this.#driver.getAndTouch(key, ttlSeconds, signal)
    return this.#trace('gat', () => this.#driver.getAndTouch(key, ttlSeconds, signal))
  }

  add(key: string, value: Uint8Array, ttlSeconds: number, signal?: AbortSignal): Promise<CreateResult> {
    if (!commands.hasSubscribers) return this.#driver.add(key, value, ttlSeconds, signal)
    return this.#trace('add', () => this.#driver.add(key, value, ttlSeconds, signal))
  }

  cas(key: string, value: Uint8Array, ttlSeconds: number, version: Version, signal?: AbortSignal): Promise<CasResult> {
    if (!commands.hasSubscribers) return this.#driver.cas(key, value, ttlSeconds, version, signal)
    return this.#trace('cas', () => this.#driver.cas(key, value, ttlSeconds, version, signal))
  }

  set(key: string, value: Uint8Array, ttlSeconds: number, signal?: AbortSignal): Promise<void> {
    if (!commands.hasSubscribers) return this.#driver.set(key, value, ttlSeconds, signal)
    return this.#trace('set', () => this.#driver.set(key, value, ttlSeconds, signal))
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    if (!commands.hasSubscribers) return this.#driver.delete(key, signal)
    return this.#trace('delete', () => this.#driver.delete(key, signal))
  }

  version(signal?: AbortSignal): Promise<string> {
    return this.#trace('version', () => this.#driver.version(signal))
  }

  get protocol(): Driver['protocol'] {
    return this.#driver.protocol
  }

  async stats(signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { stats } = this.#driver
    return stats ? this.#trace('stats', () => stats.call(this.#driver, signal)) : new Map()
  }

  isCurrent(version: Version): boolean {
    return this.#driver.isCurrent(version)
  }

  close(): void {
    this.#driver.close()
  }

  #trace<Result>(command: Command, work: () => Promise<Result>): Promise<Result> {
    return commands.hasSubscribers ? trace(commands, { ...this.#address, command }, work) : work()
  }
}
