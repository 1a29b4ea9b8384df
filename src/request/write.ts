import { drawId, type Identity, identify } from '../claim/identity.ts'
import type { Claim } from '../claim/token.ts'
import { StoreUnavailableError } from '../errors.ts'
import { encodeRecord, type SessionRecord, sealRecord } from '../record/record.ts'
import { revisionOf } from '../record/revision.ts'
import { tombstone } from '../record/tombstone.ts'
import type { CallOptions, Entry, UpdateResult, Version } from '../store.ts'
import { nameIn, withWayOn } from './binding.ts'
import type { Exchange } from './exchange.ts'
import { readRecord } from './load.ts'
import type { Found } from './loaded.ts'
import { type Contained, containing } from './proof.ts'
import type { RequestState } from './state.ts'

/** Enough for a connection that has just been replaced and for a home copy that was missed. */
const maxRewrites = 3
/** So many ids are drawn before giving up: a composition answers `taken` for an id whose home is down. */
const maxDraws = 64
/** Kept back from the budget to take back what failed; at most a quarter of what is left. */
const undoMs = 80
/** For taking back where the budget is used up. */
const leastUndoMs = 20

/** A record under a fresh id, whose token nobody has yet. */
export interface Created {
  readonly claim: Claim
  readonly bytes: number
  readonly attempts: number
  readonly found: Found
}

/** Add-only, so that no id can ever take over another's record, whatever the random source does (CVE-class of tower-sessions 0.12). */
export async function create(state: RequestState, record: SessionRecord, after: number): Promise<Created> {
  const { keys } = await state.signer()
  const plaintext = encodeRecord(record, state.settings.maxBytes)
  const subject = record.subject === undefined ? undefined : await nameIn(state, record)
  const keepMs = timeToUndo(state)
  for (let attempts = 1; attempts <= maxDraws; attempts++) {
    const identity = await identify(drawId(), state.settings.namespace, keys)
    const revision = nextRevision(state, after)
    const value = await sealRecord(keys, identity, revision, plaintext)
    const seconds = state.secondsToLive(record)
    const write = (options: CallOptions) => state.settings.store.create(identity.key, value, seconds, options)
    const claim = { identity, revision, until: record.until, lifetime: record.lifetime, subject }
    const readAt = performance.now()
    const result = await settle(state, identity, value, write, { keepMs }).catch(async (error: unknown) => {
      if (error instanceof StoreUnavailableError) await undo(state, claim)
      throw error
    })
    if (result.status === 'stored')
      return { claim, bytes: value.length, attempts, found: foundAs(value, record, result.version, readAt) }
  }
  throw new StoreUnavailableError('no free id for a new session: the store called each of 64 taken')
}

/** A record as this request has just stored it. */
export function foundAs(value: Uint8Array, record: SessionRecord, version: Version, readAt: number): Found {
  return { status: 'found', revision: revisionOf(value), bytes: value, record, version, readAt }
}

/** Writes a new record once more, from newer data. Nobody has its token yet. */
export async function rewrite(
  state: RequestState,
  from: Created,
  record: SessionRecord,
  after: number,
): Promise<Created> {
  const { keys } = await state.signer()
  const plaintext = encodeRecord(record, state.settings.maxBytes)
  let { claim, found } = from
  let floor = 0
  for (let attempts = 1; attempts <= maxRewrites; attempts++) {
    const revision = Math.max(nextRevision(state, after, found.revision), floor)
    const value = await sealRecord(keys, claim.identity, revision, plaintext)
    const readAt = performance.now()
    const result = await update(state, claim, value, state.secondsToLive(record), found, timeToUndo(state))
    if (result.status === 'stored') {
      claim = { ...claim, revision, until: record.until }
      return { claim, bytes: value.length, attempts, found: foundAs(value, record, result.version, readAt) }
    }
    floor = result.status === 'outranked' ? result.revision : 0
    if (result.status === 'outranked') continue
    // Nobody else writes it, but a version does not outlive its connection.
    const now = await readRecord(state, claim, found.revision)
    if (now.status !== 'found') break
    found = now
  }
  throw new StoreUnavailableError('a new session could not be updated from newer data: the store refused each try')
}

/** Ends a session for good, whatever is stored; no load is needed. */
export async function bury(state: RequestState, claim: Claim, kind: 'destroyed' | 'regenerated'): Promise<void> {
  const { subject, identity } = claim
  state.opened.forget(identity.key)
  const value = tombstone(kind, nextRevision(state, claim.revision))
  const ending = settle(state, identity, value, (options) => end(state, claim, value, options))
  await (subject === undefined ? ending : Promise.all([ending, state.lists.leave(state, claim)]))
  state.emit?.({ type: 'commit', outcome: 'destroyed', bytes: value.length, attempts: 1 }, identity.ref, subject)
}

/** Replaces the old record by a tombstone that names the new session. */
export async function supersedeOld(state: RequestState, claim: Claim, base: Found, by: Created): Promise<Superseding> {
  state.opened.forget(claim.identity.key)
  // Its rank does not matter: a tombstone beats every record.
  const plain = tombstone('regenerated', nextRevision(state, base.revision, claim.revision), by.claim.identity)
  const { subject } = by.found.record
  const value = subject === undefined ? plain : await withWayOn(state, plain, claim, by.claim, subject)
  const result = await update(state, claim, value, state.secondsToOutlive(claim), base, timeToUndo(state))
  if (result.status === 'contained') throw new StoreUnavailableError('the store returned an invalid entry')
  return result
}

/** As `Updated`, but nothing is ever built on a tombstone. */
export type Superseding = Exclude<Updated, Contained>

/** How an update ends once doubt is resolved. */
export type Updated = Exclude<UpdateResult, { readonly status: 'unknown' }> | Contained

/** Compare-and-swap of one session's bytes. */
export async function update(
  exchange: Exchange,
  claim: Claim,
  value: Uint8Array,
  seconds: number,
  base: Found,
  keepMs = 0,
): Promise<Updated> {
  const { key } = claim.identity
  const versionAgeMs = performance.now() - base.readAt
  const write = (options: CallOptions) =>
    exchange.settings.store.update(key, value, seconds, base.version, { ...options, versionAgeMs })
  const prove = (entry: Entry) => containing(exchange, claim, entry, value)
  const result = await settle(exchange, claim.identity, value, write, { keepMs, prove })
  if (result.status !== 'unknown') return result
  const found = await prove(result.current)
  if (found) return found
  exchange.emit?.({ type: 'unavailable', node: result.error.node }, claim.identity.ref, claim.subject)
  throw result.error
}

interface Settling<Proof> {
  /** Kept back from the budget. */
  readonly keepMs?: number
  /** Whether what is there now shows that the write was stored. */
  readonly prove?: (entry: Entry) => Promise<Proof | undefined>
}

/**
 * One write. Where its answer was lost, the store is asked once what it holds: exactly these bytes (a record carries a random iv of
 * its own, a tombstone the hash of its successor) mean it was applied, and so does a record that was built on it. Anything else stays
 * unknown, a 503: trying again applied changes twice in 10 % of simulated runs.
 */
async function settle<Result extends { readonly status: string }, Proof = never>(
  exchange: Exchange,
  identity: Identity,
  value: Uint8Array,
  write: (options: CallOptions) => Promise<Result>,
  { keepMs = 0, prove }: Settling<Proof> = {},
): Promise<Result | Proof | { readonly status: 'stored'; readonly version: Version }> {
  try {
    const result = await exchange.call((_, options) => write(options), { keepMs })
    if (typeof result?.status !== 'string')
      throw new StoreUnavailableError('the store returned an invalid entry', { reason: 'wrong-answer' })
    return result
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error
    const entry: Entry | null = await exchange
      .call((store, options) => store.read(identity.key, options), { keepMs })
      .catch(() => null)
    if (entry && sameBytes(entry.value, value)) return { status: 'stored', version: entry.version }
    const proof = entry && (await prove?.(entry))
    if (proof) return proof
    throw error
  }
}

/** Takes back a record whose token was never handed out. Nobody can reach it, so a failure here costs only memory. */
export async function undo(exchange: Exchange, claim: Claim): Promise<void> {
  const value = tombstone('destroyed', nextRevision(exchange, claim.revision))
  const left = claim.subject === undefined ? undefined : exchange.lists.leave(exchange, claim)
  await exchange.call((_, options) => end(exchange, claim, value, options), { atLeastMs: leastUndoMs }).catch(() => {})
  await left
}

async function end(exchange: Exchange, claim: Claim, value: Uint8Array, options: CallOptions) {
  const tombstone = { value, seconds: exchange.secondsToOutlive(claim) }
  await exchange.settings.store.delete(claim.identity.key, { ...options, tombstone })
  return { status: 'stored', version: '' } as const
}

const timeToUndo = (exchange: Exchange) => Math.min(undoMs, exchange.budget.leftMs / 4)

/** Later commits are higher, also where an earlier one was lost on the way, up to the clock skew between servers. */
export function nextRevision(exchange: Exchange, ...seen: readonly number[]): number {
  return Math.max(exchange.settings.now(), ...seen.map((revision) => revision + 1))
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}
