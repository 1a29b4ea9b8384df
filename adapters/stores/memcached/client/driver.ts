import { StoreUnavailableError } from '../../../../src/errors.ts'
import type { CreateResult, Entry, UpdateResult, Version } from '../../../../src/store.ts'
import { RefusalError } from '../../refusal.ts'
import { reasonFor } from './outage-reasons.ts'

/** What every driver is given; the caller has checked it. */
export interface DriverOptions {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Milliseconds until a connection must be open, sign-in included. */
  readonly connectMs: number
  /** Milliseconds until a request sent on an open connection must be answered. */
  readonly callMs: number
}

/** How a compare-and-swap ends at one node. */
export type CasResult = Exclude<UpdateResult, { readonly status: 'outranked' }>

/**
 * The verbs of ONE memcached node, whatever protocol they travel on.
 *
 * Keys, times and sizes are checked by the caller. A call settles within `connectMs + callMs` (and 50 ms, where the server has
 * just refused); a read whose connection broke gets that time once more, and time in which this process stood still does not
 * count. It is sent at most once, a read twice, and throws only `StoreUnavailableError` (with `node`), or `SessionValueError`
 * where the server finds the value too large.
 * A `Version` is bound to the connection it was issued on: on any other it is a conflict, because the numbers of a restarted
 * memcached begin again. An aborted call rejects at once; its reply, if one comes, is dropped.
 */
export interface Driver {
  /** As configured: `host:port`, `[v6]:port` or the path of a unix socket. */
  readonly node: string
  /** Null where nothing is stored. */
  get(key: string, signal?: AbortSignal): Promise<Entry | null>
  /** `get` that also sets the time to live, in one round trip; the version stays. */
  getAndTouch(key: string, ttlSeconds: number, signal?: AbortSignal): Promise<Entry | null>
  /** Stores only where nothing is stored. */
  add(key: string, value: Uint8Array, ttlSeconds: number, signal?: AbortSignal): Promise<CreateResult>
  /** Stores only over exactly this version. */
  cas(key: string, value: Uint8Array, ttlSeconds: number, version: Version, signal?: AbortSignal): Promise<CasResult>
  /** Stores over anything. For tombstones only: a live record must never be written without its version. */
  set(key: string, value: Uint8Array, ttlSeconds: number, signal?: AbortSignal): Promise<void>
  /** Removes; absent is fine. */
  delete(key: string, signal?: AbortSignal): Promise<void>
  /** What the server calls its version, e.g. `1.6.18`. */
  version(signal?: AbortSignal): Promise<string>
  /** What the last connection spoke; undefined where it did not come to that. */
  readonly protocol: 'meta' | 'classic' | 'binary' | undefined
  /** The server's own counters by name; left out where they cannot be asked for. Nothing in them from what is no memcached. */
  stats?(signal?: AbortSignal): Promise<ReadonlyMap<string, string>>
  /** Whether the connection that this version was issued on still stands. */
  isCurrent(version: Version): boolean
  /** Lets go of the socket; calls in flight and later ones are rejected. */
  close(): void
}

/** protocol.txt, "Expiration times": above 30 days the number is taken for seconds since 1970. */
const longestRelativeSeconds = 2_592_000

/** The expiration as memcached wants it: seconds from now up to 30 days, beyond that an absolute unix time. */
export function expiration(ttlSeconds: number): number {
  return ttlSeconds > longestRelativeSeconds ? Math.ceil(Date.now() / 1000) + ttlSeconds : ttlSeconds
}

/** The one error of an outage: `reason` continues the sentence "memcached at <node> ...". */
export function unavailable(node: string, reason: string, cause?: unknown): StoreUnavailableError {
  const known = { node, reason: reasonFor(reason, cause), ...(cause === undefined ? {} : { cause }) }
  return new StoreUnavailableError(`memcached at ${node} ${reason}`, known)
}

/** As {@link unavailable}, where the server is well but refused this one call. */
export function refusal(node: string, reason: string): StoreUnavailableError {
  return new RefusalError(`memcached at ${node} ${reason}`, { node, reason: reasonFor(reason) })
}

/** Rejects with `StoreUnavailableError` as soon as the signal aborts; what the promise does later is dropped. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined, node: string): Promise<T> {
  if (!signal) return promise
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(unavailable(node, 'was aborted before its reply', signal.reason))
    // The listener goes with the call: a signal may outlive thousands of calls.
    const done = () => signal.removeEventListener('abort', abort)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(done)
    if (signal.aborted) abort()
  })
}
