import { identifyList } from '../claim/subject.ts'
import type { Claim } from '../claim/token.ts'
import type { Key, KeySet } from '../crypto/keys.ts'
import { StoreUnavailableError } from '../errors.ts'
import { encodeRecord, type SessionRecord, sealRecord } from '../record/record.ts'
import { tombstoneMarginSeconds } from '../record/tombstone.ts'
import { inTurn } from '../request/commit-queue.ts'
import { newer } from '../request/conflict.ts'
import type { Exchange } from '../request/exchange.ts'
import { readRecord } from '../request/load.ts'
import type { Ended, Found } from '../request/loaded.ts'
import { commitsIn } from '../request/proof.ts'
import { foundAs, nextRevision, update } from '../request/write.ts'
import { isWorkers } from '../runtime.ts'
import { maxTtlSeconds } from '../store.ts'
import { dataWith, entriesIn, type Listed } from './entries.ts'

/** As for a session: rivals to ride out. */
const maxAttempts = 32
/** A list of a thousand sessions has a tenth of it. */
const maxListBytes = 999_960
/** An empty list is only there to be written over at once, and every other outranks it. */
const beginRevision = 1
const beginSeconds = 60

/** What becomes of a list; undefined leaves it as it is. */
export type Recipe = (entries: readonly Listed[]) => readonly Listed[] | undefined

/** A list after a change. */
export interface Edited {
  readonly before: readonly Listed[]
  readonly after: readonly Listed[]
}

/** Where the list of a subject lies. A copy of it must not end before the last session that it may name. */
export async function listClaim(exchange: Exchange, name: string): Promise<Claim> {
  const { settings } = exchange
  const { keys } = await exchange.signer()
  const identity = await identifyList(name, settings.namespace, keys)
  return { identity, revision: 0, until: longestUntil(exchange), isList: true }
}

/** No session that begins now lives longer. */
function longestUntil({ settings }: Exchange): number {
  const longest = Math.max(...[settings, ...Object.values(settings.lifetimes)].map((times) => times.absoluteSeconds))
  const seconds = Math.min(longest + tombstoneMarginSeconds, maxTtlSeconds)
  return Math.floor(settings.now() / 1000) + seconds
}

/** The list as it is now. A tombstone in its place, which nobody here writes, lists nobody either. */
export async function readList(exchange: Exchange, list: Claim): Promise<Found | undefined> {
  const found = await readRecord(exchange, list, 0)
  return found.status === 'found' ? found : undefined
}

/** The sessions in it that have not reached their end. */
export function livingIn(exchange: Exchange, list: Found | undefined): readonly Listed[] {
  const now = exchange.settings.now() / 1000
  return list ? entriesIn(list.record).filter(({ until }) => until > now) : []
}

/**
 * Changes a list by compare-and-swap, as a session is changed. In one process one after the other. `begins`: where there is none, or
 * none can be found because a copy is away, an empty one is made first. Its copies are written as those of any record, and the empty one
 * is outranked by whatever a copy may still hold: so a list that is begun next to one that was missed ends sessions, and admits none.
 */
export async function edit(exchange: Exchange, list: Claim, recipe: Recipe, begins: boolean): Promise<Edited> {
  let edited: Edited = { before: [], after: [] }
  const work = async () => {
    const base = await baseOf(exchange, list, begins)
    if (base) edited = await change(exchange, list, recipe, base, begins)
    return undefined
  }
  if (isWorkers()) await work()
  else await exchange.queue.run(list.identity.key, (turn) => inTurn(exchange.budget, turn), work)
  return edited
}

async function baseOf(exchange: Exchange, list: Claim, begins: boolean): Promise<Found | undefined> {
  if (!begins) return readList(exchange, list)
  try {
    return (await readList(exchange, list)) ?? (await begin(exchange, list))
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error
    // Where some copy has a list, the one that is away is not the only one that knows: then this stays an outage.
    const begun = await create(exchange, list).catch(() => undefined)
    if (begun) return begun
    throw error
  }
}

/** An empty list, or the one that is there. What else lies there lists nobody, so nobody loses by its end. */
async function begin(exchange: Exchange, list: Claim): Promise<Found> {
  const found = (await create(exchange, list)) ?? (await readList(exchange, list))
  if (found) return found
  await exchange.call((store, options) => store.delete(list.identity.key, options))
  const created = await create(exchange, list)
  if (created) return created
  throw new StoreUnavailableError('the list of a subject could not be begun: something else lies in its place')
}

async function create(exchange: Exchange, list: Claim): Promise<Found | undefined> {
  const { key } = list.identity
  const { keys } = await exchange.signer()
  const created = Math.floor(exchange.settings.now() / 1000)
  const record: SessionRecord = { created, until: created + beginSeconds, data: dataWith([]), extra: {} }
  const value = await sealRecord(keys, list.identity, beginRevision, encodeRecord(record, maxListBytes))
  const readAt = performance.now()
  const result = await exchange.call((store, options) =>
    store.create(key, value, beginSeconds, { ...options, isShared: true }),
  )
  return result.status === 'stored' ? foundAs(value, record, result.version, readAt) : undefined
}

async function change(exchange: Exchange, list: Claim, recipe: Recipe, from: Found, begins: boolean): Promise<Edited> {
  let base = from
  let floor = 0
  for (let attempts = 1; attempts <= maxAttempts; attempts++) {
    const before = livingIn(exchange, base)
    const after = recipe(before)
    if (after === undefined) return { before, after: before }
    const record = recordOf(exchange, base, after)
    const revision = Math.max(nextRevision(exchange, base.revision), floor)
    const value = await seal(exchange, list, base, revision, record)
    const result = await update(exchange, list, value, exchange.secondsToLive({ ...record, isList: true }), base)
    if (result.status === 'stored' || result.status === 'contained') return { before, after }
    floor = result.status === 'outranked' ? result.revision : 0
    if (result.status === 'outranked') continue
    const next: Found | Ended = await newer(exchange, list, result, base, attempts)
    const again = next.status === 'found' ? next : await baseOf(exchange, list, begins)
    if (!again) return { before: [], after: [] }
    base = again
  }
  throw new StoreUnavailableError('the list of a subject is being changed too often at once')
}

/** It outlives the sessions that it names, and every list that a copy may still hold in its place. */
function recordOf(exchange: Exchange, base: Found, entries: readonly Listed[]): SessionRecord {
  const ends = entries.map(({ until }) => until + tombstoneMarginSeconds)
  const missed = base.revision === beginRevision ? longestUntil(exchange) : 0
  const until = Math.max(base.record.until, missed, ...ends)
  return { ...base.record, until, data: dataWith(entries), commits: commitsIn(exchange, base) }
}

/** Under the secret that the list was begun under: when that one goes, so do all sessions of its name. */
async function seal(exchange: Exchange, list: Claim, base: Found, revision: number, record: SessionRecord) {
  const { keys } = await exchange.signer()
  const first: Key = keys.byTag(base.bytes, 1) ?? keys.first
  const own: KeySet = { ...keys, first }
  return sealRecord(own, list.identity, revision, encodeRecord(record, maxListBytes))
}

/** The record of a listed session; undefined where it has ended. Reading it is no activity. */
export async function readListed(exchange: Exchange, claim: Claim): Promise<Found | undefined> {
  const found = await readRecord(exchange, claim, 0)
  return found.status === 'found' ? found : undefined
}
