import { afterAll, beforeAll, describe, it } from 'vitest'
import { sessionCases } from '../../conformance/session-cases.ts'
import { storeCases } from '../../conformance/store-cases.ts'
import { mayMiss, onTime } from '../../support/on-time.ts'
import { honoSite, plainSite, type SiteBuilder, sessionWorld } from '../../support/worlds.ts'
import { patience } from './given.ts'
import { type Opened, type Subject, subjects } from './stores.ts'

const opened = new Map<Subject, Opened>()
beforeAll(async () => {
  for (const subject of subjects) opened.set(subject, await subject.open())
})
afterAll(async () => {
  for (const { close } of opened.values()) await close()
})

const sites: readonly (readonly [name: string, build: SiteBuilder])[] = [
  ['sessions by createSessions', plainSite],
  ['sessions in Hono', honoSite],
]
/** Sites in no hurry: a busy machine is not an outage, and no scenario is about this deadline. */
const patiently =
  (build: SiteBuilder): SiteBuilder =>
  (options) =>
    build({ ...options, requestMs: patience.callMs })

// Most of them wait for a server's clock: many at the same time, each with keys or a namespace of its own.
describe.concurrent.each(subjects)('$column', (subject) => {
  const open = () => opened.get(subject) as Opened

  describe(subject.name, () => {
    it.each(storeCases)('$name', async (one) => {
      const { store, clock } = open().fresh()
      if (clock === 'real') await onTime((real) => one.run(store, real), subject.hasCopies === true && mayMiss(one))
      else await one.run(store, clock)
    })

    describe.each(subject.hasSessions ? sites : [])('%s', (_, build) => {
      it.each(sessionCases)('$name', async ({ run }) => {
        const { store, clock } = open().fresh()
        const world = { store, build: patiently(build), http: build === honoSite }
        if (clock === 'real') await onTime((real) => run(sessionWorld({ ...world, clock: real, realTime: true })))
        else await run(sessionWorld({ ...world, clock }))
      })
    })
  })
})
