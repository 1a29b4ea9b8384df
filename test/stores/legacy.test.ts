import { randomUUID } from 'node:crypto'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import type { Store } from '../../src/store.ts'
import { kit, tokenOf } from '../support/app.ts'
import { oldSessions } from '../support/old-sessions.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'

const servers: TestServer[] = []
const open: Store[] = []
let redisUrl: string
beforeAll(async () => {
  servers.push(await startMemcached(), await startMemcached(), await startRedis())
  redisUrl = `redis://${servers[2]?.address}`
})
afterAll(async () => {
  for (const store of open) await store.close?.()
  for (const server of servers) await server.stop()
})

/** This is about order, not about deadlines: a busy machine is no outage. */
const patient = { callMs: 20_000, connectMs: 20_000 }

/** A store with connections of its own, as another process has. */
const builders: Readonly<Record<string, () => Promise<Store>>> = {
  'one memcached': async () => memcachedStore({ servers: [servers[0]?.address as string], ...patient }),
  'two copies in memcached': async () =>
    memcachedStore({ servers: servers.slice(0, 2).map(({ address }) => address), replicas: 2, ...patient }),
  async redis() {
    const client = createClient({ url: redisUrl, disableOfflineQueue: true })
    await client.connect()
    return { ...redisStore({ client, callMs: 20_000 }), close: async () => client.destroy() }
  },
}
const sidOf = (setCookie: string | undefined) =>
  JSON.parse(Buffer.from(tokenOf(setCookie).split('.')[1] as string, 'base64url').toString()).sid

describe.each(Object.entries(builders))('%s', (name, build) => {
  it('20 first requests at once to four processes are one session, which ends once (G3, G4)', async () => {
    const old = oldSessions()
    const processes = await Promise.all(
      [0, 1, 2, 3].map(async () => {
        const store = await build()
        open.push(store)
        return kit({ legacy: old.legacy, store, now: Date.now, requestMs: 60_000 }).sessions
      }),
    )
    for (let round = 0; round < 20; round++) {
      // A try of its own has sessions of its own: those of the one before have ended.
      const id = `${name}${round}${randomUUID()}`.replace(/\W/g, '').padEnd(32, 'x')
      const cookie = old.login(id, { user: 'alice', cart: [] })
      const requests = Array.from({ length: 20 }, (_, at) => (processes[at % 4] as (typeof processes)[0]).open(cookie))
      const updates = requests.map(({ session }, at) => session.update('cart', (cart = []) => [...cart, at]))
      await Promise.all(updates)
      const answers = await Promise.all(requests.map((one) => one.commit()))
      expect(new Set(answers.map(({ setCookie }) => sidOf(setCookie))).size).toBe(1)
      const { session, commit } = (processes[0] as (typeof processes)[0]).open(cookie)
      expect((await session.get('cart')).toSorted((a: number, b: number) => a - b)).toEqual(
        Array.from({ length: 20 }, (_, at) => at),
      )
      session.destroy()
      await commit()
      old.login(id, { user: 'alice' })
      for (const one of processes) expect(await one.open(cookie).session.all()).toEqual({})
    }
  })
})
