export { ConformanceError } from './assert.ts'
export { type ConformanceClock, type StoreCase, storeCases } from './store-cases.ts'
