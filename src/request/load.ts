import { withReceipt } from '../claim/cookie-claims.ts'
import type { Claim } from '../claim/token.ts'
import { StoreUnavailableError } from '../errors.ts'
import { openRecord } from '../record/record.ts'
import type { Entry } from '../store.ts'
import type { Loaded, RequestState } from './state.ts'

/** What a store can tell. */
type Stored = Exclude<Loaded, { readonly status: 'unavailable' }>

/**
 * What the session of a request is; its claim becomes the request's own.
 *
 * A cookie whose domain or path was changed is sent beside its successor, for ever: sessions that have ended do not count where
 * another lives. Of two that live none is used.
 */
export async function fetchClaims(state: RequestState, claims: readonly Claim[]): Promise<Loaded> {
  const held = await Promise.all(claims.map((claim) => fetchClaim(state, claim)))
  const living = held.filter(({ loaded }) => loaded.status === 'found')
  if (living.length > 1) {
    state.emit({ type: 'duplicate-cookie' })
    state.claim = undefined
    return { status: 'absent' }
  }
  const chosen = living[0] ?? (held.toSorted((a, b) => endOf(b.loaded) - endOf(a.loaded))[0] as Held)
  const isStray = (one: Held) => one !== chosen && chosen.loaded.status !== 'absent' && one.loaded.status === 'absent'
  state.strays = held.filter(isStray).map(({ claim }) => claim)
  state.claim = chosen.claim
  return chosen.loaded
}

interface Held {
  readonly claim: Claim
  readonly loaded: Loaded
}

async function fetchClaim(state: RequestState, given: Claim): Promise<Held> {
  const claim = await withReceipt(given, state.settings.cookie, state.cookieHeader, state.context)
  return { claim, loaded: await fetchRecord(state, claim) }
}

/** When a session ended: of several the last is the one that a browser may hold a successor of. */
const endOf = (loaded: Loaded) => (loaded.status === 'gone' ? loaded.revision : -1)

/** The record behind a claim, its expiry slid. One older than the browser has seen is asked for once more, then it is lost. */
async function fetchRecord(state: RequestState, claim: Claim): Promise<Loaded> {
  const touchSeconds = state.secondsToLive(claim.until)
  let loaded = await readRecord(state, claim, claim.revision, touchSeconds)
  if (loaded.status === 'found' && loaded.revision < claim.revision)
    loaded = await readRecord(state, claim, claim.revision)
  if (loaded.status === 'found' && loaded.revision < claim.revision) {
    state.emit({ type: 'rolled-back' })
    loaded = { status: 'absent' }
  }
  state.emit({ type: 'load', hit: loaded.status === 'found' })
  return loaded
}

/** One read, opened. A record of an unknown key or format is unavailable, not absent: another release may need it. */
export async function readRecord(
  state: RequestState,
  claim: Claim,
  atLeast: number,
  touchSeconds?: number,
): Promise<Stored> {
  const readAt = performance.now()
  const onLost = (node: string) => state.emit({ type: 'lost', node })
  const entry = await state.call((store, { signal, ranOut }) =>
    store.read(claim.identity.key, { signal, ranOut, atLeast, touchSeconds, onLost }),
  )
  return entry === null ? { status: 'absent' } : await openEntry(state, claim, entry, readAt)
}

/** What an entry holds for this claim, or that it is no use to it. */
export async function openEntry(state: RequestState, claim: Claim, entry: Entry, readAt: number): Promise<Stored> {
  if (!(entry?.value instanceof Uint8Array))
    throw new StoreUnavailableError('the store answered nonsense', { reason: 'wrong-answer' })
  const { ring } = await state.context()
  const opened = await openRecord(ring, claim.identity, entry.value)
  switch (opened.status) {
    case 'record':
      if (opened.record.until * 1000 <= state.settings.now()) return { status: 'absent' }
      return { ...opened, status: 'found', bytes: entry.value, version: entry.version, readAt }
    case 'tombstone':
      return { status: 'gone', revision: opened.revision }
    case 'corrupt':
      state.emit({ type: 'corrupt' })
      return { status: 'absent' }
    case 'unknown':
      state.emit({ type: 'unknown-key' })
      throw new StoreUnavailableError('a record was written by another release or under a key that is not configured')
  }
}
