import type { StoreUnavailableError } from '../../../src/errors.ts'
import { abortable, unavailable } from './driver.ts'
import { Pulse } from './pulse.ts'

/** One connection, of any protocol: used until its first fault and then never again. */
export interface Connection {
  /** Unlike that of any other connection, here or in another process: versions carry it. */
  readonly epoch: string
  /** Settles within the connect deadline; rejects with what went wrong. */
  readonly opened: Promise<void>
  readonly isOpen: boolean
  /** The server has answered at least one request on it. A socket that is merely open proves nothing: a frozen server's kernel accepts. */
  readonly isProven: boolean
  /** It has done as many operations as it may. */
  readonly isSpent: boolean
  /** Takes no more calls and closes when those in flight are answered. */
  retire(): void
  /** Closes now; calls in flight are rejected. */
  close(reason: string): void
}

/** Told once, when a connection is of no more use. */
export type FaultListener<C> = (connection: C, error: StoreUnavailableError) => void

/** 50 ms keeps a process from hammering a server that refuses; a restart is over in about that time (measured: 30-60 ms). */
const firstPauseMs = 50
/** The longest pause is what a recovered server waits for its first visitor: a second is the time a Retry-After asks for. */
const longestPauseMs = 1000

/**
 * Keeps one connection to one node.
 *
 * Opens it for the first call, and anew for the first call after a fault. After a connection that was no good from the start
 * (refused, timed out, never answered) calls fail fast for 50 ms, doubling to 1 s, with jitter. After this process stood still
 * the connection is not trusted any more, and nothing that happened to it counts.
 */
export class Link<C extends Connection> {
  readonly #node: string
  readonly #connect: (onFault: FaultListener<C>) => C
  #current: C | undefined
  /** Beats while there is a connection. */
  #pulse: Pulse | undefined
  #failures = 0
  #retryAt = 0
  #lastError: StoreUnavailableError | undefined
  #isClosed: boolean = false

  constructor(node: string, connect: (onFault: FaultListener<C>) => C) {
    this.#node = node
    this.#connect = connect
  }

  /** An open connection; rejects with `StoreUnavailableError`. */
  async connection(signal?: AbortSignal): Promise<C> {
    if (signal?.aborted) throw unavailable(this.#node, 'was not asked: the call was aborted', signal.reason)
    const connection = this.#usable() ?? this.#open()
    if (!connection.isOpen) await abortable(connection.opened, signal, this.#node)
    return connection
  }

  /** The connection of this epoch, while it is the one in use. */
  ofEpoch(epoch: string): C | undefined {
    const current = this.#usable()
    return current?.isOpen && current.epoch === epoch ? current : undefined
  }

  /** Lets go of the connection if this process stood still; to be called before one is used that was asked for earlier. */
  check(): void {
    this.#pulse?.check()
  }

  close(): void {
    this.#isClosed = true
    this.#current?.close('is no longer asked: the store is closed')
    this.#drop()
  }

  #usable(): C | undefined {
    if (this.#isClosed) throw unavailable(this.#node, 'is no longer asked: the store is closed')
    this.check()
    if (this.#current?.isSpent) this.#replace()
    return this.#current
  }

  /** The next call opens another; what is in flight is still answered here, or late. */
  #replace(): void {
    const former = this.#current
    this.#drop()
    former?.retire()
  }

  #drop(): void {
    this.#current = undefined
    this.#pulse?.stop()
    this.#pulse = undefined
  }

  #open(): C {
    if (performance.now() < this.#retryAt)
      throw unavailable(this.#node, 'is down and will be asked again in a moment', this.#lastError)
    this.#current = this.#connect((connection, error) => this.#failed(connection, error))
    this.#pulse = new Pulse(() => this.#replace())
    return this.#current
  }

  #failed(connection: C, error: StoreUnavailableError): void {
    this.check()
    if (this.#current !== connection) return
    this.#drop()
    this.#lastError = error
    this.#failures = connection.isProven ? 0 : this.#failures + 1
    if (this.#failures === 0) return
    const pause = Math.min(firstPauseMs * 2 ** (this.#failures - 1), longestPauseMs)
    this.#retryAt = performance.now() + pause * (0.5 + Math.random() / 2)
  }
}
