import { type Carried, carriedIn, type RequestFrom } from '../claim/carrier.ts'
import type { Signer, TokenSettings } from '../claim/signer.ts'
import type { Claim } from '../claim/token.ts'
import type { Awaitable } from '../crypto/contract.ts'
import type { EventContext, Happening } from '../events.ts'
import type { OpenedRecords } from '../record/opened.ts'
import { tombstoneMarginSeconds } from '../record/tombstone.ts'
import { type CallOptions, maxTtlSeconds, type Store } from '../store.ts'
import { note } from '../tracing/channels.ts'
import { Budget, type CallTime } from './budget.ts'
import type { CommitQueue } from './commit-queue.ts'
import type { LargeKeys } from './large-keys.ts'
import type { Lifetimes, Times } from './lifetime.ts'
import type { Fetched, Found, Loaded } from './loaded.ts'
import type { Watchers } from './watchers.ts'

/** Checked options with their defaults. */
export interface Settings extends TokenSettings, Times {
  readonly store: Store
  readonly lifetimes: Lifetimes
  readonly maxBytes: number
  readonly budgetBytes: number
  readonly requestMs: number
  readonly onUnavailable: 'fail' | 'anonymous'
  readonly legacy: LegacySessions | undefined
  /** Sessions of one subject. */
  readonly maxSessions: number
}

/** What a claim and a record say of when their session ends. */
interface Ending {
  readonly until: number
  readonly lifetime?: string | undefined
  /** It is a list of sessions, which is kept until the last of them ends for good. */
  readonly isList?: true | undefined
}

/** Whether a session stands in the list of its subject. */
export interface Listing {
  readonly isListed: boolean
  /** Of the list, a time in milliseconds; undefined where there is none. */
  readonly revision: number | undefined
}

/** `too-many`: listed, and there are more than `maxSessions`, of which some may have ended. */
export type Entered = 'listed' | 'too-many' | 'ended'

/**
 * The lists of the live sessions of each subject. A list is the authority: a session that has a subject lives only while it stands
 * there. Each claim here has a subject. What implements it builds on this room: `subjects/`.
 */
export interface SubjectLists {
  /** Looks at the list; rejects where it cannot be read. */
  look(exchange: Exchange, claim: Claim): Promise<Listing>
  /**
   * Enters a session, in the place of another where one is given, which must stand there itself unless `isProven`: else it has `ended`, and
   * nothing was changed.
   */
  enter(exchange: Exchange, claim: Claim, instead: Claim | undefined, isProven: boolean): Promise<Entered>
  /** Ends the oldest sessions beside this one where there are more than `maxSessions`. */
  trim(exchange: Exchange, claim: Claim): Promise<void>
  /** Takes a session off that has ended. Never rejects: it is dead already. */
  leave(exchange: Exchange, claim: Claim): Promise<void>
}

/** What the requests of one configuration share. */
export interface Shared {
  readonly settings: Settings
  readonly signer: () => Awaitable<Signer>
  readonly queue: CommitQueue<Found>
  readonly opened: OpenedRecords
  readonly largeKeys: LargeKeys
  readonly watchers: Watchers
  readonly lists: SubjectLists
}

/**
 * The sessions of another library, for the option `legacy`: what `fromExpressSession()` of `claimcheck/legacy` and the like give, and
 * `legacySessions()` makes of a source of your own.
 */
export interface LegacySessions {
  /** The cookies of that library. */
  readonly cookieNames: readonly string[]
  /** As long as one of them can be good: a tombstone lives no shorter, so that none brings back what has ended here. */
  readonly lifeSeconds: number
  /** The session that such a cookie names, brought here, where the claims lead to none; undefined where there is none. */
  adopt(exchange: Exchange, loaded: Loaded, claims: readonly Claim[]): Promise<Fetched | undefined>
  /** Ends it there and here, but for the claims that the caller ends; the Set-Cookie values that clear its cookie. */
  end(exchange: Exchange, others: readonly Claim[]): Promise<readonly string[]>
  /** Renews a tombstone that a read has shortened. */
  outlive(exchange: Exchange, claim: Claim): Promise<void>
}

/** What one request needs to talk with its store: settings, keys, time, and a handler of events. */
export class Exchange {
  readonly settings: Settings
  readonly signer: () => Awaitable<Signer>
  readonly queue: CommitQueue<Found>
  readonly opened: OpenedRecords
  readonly largeKeys: LargeKeys
  readonly watchers: Watchers
  readonly lists: SubjectLists
  readonly #from: RequestFrom
  #carried: Carried | undefined
  /** The request is no activity: its reads do not slide the expiry. */
  isPassive = false
  /** The claim of the cookie, then of the session that the commit wrote. Undefined until asked for, or where there is none. */
  claim: Claim | undefined
  #budget: Budget | undefined
  /** When the request came, on the configured clock. */
  readonly openedAt: number
  /** For compositions: which of their stores let a call of this request run out. */
  #ranOut: Set<object> | undefined
  /** Calls of the store so far. */
  #calls = 0
  /** The same, and the time, when the load or commit under way began; only where somebody watches. */
  #callsBefore = 0
  #beganAt = 0
  /** What the listeners of a channel are told of the load or commit under way; undefined where there are none. */
  message: object | undefined

  constructor({ settings, signer, queue, opened, largeKeys, watchers, lists }: Shared, from: RequestFrom) {
    this.settings = settings
    this.signer = signer
    this.queue = queue
    this.opened = opened
    this.largeKeys = largeKeys
    this.watchers = watchers
    this.lists = lists
    this.#from = from
    this.openedAt = settings.now()
  }

  /** What the request carries. Not looked at before it is needed: servers take a request's headers apart at the first look (2 us on Node). */
  get carried(): Carried {
    this.#carried ??= carriedIn(this.#from, this.settings.cookie, this.settings.tokenHeader)
    return this.#carried
  }

  get budget(): Budget {
    this.#budget ??= new Budget(this.settings.requestMs, ({ node, reason }) =>
      this.emit?.({ type: 'unavailable', node, reason }),
    )
    return this.#budget
  }

  /**
   * Tells what happened, to whoever watches. Undefined where nobody does: `emit?.({ ... })` then makes no event.
   * `ref` and `subject`: of the session that it happened to, where that may not be the one of `claim`.
   */
  get emit(): ((this: Exchange, happening: Happening, ref?: string, subject?: string) => void) | undefined {
    return this.watchers.tell === undefined && this.message === undefined ? undefined : this.#tell
  }

  /** A load or a commit begins: what its events say of time and calls counts from here. */
  begin(): void {
    if (this.emit === undefined) return
    this.#beganAt = performance.now()
    this.#callsBefore = this.#calls
  }

  #tell(happening: Happening, ref?: string, subject = ref === undefined ? this.claim?.subject : undefined): void {
    const context: EventContext = {
      ...{ ref: ref ?? this.claim?.identity.ref, subject: subject?.slice(0, 8), store: this.settings.store.name },
      ...{ durationMs: performance.now() - this.#beganAt, roundTrips: this.#calls - this.#callsBefore },
    }
    if (this.message) note(this.message, happening, context)
    this.watchers.tell?.({ ...happening, ...context })
  }

  /** One call of the store, within the budget. */
  call<Result>(work: (store: Store, options: CallOptions) => Promise<Result>, time?: CallTime): Promise<Result> {
    this.#ranOut ??= new Set()
    const ranOut = this.#ranOut
    return this.budget.call((signal) => {
      this.#calls++
      return work(this.settings.store, { signal, ranOut })
    }, time)
  }

  /** The times of a lifetime. One that is not known, because another release wrote it, has the default ones. */
  timesOf(lifetime: string | undefined): Times {
    return lifetime === undefined ? this.settings : (this.settings.lifetimes[lifetime] ?? this.settings)
  }

  /** The TTL of a record: the idle time of its lifetime, cut short by its end for good. Whole seconds, at least 1. */
  secondsToLive({ until, lifetime, isList }: Ending): number {
    const left = until - this.settings.now() / 1000
    const most = isList ? maxTtlSeconds : this.timesOf(lifetime).recordSeconds
    return Math.max(1, Math.ceil(Math.min(most, left)))
  }

  /** How long a tombstone must live. A copy of a record whose lifetime is not known may live until its end for good. */
  secondsToOutlive({ until, lifetime }: Ending): number {
    const tombstoneSeconds = Math.max(this.timesOf(lifetime).tombstoneSeconds, this.settings.legacy?.lifeSeconds ?? 0)
    if (lifetime === undefined || this.settings.lifetimes[lifetime]) return tombstoneSeconds
    const left = Math.ceil(until - this.settings.now() / 1000) + tombstoneMarginSeconds
    return Math.min(Math.max(tombstoneSeconds, left), maxTtlSeconds)
  }
}
