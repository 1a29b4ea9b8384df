import type { UnavailableReason } from './errors.ts'

/**
 * Why a cookie value is not a token of ours. `unknown-key`: of another secret, or issued under another cookie name. `too-many`: the
 * request has more values that might be tokens than are looked at.
 */
export type BadTokenReason = 'malformed' | 'unknown-key' | 'signature' | 'claims' | 'expired' | 'too-many'

/** Why there is no session; `docs/events.md` says how sure each is. */
export type AbsentReason =
  /** No cookie of the session's name came along: a visitor without a session. */
  | 'never-stored'
  /** No cookie that came along is good: the event `bad-token` says what is wrong with it. */
  | 'refused'
  /** Its time was up, however active it was: `absoluteSeconds`. */
  | 'absolute'
  /** A tombstone of `destroy()`. */
  | 'logged-out'
  /** Its subject's list does not name it: it was revoked, or the oldest of more than `maxSessions`. */
  | 'revoked'
  /** A tombstone of `regenerate()`: the session goes on under another id. */
  | 'regenerated'
  /** Nothing is stored, and its last change that the browser knows of is longer ago than its idle time. */
  | 'idle'
  /** Nothing is stored, though its idle time cannot have passed: the store lost it, or threw it out for want of memory; or the list of its subject. */
  | 'evicted'
  /** A node that may have it is away for longer than `giveUpSeconds`. */
  | 'given-up'
  /** What is stored is older than what this browser has seen. */
  | 'rolled-back'
  /** What is stored does not open. */
  | 'corrupt'

/**
 * Why a change was refused with 409. `changed-key`: another request changed what this one had read. `overtaken`: 32 writes in a row, or
 * 16 of a login, came too late. `taken-twice`: what it took by `pull`, another has taken.
 */
export type ConflictReason = 'changed-key' | 'overtaken' | 'taken-twice'

/** A key of a session, and how many bytes the JSON of its value has. */
export interface KeySize {
  /** At most 40 characters of it. */
  readonly name: string
  readonly bytes: number
}

/** What an event says beside what happened, where it is known. */
export interface EventContext {
  /** The 8 characters that stand for the session: `session.ref`. Of a commit, those of the session that it wrote. */
  readonly ref?: string | undefined
  /** The 8 characters that stand for its subject, where it has one: of the name in its claim check, which changes with the secret. */
  readonly subject?: string | undefined
  /** The name of the store. */
  readonly store?: string | undefined
  /** Milliseconds since the load or commit began that this belongs to. */
  readonly durationMs?: number | undefined
  /** The calls of the store since then. */
  readonly roundTrips?: number | undefined
}

/** What happened, for logs and metrics. Never holds an id, token, store key or value. */
export type SessionEvent = EventContext & Happening

/** What can happen. */
export type Happening =
  /** The session of a request was asked for, and is there. */
  | { readonly type: 'load'; readonly hit: true }
  /** It was asked for, and there is none. */
  | { readonly type: 'load'; readonly hit: false; readonly reason: AbsentReason }
  /** The store took a change. `bytes` as stored, `attempts` counts the writes that were tried. */
  | {
      readonly type: 'commit'
      readonly outcome: 'created' | 'updated' | 'regenerated' | 'destroyed'
      readonly bytes: number
      readonly attempts: number
      /** The `ref` of the session that it took the place of, where it was regenerated. */
      readonly previousRef?: string | undefined
    }
  /** A commit was larger than `budgetBytes`: the biggest keys, each at most once a minute. */
  | {
      readonly type: 'large'
      readonly bytes: number
      readonly budgetBytes: number
      readonly keys: readonly KeySize[]
    }
  /** The session was destroyed, regenerated or lost elsewhere: this request's writes were refused with 409. */
  | { readonly type: 'gone'; readonly reason: AbsentReason }
  /** A session of a subject was ended by others: by `revoke`, or as the oldest of more than `maxSessions`. */
  | { readonly type: 'session-ended'; readonly reason: 'revoked' | 'max-sessions' }
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
  /** The function of the option `signing`, or a JWKS that is fetched, gave no list that can be used: as with secrets. */
  | { readonly type: 'keys-kept' }
  /**
   * A cookie of the library that the option `legacy` names: its session was `imported`, or was `refused` for what it holds (the message
   * names that), or the cookie is `not-genuine`: of another secret.
   */
  | {
      readonly type: 'legacy'
      readonly outcome: 'imported' | 'refused' | 'not-genuine'
      readonly message?: string | undefined
    }
  /** The cookies of one request name two sessions that live: neither is used. */
  | { readonly type: 'duplicate-cookie' }
  /** The session exceeds `maxBytes` or what the store takes: 413, nothing was written. The message names the biggest keys of the data. */
  | { readonly type: 'too-large'; readonly message: string }
  /** A key this request had read and then changed was changed by another: 409. */
  | { readonly type: 'conflict'; readonly reason: ConflictReason }
  /** A call of the store failed; node and reason where it can tell. */
  | {
      readonly type: 'unavailable'
      readonly node?: string | undefined
      readonly reason?: UnavailableReason | undefined
    }

/** Receives every event at once; must be quick. What it throws is dropped: watching a request must not fail it. */
export type SessionEventHandler = (event: SessionEvent) => void
