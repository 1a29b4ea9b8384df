export { ConformanceError } from './assert.ts'
export {
  type Calls,
  type Outcome,
  type SessionCase,
  type SessionWorld,
  type Site,
  type SiteOptions,
  sessionCases,
  type Visit,
} from './session-cases.ts'
export { type ConformanceClock, type StoreCase, storeCases } from './store-cases.ts'
