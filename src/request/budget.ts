import { SessionError, StoreUnavailableError } from '../errors.ts'
import { Patience } from './patience.ts'

/** Exceptions from the budget for one call. */
export interface CallTime {
  /** Milliseconds that this call must leave for later calls. */
  readonly keepMs?: number | undefined
  /** Milliseconds that it gets even where the budget is used up. */
  readonly atLeastMs?: number | undefined
}

/**
 * The time one request may spend on its store, all calls together.
 *
 * Only waiting counts. Calls that run in parallel count once. A slow handler costs nothing, and neither does time between two calls.
 * The longest time in which this process was frozen or busy during a call is not counted either.
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
   * Runs one call of a store. Settles when the time is up at the latest, also where the store ignores the signal.
   * What a store throws that is no error of this library becomes a `StoreUnavailableError`: an outage is never taken for an answer.
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
