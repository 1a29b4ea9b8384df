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
  readonly #onOutage: (error: StoreUnavailableError) => void

  /** `onOutage` is told of every call that ends in one. */
  constructor(ms: number, onOutage: (error: StoreUnavailableError) => void = noop) {
    this.#leftMs = ms
    this.#onOutage = onOutage
  }

  /** Milliseconds left. */
  get leftMs(): number {
    return Math.max(0, this.#waiting === 0 ? this.#leftMs : this.#leftMs - (performance.now() - this.#since))
  }

  /** Waits for the store, or for another writer: this time counts. */
  async wait<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#begin()
    try {
      return await work()
    } finally {
      this.#end()
    }
  }

  /**
   * Runs one call of a store. Settles when the time is up at the latest, also where the store ignores the signal.
   * What a store throws that is no error of this library becomes a `StoreUnavailableError`: an outage is never taken for an answer.
   */
  call<Result>(
    work: (signal: AbortSignal) => Promise<Result>,
    { keepMs = 0, atLeastMs = 0 }: CallTime = usual,
  ): Promise<Result> {
    const ms = Math.max(this.leftMs - keepMs, atLeastMs)
    if (ms > 0) return new Promise((resolve, reject) => this.#run(ms, work, resolve, reject))
    return Promise.reject(this.#told(tooSlow('requestMs is used up: the store took too long')))
  }

  /** One promise for a call, not a race of several in three functions: that is a tenth of what a read costs (measured). */
  #run<Result>(
    ms: number,
    work: (signal: AbortSignal) => Promise<Result>,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
  ): void {
    const controller = new AbortController()
    let isOver = false
    const end = () => {
      isOver = true
      this.#end()
      this.#stood(patience.stop())
    }
    const fail = (error: unknown) => {
      if (isOver) return
      end()
      reject(this.#told(error instanceof SessionError ? error : failed(error)))
    }
    const patience = new Patience(ms, () => {
      fail(tooSlow('the store did not answer in time'))
      controller.abort()
    })
    const succeed = (result: Result) => {
      if (isOver) return
      end()
      resolve(result)
    }
    this.#begin()
    try {
      Promise.resolve(work(controller.signal)).then(succeed, fail)
    } catch (error) {
      fail(error)
    }
  }

  #told(error: SessionError): SessionError {
    if (error instanceof StoreUnavailableError) this.#onOutage(error)
    return error
  }

  #begin(): void {
    if (this.#waiting++ === 0) this.#since = performance.now()
  }

  #end(): void {
    const { leftMs } = this
    if (--this.#waiting === 0) this.#leftMs = leftMs
  }

  #stood(ms: number): void {
    if (ms <= this.#stoodMs) return
    this.#leftMs += ms - this.#stoodMs
    this.#stoodMs = ms
  }
}

const usual: CallTime = {}
const noop = () => {}
const tooSlow = (what: string) => new StoreUnavailableError(what, { reason: 'timeout' })
const failed = (cause: unknown) => new StoreUnavailableError('the store failed', { cause, reason: 'failed' })
