import type { SessionRecord } from '../../src/record/record.ts'
import type { Settings } from '../../src/request/exchange.ts'
import type { Claimed } from './claim.ts'
import type { Copy } from './copies.ts'
import type { InspectedList } from './list.ts'

/** What a session has come to. */
export type Verdict =
  | 'lives'
  | 'destroyed'
  | 'regenerated'
  /** The list of its subject does not name it. */
  | 'revoked'
  /** Its time was up: `absoluteSeconds`. */
  | 'absolute'
  /** Nothing is there, and it may have been unused for longer than its idle time. */
  | 'idle'
  /** It or the list of its subject is not there, though its idle time cannot have passed: lost, or thrown out for want of memory. */
  | 'evicted'
  /** What is there is older than what the browser has seen. */
  | 'rolled-back'
  | 'corrupt'
  /** Of a secret or release that is not known here. */
  | 'unknown-key'
  /** The servers that may have it are away. */
  | 'unavailable'

/** One session, looked at. */
export interface Inspected {
  readonly claimed: Claimed
  readonly copies: readonly Copy[]
  /** Of a session that has a subject. */
  readonly list: InspectedList | undefined
  readonly verdict: Verdict
  /** Those that belong there do not all hold the same revision. */
  readonly differ: boolean
  readonly record: SessionRecord | undefined
  /** The longest that its record is kept unused. */
  readonly recordSeconds: number
  readonly now: number
}

/**
 * Judges by the rules of a read: a tombstone beats every record, then the higher revision counts, then the list of its subject says whether
 * it lives.
 */
export function inspectedOf(
  claimed: Claimed,
  copies: readonly Copy[],
  list: InspectedList | undefined,
  settings: Settings,
): Inspected {
  const now = settings.now()
  const { lifetime } = claimed.claim
  const { recordSeconds } = (lifetime === undefined ? undefined : settings.lifetimes[lifetime]) ?? settings
  const records = copies.flatMap(({ holds }) => (holds.status === 'record' ? [holds] : []))
  const newest = records.toSorted((a, b) => b.revision - a.revision)[0]
  const owners = copies.filter(({ place }) => place !== 'elsewhere')
  const differ =
    new Set(owners.map(({ holds }) => `${holds.status} ${'revision' in holds ? holds.revision : ''}`)).size > 1
  const about = { claimed, copies, list, differ, record: newest?.record, recordSeconds, now }
  return { ...about, verdict: verdictOf(about, newest?.revision) }
}

function verdictOf(
  { copies, claimed, list, record, recordSeconds, now }: Omit<Inspected, 'verdict'>,
  revision?: number,
): Verdict {
  const ended = copies.find(({ end }) => end !== undefined)?.end
  if (ended !== undefined) return ended
  const has = (status: Copy['holds']['status']) => copies.some(({ holds }) => holds.status === status)
  if (record === undefined || revision === undefined) {
    if (has('unknown')) return 'unknown-key'
    if (has('corrupt')) return 'corrupt'
    if (has('down')) return 'unavailable'
    // As `reasonOf` of a request judges it; memcached counts whole seconds.
    return now - claimed.seen < recordSeconds * 1000 - 1000 ? 'evicted' : 'idle'
  }
  if (record.until * 1000 <= now) return 'absolute'
  if (revision < claimed.seen) return 'rolled-back'
  return record.subject === undefined ? 'lives' : byList(list)
}

function byList(list: InspectedList | undefined): Verdict {
  if (list === undefined || list.status === 'there') return list?.isListed ? 'lives' : 'revoked'
  return ({ nothing: 'evicted', unknown: 'unknown-key', down: 'unavailable' } as const)[list.status]
}
