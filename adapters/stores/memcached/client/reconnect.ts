import type { StoreUnavailableError } from '../../../../src/errors.ts'
import { abortable, unavailable } from './driver.ts'
import { Pulse } from './freeze-detector.ts'

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

/**
 * 50 ms keeps a process from hammering a server that refuses; a restart is over in about that time (measured: 30-60 ms). Never
 * longer, and waited for: whoever was told to come again in a second must reach a server that is back.
 */
const pauseMs = 50

/**
 * Keeps one connection to one node.
 *
 * Opens it for the first call, and anew for the first call after a fault. After a connection that was no good from the start
 * (refused, timed out, never answered) calls wait up to 50 ms, with jitter, for the next one. After this process stood still
 * the connection is not trusted any more, and nothing that happened to it counts: what waits for it gets the next one.
 */
export class Link<C extends Connection> {
  readonly #node: string
  readonly #connect: (onFault: FaultListener<C>) => C
  #current: C | undefined
  /** Beats while there is a connection. */
  #pulse: Pulse | undefined
  /** This process stood still while the current one was being opened. */
  #isShaken: boolean = false
  /** The last attempt that failed because this process was frozen. */
  #excused: C | undefined
  #retryAt = 0
  #pause: Promise<void> | undefined
  #isClosed: boolean = false

  constructor(node: string, connect: (onFault: FaultListener<C>) => C) {
    this.#node = node
    this.#connect = connect
  }

  /** An open connection; rejects with `StoreUnavailableError`. */
  async connection(signal?: AbortSignal): Promise<C> {
    for (;;) {
      if (signal?.aborted) throw unavailable(this.#node, 'was not asked: the call had been aborted', signal.reason)
      const current = this.#usable()
      if (current?.isOpen) return current
      if (!current && performance.now() < this.#retryAt) await abortable(this.#paused(), signal, this.#node)
      else await this.#opened(current ?? this.#open(), signal)
    }
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

  /** Rejects where the attempt failed, unless this process was frozen meanwhile. */
  async #opened(connection: C, signal: AbortSignal | undefined): Promise<void> {
    try {
      await abortable(connection.opened, signal, this.#node)
      if (connection === this.#current) this.#isShaken = false
    } catch (error) {
      if (connection !== this.#excused) throw error
    }
  }

  #usable(): C | undefined {
    if (this.#isClosed) throw unavailable(this.#node, 'is no longer asked: the store is closed')
    this.check()
    if (this.#current?.isSpent) this.#replace()
    return this.#current
  }

  /** One that is being opened goes on: a process that stands still again and again would never have an open one. */
  #stoodStill(): void {
    if (this.#current?.isOpen) this.#replace()
    else this.#isShaken = true
  }

  /** The next call opens another; what is in flight is still answered here, or late. */
  #replace(): void {
    const former = this.#current
    this.#drop()
    former?.retire()
  }

  #drop(): void {
    this.#current = undefined
    this.#isShaken = false
    this.#pulse?.stop()
    this.#pulse = undefined
  }

  /** One for all who wait. */
  #paused(): Promise<void> {
    this.#pause ??= new Promise<void>((over) =>
      setTimeout(over, Math.max(0, this.#retryAt - performance.now())),
    ).finally(() => {
      this.#pause = undefined
    })
    return this.#pause
  }

  #open(): C {
    this.#current = this.#connected()
    this.#pulse = new Pulse(() => this.#stoodStill())
    return this.#current
  }

  /** What throws while it connects is a failed connection like any other. */
  #connected(): C {
    try {
      return this.#connect((connection) => this.#failed(connection))
    } catch (cause) {
      this.#retryLater()
      throw unavailable(this.#node, 'could not be connected to', cause)
    }
  }

  #failed(connection: C): void {
    this.check()
    if (this.#current !== connection) return
    const isExcused = this.#isShaken
    this.#drop()
    if (isExcused) this.#excused = connection
    else if (!connection.isProven) this.#retryLater()
  }

  #retryLater(): void {
    this.#retryAt = performance.now() + pauseMs * (0.5 + Math.random() / 2)
  }
}
