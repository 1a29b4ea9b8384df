import { between } from './broken-setups/between.ts'
import { doors } from './broken-setups/doors.ts'
import { load } from './broken-setups/load.ts'
import { options } from './broken-setups/options.ts'
import { reaching } from './broken-setups/reaching.ts'
import { ofRedis } from './broken-setups/redis.ts'
import { settings } from './broken-setups/settings.ts'
import type { BrokenSetup } from './broken-setups/setup.ts'

export { newLife } from './broken-setups/life.ts'
export { type BrokenSetup, type Called, type Life, secret } from './broken-setups/setup.ts'

/** Everything that `doctor` finds, made on real servers. */
export const brokenSetups: readonly BrokenSetup[] = [
  ...[...reaching, ...doors, ...settings, ...load, ...between, ...options, ...ofRedis],
]
