import { SessionError, StoreUnavailableError } from './errors.ts'

/** A timer that must not outlive its work, and runs on every platform. */
const monotonic = () => performance.now()

/**
 * The time one request may spend on its store, all calls together.
 *
 * Time is counted in phases (the load, the commit), so that a slow handler in between costs nothing.
 */
export class Budget {
  #leftMs: number
  #endsAt: number | undefined

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
  async call<Result>(work: (signal: AbortSignal) => Promise<Result>, atLeastMs = 0): Promise<Result> {
    const ms = Math.max(this.leftMs, atLeastMs)
    if (ms <= 0) throw new StoreUnavailableError('the time of this request for its store is used up')
    const controller = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new StoreUnavailableError('the store did not answer in time'))
        controller.abort()
      }, ms)
    })
    try {
      return await Promise.race([work(controller.signal), timeout])
    } catch (error) {
      throw error instanceof SessionError ? error : new StoreUnavailableError('the store failed', { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }
}
