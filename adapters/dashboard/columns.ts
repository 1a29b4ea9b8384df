/** Why a session is not there: a loss of what should be there, an end that was due, or a visitor without a session. */
export const losses = ['evicted', 'given-up', 'rolled-back', 'corrupt'] as const
export const ends = ['idle', 'absolute', 'logged-out', 'regenerated'] as const
export const strangers = ['never-stored', 'refused'] as const
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
