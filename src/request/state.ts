import { type Claims, claimsIn } from '../claim/cookie-claims.ts'
import type { Claim } from '../claim/token.ts'
import { SessionUseError, StoreUnavailableError } from '../errors.ts'
import type { BadTokenReason } from '../events.ts'
import { replay, type SessionData } from '../record/journal.ts'
import type { Answering } from './answer.ts'
import { Calls } from './calls.ts'
import { Exchange, type Loaded } from './exchange.ts'
import { Failures } from './failures.ts'
import { fetchClaims } from './load.ts'

const nothing: SessionData = new Map()

/** The mutable state of one request's session. The session's methods write it, the commit reads it. */
export class RequestState extends Exchange {
  readonly calls: Calls = new Calls()
  readonly failures: Failures = new Failures()
  /** Reads and updates under way: a commit waits for them, so that a forgotten `await` loses nothing. */
  readonly pending: Set<Promise<unknown>> = new Set()
  /** Set by any use of the session: the response then depends on the cookie. */
  used = false
  /** Makes the answer say so; false where it may have left already. One function for all requests, so none pays for a closure. */
  tellUse: ((answer: Answering) => boolean) | undefined
  /** The answer to the request, where there is somebody who can reach it. */
  answer: Answering | undefined
  /** The session of an app around this one, where one request has two. */
  outer: RequestState | undefined
  /** The error of a commit that must not write, because the other session of this request did. */
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
  #findingClaims: Promise<Claims> | undefined
  /** The one load, once it was asked for. */
  loading: Promise<Loaded> | undefined

  /** Marks the session as used. Throws where the answer may have left without saying that it depends on the cookie. */
  use(): void {
    if (this.used) return
    const isTold = this.answer && this.tellUse ? this.tellUse(this.answer) : !this.closed
    if (!isTold)
      throw new SessionUseError('the session was first used after its commit: use it before the response is returned')
    this.used = true
  }

  /** Runs this in its place among the calls, when the data is there. Rejects where the load fails. */
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
    this.#findingClaims ??= this.#findClaims()
    return this.#findingClaims
  }

  async #findClaims(): Promise<Claims> {
    const onBad = (reason: BadTokenReason) => this.emit({ type: 'bad-token', reason })
    const claims = await claimsIn(this.settings.cookie, this.cookieHeader, this.signer, onBad)
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
      this.loaded = found.length > 0 ? await this.#fetch(found) : { status: 'absent' }
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || this.settings.onUnavailable === 'fail') throw error
      this.loaded = { status: 'unavailable', error }
    }
    this.calls.start(dataOf(this.loaded))
    return this.loaded
  }

  async #fetch(claims: readonly Claim[]): Promise<Loaded> {
    const { loaded, claim, strays } = await fetchClaims(this, claims)
    this.claim = claim
    this.strays = strays
    return loaded
  }
}

/** What a load found to build on; a session that is not there has no data. */
export function dataOf(loaded: Loaded): SessionData {
  return loaded.status === 'found' ? loaded.record.data : nothing
}

const noop = () => {}
