import type { SessionValueError, StoreUnavailableError } from '../../../../../src/errors.ts'
import type { CreateResult, Entry } from '../../../../../src/store.ts'
import { type CasResult, unavailable } from '../driver.ts'

/** What can be asked of a server; each protocol has its own words for it. */
export type Verb = 'get' | 'gat' | 'add' | 'cas' | 'set' | 'delete' | 'version' | 'stats'

/** How the verbs end: `Entry | null`, `CreateResult`, `CasResult`, the version text, the counters, or nothing. */
export type Outcome = Entry | null | CreateResult | CasResult | string | ReadonlyMap<string, string> | undefined

/** What a verb needs beside its key. */
export interface CallDetails {
  readonly value?: Uint8Array | undefined
  /** As memcached wants it: see `expiration`. */
  readonly expires?: number | undefined
  /** The server's own number, for `cas`. */
  readonly cas?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** A call whose connection died. */
export interface Orphan {
  readonly call: Call
  readonly error: StoreUnavailableError
  /** Safe to send again on another connection: a read, or never sent. False if it was late. */
  readonly isMovable: boolean
}

/**
 * One request from the moment it is made until it is settled, wherever it waits meanwhile.
 *
 * One promise, no timer and no closure of its own: at 256 in flight those cost more than the request (measured). It listens to
 * its signal itself, as an `EventListener` object, and forgets it when it is settled: a signal may outlive thousands of calls.
 */
export class Call {
  readonly verb: Verb
  readonly key: string
  readonly value: Uint8Array | undefined
  readonly expires: number
  readonly cas: string
  readonly signal: AbortSignal | undefined
  readonly promise: Promise<Outcome>
  /**
   * By `performance.now()`; set when it is given to a connection, and again by the next one: what is late ends a connection, so
   * each must have its full time on the one it is sent on.
   */
  deadline: number = 0
  /** May be given to another connection once: if it is a read, or certainly never left this process. */
  isMovable: boolean = true
  isSettled: boolean = false
  /** Its number on the wire, and its size there. */
  opaque: number = 0
  bytes: number = 0
  readonly #node: string
  #counters: Map<string, string> | undefined
  #resolve!: (outcome: Outcome) => void
  #reject!: (error: Error) => void

  constructor(node: string, verb: Verb, key: string, details: CallDetails = {}) {
    this.#node = node
    this.verb = verb
    this.key = key
    this.value = details.value
    this.expires = details.expires ?? 0
    this.cas = details.cas ?? ''
    this.signal = details.signal
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    if (this.signal) this.#watch(this.signal)
  }

  /** Repeating it changes nothing: it may be sent again after its connection died. */
  get isRead(): boolean {
    return this.verb === 'get' || this.verb === 'gat' || this.verb === 'version' || this.verb === 'stats'
  }

  /** Of `stats`, line by line; a second try writes over the first. */
  get counters(): Map<string, string> {
    this.#counters ??= new Map()
    return this.#counters
  }

  resolve(outcome: Outcome): void {
    this.#settle()
    this.#resolve(outcome)
  }

  reject(error: StoreUnavailableError | SessionValueError): void {
    this.#settle()
    this.#reject(error)
  }

  /** The signal aborted. The reply, if one comes, still belongs to this call and is dropped with it. */
  handleEvent(): void {
    this.reject(unavailable(this.#node, 'was aborted before its reply', this.signal?.reason))
  }

  #watch(signal: AbortSignal): void {
    if (signal.aborted) this.reject(unavailable(this.#node, 'was not asked: the call had been aborted', signal.reason))
    else signal.addEventListener('abort', this)
  }

  #settle(): void {
    if (this.isSettled) return
    this.isSettled = true
    this.signal?.removeEventListener('abort', this)
  }
}
