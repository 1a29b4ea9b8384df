import type { CreateResult, Entry, Version } from '../../../../../src/store.ts'
import type { Address } from '../../address.ts'
import { type CasResult, type Driver, expiration, unavailable } from '../driver.ts'
import { Link } from '../reconnect.ts'
import { connecting } from '../traced.ts'
import { Call, type CallDetails, type Orphan, type Verb } from './call.ts'
import { TextConnection } from './connection.ts'
import type { ConnectionOptions, TextOptions } from './options.ts'
import type { Protocol } from './protocol.ts'

/** Speaks memcached's text protocol: one connection, any number of calls in flight on it. */
export function textDriver(address: Address, options: TextOptions): Driver {
  return new TextDriver(address, { ...options, protocol: options.protocol ?? 'auto' })
}

class TextDriver implements Driver {
  readonly node: string
  readonly #link: Link<TextConnection>
  /** What `link` would give, without the promise it takes to ask for it. */
  #current: TextConnection | undefined

  constructor(address: Address, options: ConnectionOptions) {
    this.node = address.node
    const onOrphans = (orphans: readonly Orphan[]) => {
      for (const orphan of orphans) this.#rescue(orphan)
    }
    this.#link = new Link(this.node, (onFault) => {
      this.#current = connecting(address, () => new TextConnection(address, options, onFault, onOrphans))
      return this.#current
    })
  }

  get(key: string, signal?: AbortSignal): Promise<Entry | null> {
    return this.#call('get', key, { signal }) as Promise<Entry | null>
  }

  getAndTouch(key: string, ttlSeconds: number, signal?: AbortSignal): Promise<Entry | null> {
    return this.#call('gat', key, { expires: expiration(ttlSeconds), signal }) as Promise<Entry | null>
  }

  add(key: string, value: Uint8Array, ttlSeconds: number, signal?: AbortSignal): Promise<CreateResult> {
    return this.#call('add', key, { value, expires: expiration(ttlSeconds), signal }) as Promise<CreateResult>
  }

  cas(key: string, value: Uint8Array, ttlSeconds: number, version: Version, signal?: AbortSignal): Promise<CasResult> {
    this.#link.check()
    const connection = this.#current
    if (!connection?.isOpen) return this.#conflict()
    const number = connection.protocol.casOf(version)
    if (number.status === 'none') return this.#conflict()
    const expires = expiration(ttlSeconds)
    if (number.status === 'read') return this.#casAfterRead(connection, key, version, { value, expires, signal })
    const call = new Call(this.node, 'cas', key, { value, expires, cas: number.cas, signal })
    return this.#sendOn(connection, call) as Promise<CasResult>
  }

  set(key: string, value: Uint8Array, ttlSeconds: number, signal?: AbortSignal): Promise<void> {
    return this.#call('set', key, { value, expires: expiration(ttlSeconds), signal }) as Promise<void>
  }

  delete(key: string, signal?: AbortSignal): Promise<void> {
    return this.#call('delete', key, { signal }) as Promise<void>
  }

  version(signal?: AbortSignal): Promise<string> {
    return this.#call('version', '', { signal }) as Promise<string>
  }

  get protocol(): 'meta' | 'classic' | undefined {
    return (this.#current?.protocol as Protocol | undefined)?.name
  }

  async stats(signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const { hasStats } = await this.#link.connection(signal)
    return hasStats ? ((await this.#call('stats', '', { signal })) as ReadonlyMap<string, string>) : new Map()
  }

  isCurrent(version: Version): boolean {
    return this.#current?.isOpen === true && this.#current.protocol.casOf(version).status !== 'none'
  }

  close(): void {
    this.#link.close()
  }

  #call(verb: Verb, key: string, details: CallDetails): Promise<unknown> {
    const call = new Call(this.node, verb, key, details)
    if (!call.isSettled) this.#dispatch(call)
    return call.promise
  }

  #dispatch(call: Call): void {
    this.#link.check()
    if (this.#current?.isOpen) this.#current.send(call, performance.now())
    else this.#sendLater(call)
  }

  #sendLater(call: Call): void {
    this.#link.connection().then(
      () => {
        // Not on what the link gave: a standstill noticed since then has replaced it.
        if (!call.isSettled) this.#dispatch(call)
      },
      (error) => call.reject(error),
    )
  }

  /** Called for each call of a dead connection, once the link knows of its death. Nothing that may have been applied goes twice. */
  #rescue({ call, error, isMovable }: Orphan): void {
    if (call.isSettled) return
    if (!isMovable || !call.isMovable) call.reject(error)
    // It was not sent, and its number means nothing on another connection.
    else if (call.verb === 'cas') call.resolve({ status: 'conflict' })
    else {
      call.isMovable = false
      this.#sendLater(call)
    }
  }

  /** The version is of another connection, so maybe of another life of the server, whose numbers began again: not sent. */
  async #conflict(): Promise<CasResult> {
    this.#link.ofEpoch('') // throws once closed
    return { status: 'conflict' }
  }

  #sendOn(connection: TextConnection, call: Call): Promise<unknown> {
    if (!call.isSettled) connection.send(call, performance.now())
    return call.promise
  }

  /** Classic: the write that issued this version was told no number. */
  async #casAfterRead(
    connection: TextConnection,
    key: string,
    version: Version,
    details: CallDetails,
  ): Promise<CasResult> {
    const read = new Call(this.node, 'get', key, { signal: details.signal })
    read.isMovable = false
    const current = (await this.#sendOn(connection, read)) as Entry | null
    if (current === null) return { status: 'missing' }
    if (current.version !== version) return { status: 'conflict', current }
    if (!connection.isOpen) return this.#conflict()
    const number = connection.protocol.casOf(version)
    if (number.status !== 'known') throw unavailable(this.node, 'did not tell the number of an entry')
    const call = new Call(this.node, 'cas', key, { ...details, cas: number.cas })
    return this.#sendOn(connection, call) as Promise<CasResult>
  }
}
