import { afterAll, beforeAll, describe, it } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import type { Store } from '../../src/store.ts'
import { sessionCases } from '../conformance/session-cases.ts'
import { realClock } from '../support/clock.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { honoSite, plainSite, sessionWorld } from '../support/worlds.ts'

describe('the session cases on three memcached servers with two copies', () => {
  let servers: readonly TestServer[]
  let store: Store

  beforeAll(async () => {
    servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
    store = memcachedStore({ servers: servers.map(({ address }) => address), connectMs: 5000, callMs: 5000 })
  })
  afterAll(async () => {
    await store?.close?.()
    await Promise.all((servers ?? []).map((server) => server.stop()))
  })

  describe.concurrent.each([
    ['createSessions', plainSite],
    ['Hono', honoSite],
  ] as const)('%s', (_, build) => {
    it.each(sessionCases)('$name', async ({ run }) => {
      await run(sessionWorld({ store, clock: realClock, build, realTime: true }))
    })
  })
})
