import type { UnavailableReason } from './errors.ts'

/**
 * Why a cookie value is not a token of ours. `unknown-key`: of another secret, or issued under another cookie name. `too-many`: the
 * request has more values that might be tokens than are looked at.
 */
export type BadTokenReason = 'malformed' | 'unknown-key' | 'signature' | 'claims' | 'expired' | 'too-many'

/** What happened, for logs and metrics. Never holds an id, token, key or value. */
export type SessionEvent =
  /** A record was asked for; `hit` is false where nothing was there. */
  | { readonly type: 'load'; readonly hit: boolean }
  /** The store took a change. `bytes` as stored, `attempts` counts the writes that were tried. */
  | {
      readonly type: 'commit'
      readonly outcome: 'created' | 'updated' | 'regenerated' | 'destroyed'
      readonly bytes: number
      readonly attempts: number
    }
  /** The session was destroyed, regenerated or lost elsewhere: this request's writes were refused with 409. */
  | { readonly type: 'gone' }
  /** A composition gave up on a node: its sessions count as absent from now on. */
  | { readonly type: 'node-given-up'; readonly node?: string | undefined }
  /**
   * The servers of a store changed so often that the oldest ring was given up before its time: sessions that only it can find
   * count as absent. Told to the store's own `onEvent`.
   */
  | { readonly type: 'ring-lost' }
  /** A record under a known key did not open: altered, moved to another key, or not ours. It counts as absent. */
  | { readonly type: 'corrupt' }
  /** The store holds an older revision than this browser has seen, also when asked again. It counts as lost. */
  | { readonly type: 'rolled-back' }
  /** A record of an unknown format or key: left intact, answered with 503 (rolling deploys, rotation). */
  | { readonly type: 'unknown-key' }
  | { readonly type: 'bad-token'; readonly reason: BadTokenReason }
  /** The function of the option `secret` gave no list that can be used: the last one is kept, and it is asked again. */
  | { readonly type: 'secrets-kept' }
  /** The cookies of one request name two sessions that live: neither is used. */
  | { readonly type: 'duplicate-cookie' }
  /** The session exceeds `maxBytes` or what the store takes: 413, nothing was written. The message names the biggest keys of the data. */
  | { readonly type: 'too-large'; readonly message: string }
  /** A key this request had read and then changed was changed by another: 409. */
  | { readonly type: 'conflict' }
  /** A call of the store failed; node and reason where it can tell. */
  | {
      readonly type: 'unavailable'
      readonly node?: string | undefined
      readonly reason?: UnavailableReason | undefined
    }

/** Receives every event at once; must be quick. What it throws is dropped: watching a request must not fail it. */
export type SessionEventHandler = (event: SessionEvent) => void
