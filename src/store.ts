import type { StoreUnavailableError, UnavailableReason } from './errors.ts'

/** Compare-and-swap token. Opaque to all but the store that issued it. */
export type Version = string

/** Bytes as they were stored, with the version a later {@link Store.update} must name. */
export interface Entry {
  readonly value: Uint8Array
  readonly version: Version
}

/** Accepted by every call. An aborted call rejects soon; whether a write happened is then unknown. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /**
   * One set for all calls of a request. A composition notes here which of its stores let a call run out, and does not wait for that
   * store again. A leaf may ignore it.
   */
  readonly ranOut?: Set<object> | undefined
}

/** What a read may ask for beside the value. */
export interface ReadOptions extends CallOptions {
  /** Also push the expiry to this many seconds from now, in the same round trip. Never creates, never changes the version. */
  readonly touchSeconds?: number | undefined
  /** How long the record lives where a composition writes it to a copy again; counts without `touchSeconds`. A leaf may ignore it. */
  readonly recordSeconds?: number | undefined
  /** The caller has seen this revision: a composition looks further before it answers with less. A leaf may ignore it. */
  readonly atLeast?: number | undefined
  /** Told by a composition that answers null because it has given up a node that may have held the entry. */
  readonly onGivenUp?: ((node: string) => void) | undefined
}

/** What a deleted record leaves behind, so that no late write, copy or returning node can bring it back. */
export interface Tombstone {
  readonly value: Uint8Array
  readonly seconds: number
}

/** What an update may tell beside the value. */
export interface UpdateOptions extends CallOptions {
  /** Milliseconds since the version was read; a composition looks again before it trusts an old one. A leaf may ignore it. */
  readonly versionAgeMs?: number | undefined
}

/** What a deletion may leave behind. */
export interface DeleteOptions extends CallOptions {
  readonly tombstone?: Tombstone | undefined
}

/** What a creation may tell beside the value. */
export interface CreateOptions extends CallOptions {
  /**
   * The key is not random: others may be creating it at this moment. A composition then lets its copies agree on one of them, and ends
   * none. A leaf may ignore it.
   */
  readonly isShared?: boolean | undefined
}

/** How an add-only write ends; an outage throws. */
export type CreateResult = { readonly status: 'stored'; readonly version: Version } | { readonly status: 'taken' }

/** How a compare-and-swap ends; an outage throws. */
export type UpdateResult =
  | { readonly status: 'stored'; readonly version: Version }
  /** Nothing is stored under the key: expired, evicted or deleted. It is not created. */
  | { readonly status: 'missing' }
  /** Another value is stored. `current` is filled in where the backend returns it in the same round trip. */
  | { readonly status: 'conflict'; readonly current?: Entry | undefined }
  /** Compositions only: nothing was written; seal again with at least this revision, then call again. */
  | { readonly status: 'outranked'; readonly revision: number }
  /**
   * Compositions only: the value may have been applied, and something else is there now. A caller who finds the own commit in
   * `current` may call it stored. Otherwise it is this outage. It must not be written again.
   */
  | { readonly status: 'unknown'; readonly current: Entry; readonly error: StoreUnavailableError }
  /**
   * Compositions only, for a tombstone that names a successor: it holds on the first copy, and a later one has a record that is newer
   * than the version. Write the successor again from `current`, under the same id, then supersede with its version.
   */
  | { readonly status: 'superseded'; readonly current: Entry }

/** One node as its store sees it. */
export interface NodeHealth {
  /** As configured: `host:port`, or the store's name where there is no address to tell. */
  readonly node: string
  readonly up: boolean
  /** Why it is not up, where the store can tell. */
  readonly reason?: UnavailableReason | undefined
  readonly latencyMs?: number | undefined
  readonly version?: string | undefined
  /** What is spoken with it, where there is a choice: memcached's `meta` or `classic` text, or `binary`. */
  readonly protocol?: 'meta' | 'classic' | 'binary' | undefined
  /** Entries it holds now, of whatever kind; expired ones it has not met yet are counted. */
  readonly items?: number | undefined
  /** Entries it has dropped for want of memory since it started: every one may have been a session. */
  readonly evictions?: number | undefined
  /** Share of its reads that found something, 0 to 1, since it started; left out before the first. */
  readonly hitRatio?: number | undefined
  /** Milliseconds since the composition stopped using it; left out where it is in use. */
  readonly outMs?: number | undefined
}

/** For a readiness probe: `ready` is whether sessions can be read and written now. */
export interface StoreHealth {
  readonly ready: boolean
  readonly nodes: readonly NodeHealth[]
}

/**
 * Keeps opaque bytes under opaque keys for a time. THE contract of every store; the cases in `claimcheck/conformance` check it.
 *
 * Three ideas. There is no upsert of records: what was deleted stays deleted, what was changed is never overwritten unseen.
 * A capability is a method that is present, never a flag. Expected outcomes are values; only an outage
 * (`StoreUnavailableError`) or misuse throws.
 *
 * Keys are 1-250 bytes of printable ASCII without spaces. Values are 1 to 1,000,000 bytes, framed as records or tombstones: a
 * store may take a version from the first 24 bytes, which hold a record's random iv. What a backend cannot hold it refuses with
 * `SessionValueError` BEFORE sending, so that the old value stays. Every time is a whole number of seconds from 1 to 34,560,000
 * (400 days) and lives as asked, give or take the backend's tick. Bad keys and times reject with `RangeError`: they are the
 * caller's bug. Bytes handed over may be reused by the caller once the call has settled; bytes handed out are the caller's own.
 *
 * Every call settles: a store that talks to a network bounds it, or honours `signal`. A call that failed is not sent again.
 */
export interface Store {
  /** For events and error messages: `memory`, `memcached`, `redis`, `upstash`. */
  readonly name: string

  /**
   * The entry, or null where nothing is stored under the key (never there, expired, evicted: a store cannot tell).
   * With `touchSeconds` a hit also lives that long from now, in ONE round trip, version unchanged.
   */
  read(key: string, options?: ReadOptions): Promise<Entry | null>

  /** Stores only where nothing is stored: `taken` otherwise, the other value untouched. */
  create(key: string, value: Uint8Array, ttlSeconds: number, options?: CreateOptions): Promise<CreateResult>

  /**
   * Compare-and-swap: stores only where the entry still has this version. Never creates. Revisions rise with every update.
   * `missing` for every version once issued where nothing is stored; `read` and the writes give one entry one version.
   * A version from before a reconnect or restart of the backend is a conflict, even where the numbers repeat.
   */
  update(
    key: string,
    value: Uint8Array,
    ttlSeconds: number,
    version: Version,
    options?: UpdateOptions,
  ): Promise<UpdateResult>

  /** Unconditional; absent is not an error. The tombstone, where given, takes the record's place. */
  delete(key: string, options?: DeleteOptions): Promise<void>

  /**
   * Whether the connection that acknowledged this version is still open. A composition asks before it acknowledges: a node that
   * crashed since may have lost the write. A store that keeps what it acknowledged leaves the method out.
   */
  isCurrent?(version: Version): boolean

  /** Asks every node; settles within a second or so and never throws for a node that is down. */
  check?(): Promise<StoreHealth>

  /** Lets go of sockets and timers. Calls after it may fail with `StoreUnavailableError`. */
  close?(): Promise<void>
}

/** The longest TTL a store accepts: 400 days, the longest life of a cookie (RFC 6265bis section 5.5). */
export const maxTtlSeconds = 34_560_000

/** Throws `RangeError` for a key no backend of ours could hold safely (protocol.txt: 250 bytes, no control characters or spaces). */
export function assertKey(key: string): void {
  if (!/^[\x21-\x7e]{1,250}$/.test(key))
    throw new RangeError('key must be 1-250 printable ASCII characters without spaces')
}

/** Throws `RangeError` unless the time is a whole number of seconds a store can keep. NaN and 0 mean "for ever" to memcached. */
export function assertTtl(ttlSeconds: number): void {
  if (!Number.isSafeInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds)
    throw new RangeError(`time to live must be a whole number of seconds from 1 to ${maxTtlSeconds}`)
}
