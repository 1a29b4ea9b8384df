import { refuseUnknown } from '../../src/checks.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import { withSetup } from '../../src/setup.ts'
import type { Store } from '../../src/store.ts'
import { replicate } from './replication/store.ts'

/** Options of {@link replicatedStore}; unknown names are refused. */
export interface ReplicatedOptions {
  /** Two stores or more, the home first. Every process must list them in the same order. */
  readonly stores: readonly Store[]
  /** After so many seconds a store that is away counts as having lost its sessions; until then they are unavailable. Default 30. */
  readonly giveUpSeconds?: number | undefined
}

/**
 * Keeps a copy of every session in each of several stores, so that one of them can be lost.
 *
 * Reads ask all at once: one round-trip time, and whatever lags is repaired before the answer. A change is compared and swapped on
 * each in turn: one round trip more per copy. Destroyed sessions leave tombstones that outrank every record.
 *
 * Promised: with one fault at a time (a store frozen, killed, or cut off from one process) acknowledged changes survive exactly once
 * and a logout is final everywhere. Not promised: two processes cut off from opposite stores at once (each may acknowledge what
 * the other sees only after healing); a second store lost before the first is repaired; clocks more than 1 s apart during a
 * failover; a 503 write may or may not have happened, but it does not flicker. Throws `SessionOptionsError`.
 */
export function replicatedStore(options: ReplicatedOptions): Store {
  refuseUnknown(options, ['stores', 'giveUpSeconds'], 'option of replicatedStore:')
  const { stores, giveUpSeconds = 30 } = options
  if (!Array.isArray(stores) || stores.length < 2)
    throw new SessionOptionsError('stores must be a list of at least two stores')
  if (new Set(stores).size < stores.length) throw new SessionOptionsError('stores must be different stores')
  if (!Number.isInteger(giveUpSeconds) || giveUpSeconds < 1)
    throw new SessionOptionsError('giveUpSeconds must be a whole number of at least 1')
  const members = stores.map((store, at) => ({ name: `${at}:${store.name}`, store }))
  const store = replicate('replicated', { members, giveUpSeconds, now: Date.now })
  return withSetup(store, { kind: 'replicated', options })
}
