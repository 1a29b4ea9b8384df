import { describe, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { sessionCases } from '../conformance/session-cases.ts'
import { senders } from '../lambda/gateway.ts'
import { lambdaSite } from '../lambda/site.ts'
import { fakeClock } from '../support/clock.ts'
import { sessionWorld } from '../support/worlds.ts'

describe.each(senders)('Lambda behind %s, on memory', (sender) => {
  it.each(sessionCases)('$name', async ({ run }) => {
    const clock = fakeClock()
    const store = memoryStore({ now: clock.now })
    await run(sessionWorld({ store, clock, build: lambdaSite(sender), http: true }))
  })
})
