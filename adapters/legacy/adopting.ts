import { readCookie } from '../../src/claim/cookie.ts'
import type { Claim } from '../../src/claim/token.ts'
import { SessionError, SessionValueError, StoreUnavailableError } from '../../src/errors.ts'
import { assertName, copyJson, type Json } from '../../src/record/json.ts'
import { encodeRecord, type SessionRecord, sealRecord } from '../../src/record/record.ts'
import { tombstone } from '../../src/record/tombstone.ts'
import type { Exchange } from '../../src/request/exchange.ts'
import { readRecord } from '../../src/request/load.ts'
import type { Fetched, Loaded } from '../../src/request/loaded.ts'
import type { Legacy, LegacyCookie } from './contract.ts'
import { find } from './finding.ts'

/**
 * A session comes over with the revision of a minute ago. No request takes longer, so whatever one has changed in it outranks a copy
 * that another request was bringing at that time.
 */
const behindMs = 60_000
/** The second time is for a record that ran out in between. */
const maxTries = 2

/** The session that the old cookie names: as it has come over before, or as it comes over now. */
export async function adopt(
  legacy: Legacy,
  exchange: Exchange,
  before: Loaded,
  claims: readonly Claim[],
): Promise<Fetched | undefined> {
  const { claim: given } = exchange
  // Of two sessions that live none is used, and neither is a third.
  if (before.status !== 'absent' || (claims.length > 0 && !given)) return undefined
  const found = await find(legacy, exchange)
  if (!found) return undefined
  const known = given?.identity.key === found.claim.identity.key ? given : undefined
  const strays = given && !known ? [given] : []
  const claim = { ...found.claim, revision: known?.revision ?? 0 }
  let loaded: Loaded = known ? before : await look(exchange, claim)
  for (let tries = 0; loaded.status === 'absent' && tries < maxTries; tries++) {
    const record = await recordOf(legacy, exchange, found.cookie)
    if (!record) return undefined
    loaded = (await bring(exchange, claim, record)) ?? (await look(exchange, claim))
  }
  if (loaded.status === 'absent')
    throw new StoreUnavailableError('an old session could not come over: its place is taken')
  if (legacy.takeOver && loaded.status === 'found') await remove(legacy, exchange, found.cookie).catch(giveWay)
  return { loaded, claim: loaded.status === 'found' ? ofFound(claim, loaded) : claim, strays }
}

const ofFound = (claim: Claim, { revision, record }: Extract<Loaded, { status: 'found' }>): Claim => ({
  ...claim,
  ...{ revision, until: record.until, lifetime: record.lifetime, unsent: true },
})

/** It has come over, so that the old record is left behind is no failure of this request. */
function giveWay(error: unknown): void {
  if (!(error instanceof StoreUnavailableError)) throw error
}

/** Ends the old session, and keeps its cookie from coming over again for as long as it can be good. */
export async function end(legacy: Legacy, exchange: Exchange, others: readonly Claim[]): Promise<readonly string[]> {
  const found = await find(legacy, exchange)
  if (!found) return []
  const { cookie, claim } = found
  const isOther = others.some(({ identity }) => identity.key === claim.identity.key)
  await Promise.all([remove(legacy, exchange, cookie), isOther ? undefined : bury(exchange, claim)])
  return legacy.cookieNames
    .filter((name) => readCookie(exchange.carried.cookieHeader, name).length > 0)
    .map((name) => `${name}=; Max-Age=0${legacy.place}`)
}

/** A read that slides the expiry also shortens a tombstone, which must outlive the old cookie: its time begins anew. */
export async function outlive(exchange: Exchange, claim: Claim): Promise<void> {
  const entry = await exchange.call((store, options) => store.read(claim.identity.key, options))
  if (entry) await putTombstone(exchange, claim, entry.value)
}

function bury(exchange: Exchange, claim: Claim): Promise<void> {
  exchange.opened.forget(claim.identity.key)
  return putTombstone(exchange, claim, tombstone('destroyed', exchange.settings.now()))
}

function putTombstone(exchange: Exchange, claim: Claim, value: Uint8Array): Promise<void> {
  const seconds = exchange.secondsToOutlive(claim)
  return exchange.call((store, options) =>
    store.delete(claim.identity.key, { ...options, tombstone: { value, seconds } }),
  )
}

/** What is there under the id that is made of the old one. */
async function look(exchange: Exchange, claim: Claim): Promise<Loaded> {
  const touchSeconds = exchange.isPassive ? undefined : exchange.secondsToLive(claim)
  const loaded = await readRecord(exchange, claim, claim.revision, touchSeconds)
  if (loaded.status === 'gone') await outlive(exchange, claim)
  return loaded
}

/** Adds the record; undefined where somebody else has. Where the answer is lost the next request finds what there is. */
async function bring(exchange: Exchange, claim: Claim, record: Read): Promise<Loaded | undefined> {
  const { keys } = await exchange.signer()
  const { key } = claim.identity
  const revision = Math.max(exchange.settings.now() - behindMs, claim.revision + 1)
  const value = await sealRecord(keys, claim.identity, revision, record.plaintext)
  const seconds = exchange.secondsToLive(record.record)
  const readAt = performance.now()
  const result = await exchange.call((store, options) =>
    store.create(key, value, seconds, { ...options, isShared: true }),
  )
  if (result.status !== 'stored') return undefined
  exchange.emit?.({ type: 'legacy', outcome: 'imported' }, claim.identity.ref)
  return { status: 'found', revision, bytes: value, record: record.record, version: result.version, readAt }
}

interface Read {
  readonly record: SessionRecord
  readonly plaintext: Uint8Array
}

/** What the old session holds, as a record; undefined where there is nothing that could come along. */
async function recordOf(legacy: Legacy, exchange: Exchange, cookie: LegacyCookie): Promise<Read | undefined> {
  try {
    const held = await ask(legacy, exchange, (call) => legacy.read(cookie, call))
    const data = isObject(held) ? dataOf(legacy.map(held)) : undefined
    if (!data || data.size === 0) return undefined
    const created = Math.floor(exchange.settings.now() / 1000)
    const record = { created, until: created + exchange.settings.absoluteSeconds, data, extra: {} }
    return { record, plaintext: encodeRecord(record, exchange.settings.maxBytes) }
  } catch (error) {
    if (!(error instanceof SessionValueError)) throw error
    exchange.emit?.({ type: 'legacy', outcome: 'refused', message: error.message })
    return undefined
  }
}

function dataOf(held: object | undefined): ReadonlyMap<string, Json> {
  const data = new Map<string, Json>()
  for (const [key, value] of Object.entries(held ?? {})) {
    assertName(key)
    if (value !== undefined) data.set(key, copyJson(value, key))
  }
  return data
}

const isObject = (held: unknown): held is Readonly<Record<string, unknown>> =>
  typeof held === 'object' && held !== null && !Array.isArray(held)

async function remove(legacy: Legacy, exchange: Exchange, cookie: LegacyCookie): Promise<void> {
  await ask(legacy, exchange, (call) => legacy.remove(cookie, call))
}

/** One call of the old store, within the time of the request. Whatever it throws is an outage, and no logout. */
function ask({ name }: Legacy, exchange: Exchange, work: (call: { signal: AbortSignal }) => unknown): Promise<unknown> {
  return exchange.call(async (_, { signal = new AbortController().signal }) => {
    try {
      return await work({ signal })
    } catch (cause) {
      if (cause instanceof SessionError) throw cause
      throw new StoreUnavailableError(`the store of ${name} failed`, { cause, node: name, reason: 'failed' })
    }
  })
}
