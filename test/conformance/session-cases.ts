import { changingCases } from './session-cases/changing.ts'
import { endingCases } from './session-cases/ending.ts'
import { expiringCases } from './session-cases/expiring.ts'
import { failingCases } from './session-cases/failing.ts'
import { knowingCases } from './session-cases/knowing.ts'
import { startingCases } from './session-cases/starting.ts'
import { trustingCases } from './session-cases/trusting.ts'
import type { SessionCase } from './session-cases/world.ts'

export type { Calls, Outcome, SessionCase, SessionWorld, Site, SiteOptions, Visit } from './session-cases/world.ts'

/** What sessions promise, as data: every scenario holds on every store and through every framework. */
export const sessionCases: readonly SessionCase[] = [
  ...startingCases,
  ...changingCases,
  ...expiringCases,
  ...knowingCases,
  ...endingCases,
  ...failingCases,
  ...trustingCases,
]
