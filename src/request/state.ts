import { type Claims, claimsIn } from '../claim/cookie-claims.ts'
import type { Claim } from '../claim/token.ts'
import type { Awaitable } from '../crypto/contract.ts'
import { SessionUseError, StoreUnavailableError } from '../errors.ts'
import type { BadTokenReason } from '../events.ts'
import { joiningOperations, replay, type SessionData } from '../record/journal.ts'
import { loads } from '../tracing/channels.ts'
import { type BadCookie, withoutClaim } from './absence.ts'
import type { Answering } from './answer.ts'
import type { HeaderLine } from './bearer.ts'
import { Calls, type Regenerated } from './calls.ts'
import { Exchange } from './exchange.ts'
import { Failures } from './failures.ts'
import { fetchClaims } from './load.ts'
import { dataOf, type Fetched, type Loaded } from './loaded.ts'
import { watched } from './watching.ts'

/** The mutable state of one request's session. The session's methods write it, the commit reads it. */
export class RequestState extends Exchange {
  #calls: Calls | undefined
  #failures: Failures | undefined
  /** Reads and updates under way. */
  #pending = 0
  #onIdle: (() => void) | undefined
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
  /** The header that the answer to a logout carries. */
  clearSiteData: string | undefined
  /** Of a client that speaks by Authorization: what the commit tells it. Undefined where cookies do. */
  tokenHeaders: readonly HeaderLine[] | undefined
  regenerated: Regenerated | undefined
  /** A login that goes on with the session of another one. */
  hasJoined = false
  /** Every session that the cookies name: of two that live none is used, but a logout ends both. */
  claims: readonly Claim[] = []
  /** Those whose record was not found, beside one that was. */
  strays: readonly Claim[] = []
  loaded: Loaded | undefined
  #claims: Awaitable<Claims> | undefined
  /** What is wrong with the cookies: that one has come to its end, else the first thing. */
  #bad: BadCookie | undefined
  /** The one load. */
  loading: Promise<Loaded> | undefined
  /** The commit, once it was asked for. */
  committing: Promise<unknown> | undefined

  /** An answer then depends on Authorization, too. */
  get isByAuthorization(): boolean {
    return this.settings.tokenHeader !== undefined
  }

  /** Opened again after its response: nobody can be sent a cookie. */
  readonly isReopened: boolean = false

  get calls(): Calls {
    this.#calls ??= new Calls()
    return this.#calls
  }

  get failures(): Failures {
    this.#failures ??= new Failures()
    return this.#failures
  }

  /** Closes it where it was looked at and no more, so that nothing is to be committed; whether that is so. */
  closeUnchanged(): boolean {
    const hasChanges = this.destroyed || this.regenerated || this.#calls?.hasChanges || this.claim?.unsent
    const hasCommit = this.isBusy || this.#failures || hasChanges
    if (!hasCommit) this.closed = true
    return !hasCommit
  }

  get isBusy(): boolean {
    return this.#pending > 0
  }

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
    return this.track(
      new Promise((resolve, reject) => {
        const { calls } = this
        calls.take(() => {
          try {
            resolve(work(calls))
          } catch (error) {
            reject(error)
          }
        })
        if (!this.loaded) this.load().catch(reject)
      }),
    )
  }

  /** Hands out the promise of a change. The commit waits for it, and fails where it fails and nobody was there to be told. */
  tell<Result>(start: () => Promise<Result>): Promise<Result> {
    let work: Promise<Result>
    try {
      work = start()
    } catch (error) {
      work = this.track(Promise.reject(error))
    }
    return this.failures.watch(work)
  }

  /** What this request makes of some stored data; what it loaded itself has been computed already. */
  dataOn(base: Loaded): SessionData {
    const { operations, view } = this.calls
    if (base === this.loaded) return view
    return replay(dataOf(base), this.hasJoined ? joiningOperations(operations) : operations)
  }

  /** Keeps a promise from being overtaken by the commit, so that a forgotten `await` loses nothing. */
  track<Result>(work: Promise<Result>): Promise<Result> {
    this.#pending++
    const done = () => {
      if (--this.#pending === 0) this.#onIdle?.()
    }
    work.then(done, done)
    return work
  }

  /** Waits for what is under way, and for what that begins. */
  async idle(): Promise<void> {
    while (this.isBusy) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onIdle = resolve
      await promise
    }
  }

  /** What the cookies say, verified. Costs no store call. */
  findClaims(): Awaitable<Claims> {
    this.#claims ??= this.#findClaims()
    return this.#claims
  }

  #findClaims(): Awaitable<Claims> {
    const onBad = (reason: BadTokenReason, ref?: string, subject?: string) => {
      if (!this.#bad || reason === 'expired') this.#bad = { reason, ref, subject }
      this.emit?.({ type: 'bad-token', reason }, ref, subject)
    }
    const claims = claimsIn(this.settings.cookie, this.carried.cookieHeader, this.signer, onBad)
    return claims instanceof Promise ? claims.then((found) => this.#keep(found)) : this.#keep(claims)
  }

  #keep(claims: Claims): Claims {
    this.claims = claims.found
    if (claims.found.length === 1) this.claim = claims.found[0]
    return claims
  }

  /** Loads once; parallel reads share it. Slides the expiry in the same round trip. */
  load(): Promise<Loaded> {
    this.loading ??= watched(loads, this, () => this.#load())
    return this.loading
  }

  async #load(): Promise<Loaded> {
    const claims = this.findClaims()
    const { found } = claims instanceof Promise ? await claims : claims
    try {
      if (found.length > 0) this.#hold(await fetchClaims(this, found))
      else this.loaded = withoutClaim(this, this.#bad)
      const adopted = this.settings.legacy && (await this.settings.legacy.adopt(this, this.loaded as Loaded, found))
      if (adopted) this.#hold(adopted)
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || this.settings.onUnavailable === 'fail') throw error
      this.loaded = { status: 'unavailable', error }
    }
    const loaded = this.loaded as Loaded
    this.begin()
    this.calls.start(dataOf(loaded))
    return loaded
  }

  #hold({ loaded, claim, strays }: Fetched): void {
    this.loaded = loaded
    this.claim = claim
    this.strays = strays
  }
}
