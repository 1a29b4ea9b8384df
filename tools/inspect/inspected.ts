import type { SessionRecord } from '../../src/record/record.ts'
import type { Settings } from '../../src/request/exchange.ts'
import type { Claimed } from './claim.ts'
import type { Copy } from './copies.ts'

/** What a session has come to. */
export type Verdict =
  | 'lives'
  | 'destroyed'
  | 'regenerated'
  /** It was taken off the list of its subject. */
  | 'revoked'
  /** Its time was up: `absoluteSeconds`. */
  | 'absolute'
  /** Nothing is there, and it may have been unused for longer than its idle time. */
  | 'idle'
  /** Nothing is there, though its idle time cannot have passed: lost, or thrown out for want of memory. */
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
  readonly verdict: Verdict
  /** Those that belong there do not all hold the same revision. */
  readonly differ: boolean
  readonly record: SessionRecord | undefined
  /** The longest that its record is kept unused. */
  readonly recordSeconds: number
  readonly now: number
}

/** Judges by the rules of a read: a tombstone beats every record, then the higher revision counts. */
export function inspectedOf(claimed: Claimed, copies: readonly Copy[], settings: Settings): Inspected {
  const now = settings.now()
  const { lifetime } = claimed.claim
  const { recordSeconds } = (lifetime === undefined ? undefined : settings.lifetimes[lifetime]) ?? settings
  const records = copies.flatMap(({ holds }) => (holds.status === 'record' ? [holds] : []))
  const newest = records.toSorted((a, b) => b.revision - a.revision)[0]
  const owners = copies.filter(({ place }) => place !== 'elsewhere')
  const differ =
    new Set(owners.map(({ holds }) => `${holds.status} ${'revision' in holds ? holds.revision : ''}`)).size > 1
  const about = { claimed, copies, differ, record: newest?.record, recordSeconds, now }
  return { ...about, verdict: verdictOf(about, newest?.revision) }
}

function verdictOf(
  { copies, claimed, record, recordSeconds, now }: Omit<Inspected, 'verdict'>,
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
  return revision < claimed.seen ? 'rolled-back' : 'lives'
}
