import type crypto from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { startMemcached } from '../support/servers.ts'

const randomInt = vi.spyOn(process.getBuiltinModule('node:crypto') as Pick<typeof crypto, 'randomInt'>, 'randomInt')

/** The number that every request carries begins at random, far below these: so long a connection lives for years. */
test.each([
  ['2^31', 2 ** 31 - 50],
  ['2^32', 2 ** 32 - 50],
])('R25 over %s operations on one connection: no error, no mix-up', async (_, first) => {
  randomInt.mockImplementation(() => first)
  await using server = await startMemcached()
  const store = memcachedStore({ servers: [server.address], callMs: 2000 })
  const value = (at: number) => new TextEncoder().encode(`value ${at}`.padEnd(40))
  const key = (at: number) => `counters:${`${at}`.padStart(43, 'k')}`
  const all = Array.from({ length: 50 }, (_, at) => at)
  const created = await Promise.all(all.map((at) => store.create(key(at), value(at), 60)))
  expect(created.map(({ status }) => status)).toEqual(all.map(() => 'stored'))
  const read = await Promise.all(all.map((at) => store.read(key(at), { touchSeconds: 60 })))
  expect(read.map((entry) => entry?.value)).toEqual(all.map(value))
  expect(randomInt).toHaveBeenCalledExactlyOnceWith(1, 2 ** 29)
  randomInt.mockClear()
  await store.close?.()
})
