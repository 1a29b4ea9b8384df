import { SessionValueError, StoreUnavailableError } from '../../../src/errors.ts'
import type { CallOptions, Store } from '../../../src/store.ts'
import { RefusalError } from '../refusal.ts'
import { type Asking, hasRunOut, inBackground } from './asking.ts'

/** mcrouter takes a node out after 3 failures in a row; one is a lost packet, ten are ten slow requests. */
const failuresToOpen = 3
const firstProbeMs = 1000
const longestProbeMs = 60_000
/** A healthy node answers within a few ms. Without an answer for this long a call counts as failed, even where the caller gave it up. */
const patientMs = 100
/** A node that has just not answered gets this much once more: that tells a lost reply from a frozen node. */
const momentMs = 40
/** A probe that is this late was not merely crowded out: the process was frozen, as a Lambda is between requests. */
const overdueMs = 500
/** Nothing is ever stored under it: any answer to it shows that the node is there. */
const probeKey = 'claimcheck:probe'

/**
 * The error for an operation that no member served, with the last error of any of them. Somebody waits for them, so those that are
 * out are probed within a second.
 */
export function outageOf(members: readonly Member[]): StoreUnavailableError {
  for (const member of members) member.hurry()
  const failed = members.filter(({ lastError }) => lastError !== undefined)
  const cause = failed.sort((a, b) => b.lastErrorAt - a.lastErrorAt)[0]?.lastError
  const node = cause?.node ?? members[0]?.name
  const message = cause?.message ?? `${node ?? 'the store'} does not answer`
  return new StoreUnavailableError(message, { cause, node, reason: cause?.reason })
}

/** What is asked of a member's store. */
type Work<Result> = (store: Store, call: CallOptions) => Promise<Result>

/** What a member tells its cluster. */
export interface MemberListener {
  /** It answers again after it had been taken out. */
  onBack(): void
  /** A call of it failed. */
  onFailure(): void
  /** Whether something waits for it: then it is asked every second. */
  hasWork(): boolean
}

/** One store of a cluster, with its breaker: after 3 failures in a row it is only probed, until it answers. */
export class Member {
  readonly name: string
  readonly store: Store
  readonly #listener: MemberListener
  /** What the last call that failed said. */
  lastError: StoreUnavailableError | undefined
  /** When it said so, on the monotonic clock. */
  lastErrorAt: number = Number.NEGATIVE_INFINITY
  #failures = 0
  #countedAt: number = Number.NEGATIVE_INFINITY
  #downSince: number | undefined
  #probeMs = firstProbeMs
  /** When it is probed next, by the wall clock: that goes on while the process is frozen. */
  #probeAt: number = Number.POSITIVE_INFINITY
  #timer: ReturnType<typeof setTimeout> | undefined
  #isClosed: boolean = false

  constructor(name: string, store: Store, listener: MemberListener) {
    this.name = name
    this.store = store
    this.#listener = listener
  }

  get isUp(): boolean {
    return this.#downSince === undefined
  }

  /** Milliseconds since it was taken out; 0 while it is up. */
  get downMs(): number {
    return this.#downSince === undefined ? 0 : performance.now() - this.#downSince
  }

  /**
   * One call; an outage is the value `undefined`. A node that is out is asked only where `force` says so or its probe is overdue. One
   * that let a call of this request run out is not asked at all.
   */
  async ask<Result>(
    work: Work<Result>,
    { call, force: forced }: Asking,
    force: boolean = forced,
  ): Promise<Result | undefined> {
    if (hasRunOut(this, call)) return undefined
    if (!force && !this.isUp && !this.#isOverdue()) return undefined
    return this.#ask(work, call)
  }

  /** One call, whatever is known of the node. One that let a call of this request run out is waited for a moment, no longer. */
  async askAgain<Result>(work: Work<Result>, { call }: Asking): Promise<Result | undefined> {
    const answer = this.#ask(work, call)
    if (!hasRunOut(this, call)) return answer
    let timer: ReturnType<typeof setTimeout> | undefined
    const moment = new Promise<undefined>((enough) => {
      timer = setTimeout(enough, momentMs, undefined)
    })
    return Promise.race([answer, moment]).finally(() => clearTimeout(timer))
  }

  async #ask<Result>(work: Work<Result>, call: CallOptions): Promise<Result | undefined> {
    if (this.#isOverdue()) this.#leaveOutFrozenTime()
    const askedAt = performance.now()
    try {
      const result = await work(this.store, call)
      this.#succeeded()
      return result
    } catch (error) {
      if (error instanceof SessionValueError || error instanceof RangeError) throw error
      const now = performance.now()
      // A store of somebody else's may throw anything; to its cluster it is down all the same.
      this.lastError =
        error instanceof StoreUnavailableError
          ? error
          : new StoreUnavailableError('the store failed', { cause: error, reason: 'failed' })
      this.lastErrorAt = now
      // A call that its caller soon gave up says nothing about the node. A refusal shows that the node is there.
      const hasWaited = now - askedAt >= patientMs
      const wasGivenUp = call.signal?.aborted === true && !hasWaited
      if (error instanceof RefusalError) return undefined
      if (hasWaited) call.ranOut?.add(this)
      if (!wasGivenUp) this.#failed(askedAt, now)
      return undefined
    }
  }

  /** Work has turned up for a node that is out: the next probe comes within a second. */
  hurry(): void {
    if (this.isUp || this.#probeMs <= firstProbeMs) return
    this.#probeMs = firstProbeMs
    this.#schedule()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.store.close?.()
  }

  #succeeded(): void {
    this.#failures = 0
    if (this.isUp) return
    this.#downSince = undefined
    this.#probeMs = firstProbeMs
    clearTimeout(this.#timer)
    this.#listener.onBack()
  }

  #failed(askedAt: number, now: number): void {
    this.#listener.onFailure()
    // A connection that dies takes all calls on it along: those that were under way at the last failure are part of it.
    if (askedAt < this.#countedAt) return
    this.#countedAt = now
    this.#failures++
    if (!this.isUp || this.#failures < failuresToOpen) return
    this.#downSince = performance.now()
    this.#schedule()
  }

  /** Whether the probe of a node that is out is so late that this process must have been frozen. */
  #isOverdue(): boolean {
    return !this.isUp && Date.now() - this.#probeAt >= overdueMs
  }

  /** Frozen time is no downtime of the node. The call under way is the probe, so the timer begins again. */
  #leaveOutFrozenTime(): void {
    const now = performance.now()
    this.#downSince = Math.min((this.#downSince ?? now) + Date.now() - this.#probeAt, now)
    this.#schedule()
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    // +-20 %, so that the processes of a fleet do not probe a returning node in step.
    const ms = this.#probeMs * (0.8 + 0.4 * Math.random())
    this.#probeAt = Date.now() + ms
    this.#timer = setTimeout(() => void this.#probe(), ms)
    if (typeof this.#timer === 'object') this.#timer.unref()
  }

  async #probe(): Promise<void> {
    if (this.#isOverdue()) this.#leaveOutFrozenTime()
    // While this probe is under way no call of a visitor takes its place: the node may let it run out.
    this.#probeAt = Date.now() + firstProbeMs
    // A store of somebody else's may throw anything, and nobody waits for this: it would end the process.
    const probing = this.ask((store) => store.read(probeKey).then(() => true), inBackground, true)
    const answer = await probing.catch(() => undefined)
    if (answer !== undefined || this.isUp) return
    this.#probeMs = this.#listener.hasWork() ? firstProbeMs : Math.min(2 * this.#probeMs, longestProbeMs)
    this.#schedule()
  }
}
