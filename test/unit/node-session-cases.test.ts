import type { Server } from 'node:http'
import { afterEach, describe, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { sessionCases } from '../conformance/session-cases.ts'
import { fakeClock } from '../support/clock.ts'
import { nodeSite } from '../support/node-site.ts'
import { sessionWorld } from '../support/worlds.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

describe('node:http on memory', () => {
  it.each(sessionCases)('$name', async ({ run }) => {
    const clock = fakeClock()
    const store = memoryStore({ now: clock.now })
    await run(sessionWorld({ store, clock, build: nodeSite(servers), http: true }))
  })
})
