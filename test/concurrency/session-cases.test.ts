import { afterAll, beforeAll, describe, it } from 'vitest'
import { sessionCases } from '../conformance/session-cases.ts'
import { realClock } from '../support/clock.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import { honoSite, plainSite, sessionWorld } from '../support/worlds.ts'
import { type OpenedStore, openStore } from './backends.ts'

describe.each([
  ['memcached', startMemcached],
  ['redis', startRedis],
] as const)('the session cases on %s', (kind, start) => {
  let server: TestServer
  let opened: OpenedStore

  beforeAll(async () => {
    server = await start()
    opened = await openStore(kind, server.port)
  })
  afterAll(async () => {
    await opened?.close()
    await server?.stop()
  })

  // Most of them wait for the server's clock: side by side, each in a namespace of its own.
  describe.concurrent.each([
    ['createSessions', plainSite],
    ['Hono', honoSite],
  ] as const)('%s', (_, build) => {
    it.each(sessionCases)('$name', async ({ run }) => {
      await run(sessionWorld({ store: opened.store, clock: realClock, build, realTime: true }))
    })
  })
})
