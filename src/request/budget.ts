import { SessionError, StoreUnavailableError } from '../errors.ts'
import { Patience } from './patience.ts'

/** What a call gets beside the usual. */
export interface CallTime {
  /** Milliseconds that are left to what comes after it. */
  readonly keepMs?: number | undefined
  /** Milliseconds that it gets though the budget is used up. */
  readonly atLeastMs?: number | undefined
}

/**
 * The time one request may spend on its store, all calls together.
 *
 * Only waiting counts, calls that go on at once count once: a slow handler costs nothing, nor does a machine that lets this process
 * wait for its turn between two calls, nor the longest time in which it stood still or was kept busy during one.
 */
export class Budget {
  #leftMs: number
  /** How many wait now. */
  #waiting = 0
  #since = 0
  #stoodMs = 0

  constructor(ms: number) {
    this.#leftMs = ms
  }

  /** Milliseconds left. */
  get leftMs(): number {
    return Math.max(0, this.#waiting === 0 ? this.#leftMs : this.#leftMs - (performance.now() - this.#since))
  }

  /** Waits for the store, or for another writer: this time counts. */
  async wait<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting++ === 0) this.#since = performance.now()
    try {
      return await work()
    } finally {
      const { leftMs } = this
      if (--this.#waiting === 0) this.#leftMs = leftMs
    }
  }

  /**
   * Runs one call of a store and settles when the time is up at the latest, also where the store ignores the signal.
   * Whatever else it throws becomes a `StoreUnavailableError`: an outage is never taken for an answer.
   */
  async call<Result>(
    work: (signal: AbortSignal) => Promise<Result>,
    { keepMs = 0, atLeastMs = 0 }: CallTime = {},
  ): Promise<Result> {
    const ms = Math.max(this.leftMs - keepMs, atLeastMs)
    if (ms <= 0)
      throw new StoreUnavailableError('requestMs is used up: the store took too long', {
        reason: 'timeout',
      })
    const controller = new AbortController()
    const { promise: timeout, reject } = Promise.withResolvers<never>()
    const patience = new Patience(ms, () => {
      reject(new StoreUnavailableError('the store did not answer in time', { reason: 'timeout' }))
      controller.abort()
    })
    try {
      return await this.wait(() => Promise.race([work(controller.signal), timeout]))
    } catch (error) {
      throw error instanceof SessionError
        ? error
        : new StoreUnavailableError('the store failed', { cause: error, reason: 'failed' })
    } finally {
      this.#stood(patience.stop())
    }
  }

  #stood(ms: number): void {
    if (ms <= this.#stoodMs) return
    this.#leftMs += ms - this.#stoodMs
    this.#stoodMs = ms
  }
}
