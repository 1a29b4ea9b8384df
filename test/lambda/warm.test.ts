import { afterAll, beforeAll, expect, test } from 'vitest'
import { stats } from '../support/memcached.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import type { Lambda } from './emulator.ts'
import { bundle, start, Visitor } from './instance.ts'

const invocations = 200
let servers: readonly [TestServer, TestServer]
let lambda: Lambda
beforeAll(async () => {
  servers = [await startMemcached(), await startMemcached()]
  lambda = await start(
    await bundle('shop'),
    'shop',
    servers.map(({ address }) => address),
  )
})
afterAll(async () => {
  await lambda?.stop()
  for (const server of servers ?? []) await server.stop()
})

const names = ['total_connections', 'cmd_get', 'cmd_touch', 'cmd_set', 'cas_hits', 'cas_misses'] as const

/**
 * What each server counted during some work, beside the connections of the two questions. Those open at the moment are not
 * looked at: the server may not have noticed yet that a question was over.
 */
async function counted(work: () => Promise<unknown>) {
  const before = await Promise.all(servers.map(stats))
  await work()
  const after = await Promise.all(servers.map(stats))
  return servers.map((_, at) => {
    const gained = names.map((name) => [name, (after[at]?.[name] ?? 0) - (before[at]?.[name] ?? 0)])
    // One for the second question; the first is closed by now, and counted before as this one is after.
    const { total_connections: made = 0, ...counts } = Object.fromEntries(gained) as Record<string, number>
    return { made: made - 1, ...counts }
  })
}

const each = (counts: object) => servers.map(() => expect.objectContaining({ made: 0, ...counts }))

test(`${invocations} warm invocations: one connection per server, one round trip per read, none without the session`, async () => {
  const alice = new Visitor()
  const begun = await counted(() => alice.ask(lambda, '/login/alice'))
  expect(begun).toEqual(servers.map(() => expect.objectContaining({ made: 1 })))
  const visit = async (path: string) => {
    for (let count = 0; count < invocations; count++) expect((await alice.ask(lambda, path)).status).toBe(200)
  }
  // With two copies every read asks both servers at once, and every change swaps on both.
  expect(await counted(() => visit('/who'))).toEqual(each({ cmd_get: 0, cmd_touch: invocations, cmd_set: 0 }))
  expect(await counted(() => visit('/nothing'))).toEqual(each({ cmd_get: 0, cmd_touch: 0, cmd_set: 0 }))
  expect(await counted(() => visit('/add/tea'))).toEqual(
    each({ cmd_get: 0, cmd_touch: invocations, cmd_set: invocations, cas_hits: invocations, cas_misses: 0 }),
  )
  expect((await alice.ask(lambda, '/who')).body).toBe(`alice:${' tea'.repeat(invocations)}`)
})
