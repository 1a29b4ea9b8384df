import { SessionError, StoreUnavailableError } from '../errors.ts'
import { Patience } from './patience.ts'

/** A timer that must not outlive its work, and runs on every platform. */
const monotonic = () => performance.now()

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
 * Time is counted in phases (the load, the commit), so that a slow handler in between costs nothing; nor does the longest time in
 * which this process stood still or was kept busy while a call was under way.
 */
export class Budget {
  #leftMs: number
  #endsAt: number | undefined
  #stoodMs = 0

  constructor(ms: number) {
    this.#leftMs = ms
  }

  /** Milliseconds left of the current phase. */
  get leftMs(): number {
    return this.#endsAt === undefined ? this.#leftMs : Math.max(0, this.#endsAt - monotonic())
  }

  /** Runs one phase: its wall-clock time is taken off the budget. Phases do not overlap. */
  async phase<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#endsAt = monotonic() + this.#leftMs
    try {
      return await work()
    } finally {
      this.#leftMs = this.leftMs
      this.#endsAt = undefined
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
      throw new StoreUnavailableError('the time of this request for its store is used up', { reason: 'timeout' })
    const controller = new AbortController()
    const { promise: timeout, reject } = Promise.withResolvers<never>()
    const patience = new Patience(ms, () => {
      reject(new StoreUnavailableError('the store did not answer in time', { reason: 'timeout' }))
      controller.abort()
    })
    try {
      return await Promise.race([work(controller.signal), timeout])
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
    if (this.#endsAt !== undefined) this.#endsAt += ms - this.#stoodMs
    this.#stoodMs = ms
  }
}
