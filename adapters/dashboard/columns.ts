import type { AbsentReason } from '../../src/events.ts'

/** A loss of what should be there, an end that was due or meant, or a visitor without a session. */
export type Kind = 'lost' | 'ended' | 'none came along'

/** Of every reason: a new one does not compile before it has its place here. */
const kinds: Readonly<Record<AbsentReason, Kind>> = {
  evicted: 'lost',
  'given-up': 'lost',
  'rolled-back': 'lost',
  corrupt: 'lost',
  idle: 'ended',
  absolute: 'ended',
  'logged-out': 'ended',
  revoked: 'ended',
  regenerated: 'ended',
  'never-stored': 'none came along',
  refused: 'none came along',
}

/** The reasons of one kind. */
export const reasonsOf = (kind: Kind): readonly AbsentReason[] =>
  (Object.keys(kinds) as AbsentReason[]).filter((reason) => kinds[reason] === kind)

export const losses: readonly AbsentReason[] = reasonsOf('lost')
export const ends: readonly AbsentReason[] = reasonsOf('ended')
export const strangers: readonly AbsentReason[] = reasonsOf('none came along')
/** What a commit came to. */
export const outcomes = ['created', 'updated', 'regenerated', 'destroyed'] as const

/** What is counted, and in which order it stands in a row. */
export const counted: readonly string[] = [
  ...['hit', ...losses, ...ends, ...strangers].map((name) => `load:${name}`),
  ...outcomes.map((name) => `commit:${name}`),
  ...['conflict', 'gone', 'unavailable', 'bad-token'],
]

/** What a row says of time, in milliseconds; of several processes the slowest. */
export const timed: readonly string[] = ['load:p50', 'load:p99', 'commit:p50', 'commit:p99']

/** A row: the second since 1970, then these. */
export const columns: readonly string[] = [...counted, ...timed]
export type Row = readonly number[]

/** Seconds that are kept. */
export const keptSeconds = 300

const positions: ReadonlyMap<string, number> = new Map(columns.map((name, at) => [name, at]))

/** Where a count stands, without the second; undefined for what is not counted. */
export const positionOf = (name: string): number | undefined => positions.get(name)
