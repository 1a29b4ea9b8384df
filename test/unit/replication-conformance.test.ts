import { describe, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { replicate } from '../../adapters/stores/replication/store.ts'
import type { Store } from '../../src/store.ts'
import { sessionCases } from '../conformance/session-cases.ts'
import { storeCases } from '../conformance/store-cases.ts'
import { fakeClock } from '../support/clock.ts'
import { honoSite, plainSite, sessionWorld } from '../support/worlds.ts'

/** Memory stores that share a clock, as one store; each key is owned by `copies` of them. */
function clusterOf(count: number, copies: number, now: () => number): Store {
  const members = Array.from({ length: count }, (_, at) => ({ name: `n${at}`, store: memoryStore({ now }) }))
  const ownersOf = (key: string) => {
    const home = key.charCodeAt(key.length - 1)
    return Array.from({ length: copies }, (_, at) => `n${(home + at) % count}`)
  }
  return replicate('replicated', { members, ownersOf, giveUpSeconds: 30, now })
}

const shapes = [
  [1, 1],
  [2, 2],
  [3, 2],
  [5, 3],
] as const

describe.each(shapes)('%i memory stores, %i copies of each entry, keep the contract', (count, copies) => {
  it.each(storeCases)('$name', async ({ run }) => {
    const clock = fakeClock()
    await run(clusterOf(count, copies, clock.now), clock)
  })
})

describe.each([
  ['createSessions', plainSite],
  ['Hono', honoSite],
] as const)('the session cases of %s on 3 memory stores with 2 copies', (_, build) => {
  it.each(sessionCases)('$name', async ({ run }) => {
    const clock = fakeClock()
    await run(sessionWorld({ store: clusterOf(3, 2, clock.now), clock, build }))
  })
})
