import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { sessionCases } from '../conformance/session-cases.ts'
import { fakeClock } from '../support/clock.ts'
import { honoSite, plainSite, sessionWorld } from '../support/worlds.ts'

describe('the session cases', () => {
  it('have names of their own', () => {
    expect(new Set(sessionCases.map(({ name }) => name)).size).toBe(sessionCases.length)
  })
})

describe.each([
  ['createSessions', plainSite],
  ['Hono', honoSite],
] as const)('%s on memory', (_, build) => {
  it.each(sessionCases)('$name', async ({ run }) => {
    const clock = fakeClock()
    await run(sessionWorld({ store: memoryStore({ now: clock.now }), clock, build }))
  })
})
