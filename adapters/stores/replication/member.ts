import { StoreUnavailableError } from '../../../src/errors.ts'
import type { Store } from '../../../src/store.ts'
import { RefusalError } from './refusal.ts'

/** mcrouter takes a node out after 3 failures in a row; one is a lost packet, ten are ten slow requests. */
const failuresToOpen = 3
const firstProbeMs = 1000
const longestProbeMs = 60_000
/** Nothing is ever stored under it: any answer to it shows that the node is there. */
const probeKey = 'claimcheck:probe'

/**
 * The outage of an operation, told by what its members said last: an older error is of another operation. Somebody waits for
 * them, so those that are out are probed within a second.
 */
export function outageOf(members: readonly Member[]): StoreUnavailableError {
  for (const member of members) member.hurry()
  const failed = members.filter(({ lastError }) => lastError !== undefined)
  const cause = failed.sort((a, b) => b.lastErrorAt - a.lastErrorAt)[0]?.lastError
  const node = cause?.node ?? members[0]?.name
  return new StoreUnavailableError(cause?.message ?? `${node ?? 'the store'} does not answer`, { cause, node })
}

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
  #downSince: number | undefined
  #probeMs = firstProbeMs
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

  /** One call; an outage is the value `undefined`. Asks a node that is out only where `force` says so. */
  async ask<Result>(
    work: (store: Store) => Promise<Result>,
    signal: AbortSignal | undefined,
    force = false,
  ): Promise<Result | undefined> {
    if (!this.isUp && !force) return undefined
    try {
      const result = await work(this.store)
      this.#succeeded()
      return result
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      this.lastError = error
      this.lastErrorAt = performance.now()
      // What the caller gave up says nothing about the node, and what the node itself refused shows that it is there.
      if (signal?.aborted !== true && !(error instanceof RefusalError)) this.#failed()
      return undefined
    }
  }

  /** Work has turned up for a node that is out: the next probe comes within a second. */
  hurry(): void {
    if (this.isUp || this.#probeMs <= firstProbeMs) return
    this.#probeMs = firstProbeMs
    clearTimeout(this.#timer)
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

  #failed(): void {
    this.#failures++
    this.#listener.onFailure()
    if (!this.isUp || this.#failures < failuresToOpen) return
    this.#downSince = performance.now()
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isClosed) return
    // +-20 %, so that the processes of a fleet do not probe a returning node in step.
    this.#timer = setTimeout(() => void this.#probe(), this.#probeMs * (0.8 + 0.4 * Math.random()))
    if (typeof this.#timer === 'object') this.#timer.unref()
  }

  async #probe(): Promise<void> {
    const answer = await this.ask((store) => store.read(probeKey).then(() => true), undefined, true)
    if (answer !== undefined || this.isUp) return
    this.#probeMs = this.#listener.hasWork() ? firstProbeMs : Math.min(2 * this.#probeMs, longestProbeMs)
    this.#schedule()
  }
}
