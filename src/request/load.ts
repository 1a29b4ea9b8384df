import { withReceipt } from '../claim/cookie-claims.ts'
import type { Claim } from '../claim/token.ts'
import { StoreUnavailableError } from '../errors.ts'
import type { Happening } from '../events.ts'
import { openRecord, type SessionRecord } from '../record/record.ts'
import { endingIn } from '../record/tombstone.ts'
import type { Entry } from '../store.ts'
import { reasonOf } from './absence.ts'
import type { Exchange } from './exchange.ts'
import { quiet } from './failures.ts'
import type { Fetched, Loaded } from './loaded.ts'
import { standing } from './standing.ts'

/** What a store can tell. */
type Stored = Exclude<Loaded, { readonly status: 'unavailable' }>

/**
 * Reads the records of all claims of a request.
 *
 * A cookie whose domain or path was changed is sent beside its successor, for ever: sessions that have ended do not count where
 * another lives. Of two that live none is used.
 */
export async function fetchClaims(exchange: Exchange, claims: readonly Claim[]): Promise<Fetched> {
  const [only] = claims
  if (only && claims.length === 1) return { ...(await fetchClaim(exchange, only)), strays: [] }
  const held = await Promise.all(claims.map((claim) => fetchClaim(exchange, claim)))
  const living = held.filter(({ loaded }) => loaded.status === 'found')
  if (living.length > 1) {
    exchange.emit?.({ type: 'duplicate-cookie' })
    return { loaded: { status: 'absent' }, claim: undefined, strays: [] }
  }
  const chosen = living[0] ?? (held.toSorted((a, b) => endOf(b.loaded) - endOf(a.loaded))[0] as Held)
  const isStray = (one: Held) => one !== chosen && chosen.loaded.status !== 'absent' && one.loaded.status === 'absent'
  return { ...chosen, strays: held.filter(isStray).map(({ claim }) => claim) }
}

interface Held {
  readonly claim: Claim
  readonly loaded: Loaded
}

/** One older than the browser has seen is asked for once more, then it is lost. */
async function fetchClaim(exchange: Exchange, given: Claim): Promise<Held> {
  const told = withReceipt(given, exchange.settings.cookie, exchange.carried.cookieHeader, await exchange.signer())
  const claim = told instanceof Promise ? await told : told
  const touchSeconds = exchange.isPassive ? undefined : exchange.secondsToLive(claim)
  // Both at once: a session with a subject takes a command more, and no more time.
  const listing = claim.subject === undefined ? undefined : quiet(exchange.lists.look(exchange, claim))
  let loaded: Loaded = await readRecord(exchange, claim, claim.revision, touchSeconds)
  if (isOlder(loaded, claim)) loaded = await readRecord(exchange, claim, claim.revision)
  if (isOlder(loaded, claim)) {
    exchange.emit?.({ type: 'rolled-back' }, claim.identity.ref, claim.subject)
    loaded = { status: 'absent', reason: 'rolled-back' }
  }
  if (loaded.status === 'found' && loaded.record.subject !== undefined)
    loaded = await standing(exchange, claim, loaded, listing)
  const { legacy } = exchange.settings
  if (legacy && loaded.status === 'gone') await legacy.outlive(exchange, claim)
  exchange.emit?.(loadOf(exchange, claim, loaded), claim.identity.ref, claim.subject)
  return { claim, loaded }
}

const loadOf = (exchange: Exchange, claim: Claim, loaded: Loaded): Happening =>
  loaded.status === 'absent' || loaded.status === 'gone'
    ? { type: 'load', hit: false, reason: reasonOf(exchange, claim, loaded) }
    : { type: 'load', hit: true }

const isOlder = (loaded: Loaded, claim: Claim) => loaded.status === 'found' && loaded.revision < claim.revision

/** When a session ended: of several the last is the one that a browser may hold a successor of. */
const endOf = (loaded: Loaded) => (loaded.status === 'gone' ? loaded.revision : -1)

/** One read, opened. A record of an unknown key or format is unavailable, not absent: another release may need it. */
export async function readRecord(
  exchange: Exchange,
  claim: Claim,
  atLeast: number,
  touchSeconds?: number,
): Promise<Stored> {
  const readAt = performance.now()
  const { subject, identity } = claim
  let isGivenUp = false
  const onGivenUp = (node: string) => {
    isGivenUp = true
    exchange.emit?.({ type: 'node-given-up', node }, identity.ref, subject)
  }
  const recordSeconds = touchSeconds ?? exchange.secondsToLive(claim)
  const entry = await exchange.call((store, { signal, ranOut }) =>
    store.read(claim.identity.key, { signal, ranOut, atLeast, touchSeconds, recordSeconds, onGivenUp }),
  )
  if (entry === null) return { status: 'absent', reason: isGivenUp ? 'given-up' : undefined }
  return openEntry(exchange, claim, entry, readAt)
}

function living(
  { settings }: Exchange,
  { revision, record }: { readonly revision: number; readonly record: SessionRecord },
  { value, version }: Entry,
  readAt: number,
): Stored {
  if (record.until * 1000 <= settings.now()) return { status: 'absent', reason: 'absolute' }
  return { status: 'found', revision, record, bytes: value, version, readAt }
}

/** What an entry holds for this claim, or that it is no use to it. */
export async function openEntry(exchange: Exchange, claim: Claim, entry: Entry, readAt: number): Promise<Stored> {
  if (!(entry?.value instanceof Uint8Array))
    throw new StoreUnavailableError('the store returned an invalid entry', { reason: 'wrong-answer' })
  const { keys } = await exchange.signer()
  const known = claim.unseen ? undefined : exchange.opened.get(claim.identity.key, keys, entry.value)
  if (known) return living(exchange, known, entry, readAt)
  const opened = await openRecord(keys, claim.identity, entry.value)
  switch (opened.status) {
    case 'record':
      if (!claim.unseen) exchange.opened.set(claim.identity.key, { keys, bytes: entry.value, ...opened })
      return living(exchange, opened, entry, readAt)
    case 'tombstone':
      exchange.opened.forget(claim.identity.key)
      return { status: 'gone', revision: opened.revision, reason: endingIn(entry.value), bytes: entry.value }
    case 'corrupt':
      exchange.emit?.({ type: 'corrupt' }, claim.identity.ref, claim.subject)
      return { status: 'absent', reason: 'corrupt' }
    case 'unknown':
      exchange.emit?.({ type: 'unknown-key' }, claim.identity.ref, claim.subject)
      throw new StoreUnavailableError('a record was written by another release or under a key that is not configured')
  }
}
