import type { Histogram, Meter } from '@opentelemetry/api'
import { Tally } from './tally.ts'

/** What is counted and measured, beside the gauges of nodes. */
export interface Instruments {
  readonly commandSeconds: Histogram
  readonly sessionSeconds: Histogram
  readonly recordBytes: Histogram
  readonly loads: Tally
  readonly commits: Tally
  readonly conflicts: Tally
}

/** OpenTelemetry's semantic conventions for database clients advise these for `db.client.operation.duration`. */
const secondsAdvice = { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] }
/** Around the default of `budgetBytes`, and up to the most that any store takes. */
const bytesAdvice = { explicitBucketBoundaries: [256, 512, 1024, 2048, 4096, 8192, 16_384, 65_536, 262_144, 1_048_576] }

/** Builds them; names in `db.` are OpenTelemetry's, the others this library's own. */
export function createInstruments(meter: Meter): Instruments {
  const histogram = (name: string, unit: string, description: string, advice: typeof secondsAdvice) =>
    meter.createHistogram(name, { unit, description, advice })
  return {
    commandSeconds: histogram(
      'db.client.operation.duration',
      's',
      'Duration of database client operations.',
      secondsAdvice,
    ),
    sessionSeconds: histogram(
      'claimcheck.session.operation.duration',
      's',
      'Duration of loads and commits of sessions.',
      secondsAdvice,
    ),
    recordBytes: histogram('claimcheck.session.record.size', 'By', 'Size of records as they are stored.', bytesAdvice),
    loads: new Tally(
      ...([meter, 'claimcheck.session.loads', '{load}'] as const),
      ...(['Sessions that requests asked for, by what came of it.', 'claimcheck.load.outcome'] as const),
    ),
    commits: new Tally(
      ...([meter, 'claimcheck.session.commits', '{commit}'] as const),
      ...(['Commits of sessions, by what came of them.', 'claimcheck.commit.outcome'] as const),
    ),
    conflicts: new Tally(
      ...([meter, 'claimcheck.session.conflicts', '{conflict}'] as const),
      ...(['Changes refused with 409, by their reason.', 'claimcheck.conflict.reason'] as const),
    ),
  }
}
