import { wrongBytes } from './wrong-stores/bytes.ts'
import { wrongCreates } from './wrong-stores/creating.ts'
import { wrongDeletes } from './wrong-stores/deleting.ts'
import { wrongLimits } from './wrong-stores/limits.ts'
import { wrongReads } from './wrong-stores/reading.ts'
import { wrongUpdates } from './wrong-stores/updating.ts'
import type { WrongStore } from './wrong-stores/wrong.ts'

/** One store for each mistake the suite must catch. */
export const wrongStores: readonly WrongStore[] = [
  ...wrongReads,
  ...wrongCreates,
  ...wrongUpdates,
  ...wrongDeletes,
  ...wrongBytes,
  ...wrongLimits,
]
