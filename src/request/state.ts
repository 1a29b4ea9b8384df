import { type Claims, claimsIn } from '../claim/cookie-claims.ts'
import type { Context } from '../claim/signer.ts'
import type { BadTokenReason, Claim } from '../claim/token.ts'
import { SessionUseError, StoreUnavailableError } from '../errors.ts'
import type { SessionEvent } from '../events.ts'
import type { Settings } from '../options.ts'
import { replay, type SessionData } from '../record/journal.ts'
import type { SessionRecord } from '../record/record.ts'
import type { CallOptions, Store, Version } from '../store.ts'
import { Budget, type CallTime } from './budget.ts'
import { Calls } from './calls.ts'
import { Failures } from './failures.ts'
import { fetchClaims } from './load.ts'

/** A live record as it was read or written, with the version that the next write must name. */
export interface Found {
  readonly status: 'found'
  readonly revision: number
  /** As they are stored: the records that build on it list them. */
  readonly bytes: Uint8Array
  readonly record: SessionRecord
  readonly version: Version
  /** When the version was asked for, on the monotonic clock. */
  readonly readAt: number
}

/** No session (any more). `gone`: a tombstone was found; `absent`: nothing was, or nothing that can be used. */
export type Ended = { readonly status: 'absent' } | { readonly status: 'gone'; readonly revision: number }

/** How a load ends. */
export type Loaded = Found | Ended | { readonly status: 'unavailable'; readonly error: StoreUnavailableError }

const nothing: SessionData = new Map()

/** Everything one request knows and wants of its session. The session writes here, the commit reads here. */
export class RequestState {
  readonly context: () => Promise<Context>
  readonly settings: Settings
  readonly budget: Budget
  /** When the request came, on the configured clock. */
  readonly openedAt: number
  readonly calls: Calls = new Calls()
  readonly failures: Failures = new Failures()
  /** Reads and updates under way: a commit waits for them, so that a forgotten `await` loses nothing. */
  readonly pending: Set<Promise<unknown>> = new Set()
  /** Set by any use of the session: the response then depends on the cookie. */
  touched = false
  /** Makes the answer say so, if there is somebody who can; false where it may have left already. */
  onFirstUse: (() => boolean) | undefined
  /** The session of the same request outside of this one, where there are two. */
  outer: RequestState | undefined
  /** Why this one may not write: the other did. */
  refusal: SessionUseError | undefined
  closed = false
  destroyed = false
  regenerated: { reauthenticated: boolean } | undefined
  /** The claim of the cookie, then of the session that the commit wrote. Undefined until asked for, or where there is none. */
  claim: Claim | undefined
  /** Every session that the cookies name: of two that live none is used, but a logout ends both. */
  claims: readonly Claim[] = []
  /** Those whose record was not found, beside one that was. */
  strays: readonly Claim[] = []
  loaded: Loaded | undefined
  readonly cookieHeader: string | null | undefined
  #claiming: Promise<Claims> | undefined
  /** The one load, once it was asked for. */
  loading: Promise<Loaded> | undefined
  /** For compositions: who let a call of this request run out. */
  #ranOut: Set<object> | undefined

  constructor(settings: Settings, context: () => Promise<Context>, cookieHeader: string | null | undefined) {
    this.settings = settings
    this.context = context
    this.budget = new Budget(settings.requestMs)
    this.openedAt = settings.now()
    this.cookieHeader = cookieHeader
  }

  emit(event: SessionEvent): void {
    // Watching a request must not fail it, nor end the process; said in the doc comment of SessionEventHandler.
    try {
      const answer: unknown = this.settings.onEvent?.(event)
      if (answer instanceof Promise) answer.catch(noop)
    } catch {}
  }

  /** Marks the session as used. Throws where the answer may have left without saying that it depends on the cookie. */
  use(): void {
    if (this.touched) return
    const isTold = this.onFirstUse?.() ?? !this.closed
    if (!isTold)
      throw new SessionUseError('the session was first used after its commit: use it before the response is returned')
    this.touched = true
  }

  /** Runs this in its place among the calls, on the loaded data: now, or when that has come. A load that fails fails it too. */
  ask<Result>(work: (calls: Calls) => Result): Promise<Result> {
    const asked = new Promise<Result>((resolve, reject) => {
      this.calls.take(() => {
        try {
          resolve(work(this.calls))
        } catch (error) {
          reject(error)
        }
      })
      if (!this.loaded) this.load().catch(reject)
    })
    return this.track(asked)
  }

  /** Hands out the promise of a change. The commit waits for it, and fails where it fails and nobody was there to be told. */
  tell<Result>(work: Promise<Result>): Promise<Result> {
    return this.failures.watch(this.track(work))
  }

  /** What this request makes of some stored data; what it loaded itself has been computed already. */
  dataOn(base: Loaded): SessionData {
    return base === this.loaded ? this.calls.view : replay(dataOf(base), this.calls.operations)
  }

  /** Keeps a promise from being overtaken by the commit. */
  track<Result>(work: Promise<Result>): Promise<Result> {
    const settled = work.then(noop, noop).then(() => void this.pending.delete(settled))
    this.pending.add(settled)
    return work
  }

  /** What the cookies say, verified. Costs no store call. */
  findClaims(): Promise<Claims> {
    this.#claiming ??= this.#findClaims()
    return this.#claiming
  }

  async #findClaims(): Promise<Claims> {
    const { settings, context } = this
    const onBad = (reason: BadTokenReason) => this.emit({ type: 'bad-token', reason })
    const claims = await claimsIn(settings.cookie, this.cookieHeader, context, onBad)
    this.claims = claims.found
    if (claims.found.length === 1) this.claim = claims.found[0]
    return claims
  }

  /** Loads once; parallel reads share it. Slides the expiry in the same round trip. */
  load(): Promise<Loaded> {
    this.loading ??= this.#load()
    return this.loading
  }

  async #load(): Promise<Loaded> {
    const { found } = await this.findClaims()
    try {
      this.loaded = found.length > 0 ? await this.budget.phase(() => fetchClaims(this, found)) : { status: 'absent' }
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || this.settings.onUnavailable === 'fail') throw error
      this.loaded = { status: 'unavailable', error }
    }
    this.calls.start(dataOf(this.loaded))
    return this.loaded
  }

  /** One call of the store, within the budget. */
  async call<Result>(work: (store: Store, options: CallOptions) => Promise<Result>, time?: CallTime): Promise<Result> {
    this.#ranOut ??= new Set()
    const ranOut = this.#ranOut
    try {
      return await this.budget.call((signal) => work(this.settings.store, { signal, ranOut }), time)
    } catch (error) {
      if (error instanceof StoreUnavailableError)
        this.emit({ type: 'unavailable', node: error.node, reason: error.reason })
      throw error
    }
  }

  /** The TTL of a record that ends for good at `until`: idle time, cut short by the end. Whole seconds, at least 1. */
  secondsToLive(until: number): number {
    const left = until - this.settings.now() / 1000
    return Math.max(1, Math.ceil(Math.min(this.settings.recordSeconds, left)))
  }
}

/** What a load found to build on; a session that is not there has no data. */
export function dataOf(loaded: Loaded): SessionData {
  return loaded.status === 'found' ? loaded.record.data : nothing
}

const noop = () => {}
