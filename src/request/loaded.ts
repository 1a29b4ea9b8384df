import type { Claim } from '../claim/token.ts'
import type { StoreUnavailableError } from '../errors.ts'
import type { AbsentReason } from '../events.ts'
import type { SessionData } from '../record/journal.ts'
import type { SessionRecord } from '../record/record.ts'
import type { Version } from '../store.ts'

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
export type Ended =
  | { readonly status: 'absent'; readonly reason?: AbsentReason | undefined }
  | {
      readonly status: 'gone'
      readonly revision: number
      readonly reason: AbsentReason
      /** The tombstone, where there is one. */
      readonly bytes?: Uint8Array | undefined
    }

/** How a load ends. */
export type Loaded = Found | Ended | { readonly status: 'unavailable'; readonly error: StoreUnavailableError }

/** What the session of a request is. */
export interface Fetched {
  readonly loaded: Loaded
  /** The claim it was found by; undefined where several live. */
  readonly claim: Claim | undefined
  /** The claims whose record was not found, beside one that was. */
  readonly strays: readonly Claim[]
}

const nothing: SessionData = new Map()

/** What a load found to build on; a session that is not there has no data. */
export const dataOf = (loaded: Loaded): SessionData => (loaded.status === 'found' ? loaded.record.data : nothing)
