import type { StoreCase } from './store-case.ts'
import { byteCases } from './store-cases/bytes.ts'
import { creatingCases } from './store-cases/creating.ts'
import { deletingCases } from './store-cases/deleting.ts'
import { limitCases } from './store-cases/limits.ts'
import { readingCases } from './store-cases/reading.ts'
import { updatingCases } from './store-cases/updating.ts'

export type { ConformanceClock, StoreCase } from './store-case.ts'

/** The store contract as data: every case holds for every store. The longest waits 5 s where the clock is real. */
export const storeCases: readonly StoreCase[] = [
  ...readingCases,
  ...creatingCases,
  ...updatingCases,
  ...deletingCases,
  ...byteCases,
  ...limitCases,
]
