import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { ServerProvider } from '../../adapters/stores/memcached/servers/dns.ts'
import { createSessions, StoreUnavailableError } from '../../src/index.ts'
import { nextCookies } from '../support/jar.ts'
import { newKey, storesToClose } from '../support/memcached.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'

const { storeOf, closeAll } = storesToClose()
let servers: readonly TestServer[]
beforeAll(async () => {
  servers = await Promise.all(Array.from({ length: 4 }, () => startMemcached()))
})
afterAll(() => Promise.all((servers ?? []).map((server) => server.stop())))
afterEach(async () => {
  vi.useRealTimers()
  await closeAll()
})

const secret = 'a secret for the discovery of servers: 0123456789'
const list = (...at: readonly number[]) => at.map((one) => servers[one]?.address ?? '')
const change = () => vi.advanceTimersByTimeAsync(70_000)

/** A store whose servers change when `now` does, and sessions on it. */
function discovered(first: readonly string[]) {
  // Only what the watch waits by: sockets need their own clocks.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const current = { now: first as readonly string[] | Error }
  const provider = vi.fn<ServerProvider>(async () => {
    if (current.now instanceof Error) throw current.now
    return current.now
  })
  const store = storeOf({ servers: provider, connectMs: 5000, callMs: 5000 })
  const sessions = createSessions<{ name: string }>({ store, secret })
  const request = async (cookie: string | null, work: 'read' | 'write' | 'logout', name = 'x') => {
    const { session, commit } = sessions.open(cookie)
    const found = work === 'logout' ? undefined : await session.get('name')
    if (work === 'write') session.set('name', name)
    if (work === 'logout') session.destroy()
    const { setCookies } = await commit()
    return { found, cookie: nextCookies(cookie, setCookies) ?? null }
  }
  return { store, provider, current, request }
}

test('the first list is waited for, and check tells its servers', async () => {
  const { store, provider } = discovered(list(0, 1))
  expect(provider).toHaveBeenCalledTimes(1)
  expect(await store.read(newKey())).toBeNull()
  const health = await store.check?.()
  expect(health).toMatchObject({ ready: true, nodes: [{ up: true }, { up: true }] })
  expect(health?.nodes.map(({ node }) => node).sort()).toEqual([...list(0, 1)].sort())
  expect(provider).toHaveBeenCalledTimes(1)
})

test('sessions live through changes of the list: read, changed and ended before, between and after', async () => {
  const { current, request } = discovered(list(0, 1))
  const visitors = await Promise.all(Array.from({ length: 40 }, (_, at) => request(null, 'write', `first ${at}`)))
  const ended = visitors.slice(0, 10)
  await Promise.all(ended.slice(0, 5).map(({ cookie }) => request(cookie, 'logout')))
  current.now = list(2, 3)
  await change()
  for (const [at, { cookie }] of visitors.slice(10).entries())
    expect((await request(cookie, 'write', `second ${at}`)).found).toBe(`first ${at + 10}`)
  await Promise.all(ended.slice(5).map(({ cookie }) => request(cookie, 'logout')))
  current.now = list(0, 1)
  await change()
  for (const [at, { cookie }] of visitors.slice(10).entries())
    expect((await request(cookie, 'read')).found).toBe(`second ${at}`)
  for (const { cookie } of ended) expect((await request(cookie, 'read')).found).toBeUndefined()
})

test('a server that was taken off the list and off the net does not make the store unready', async () => {
  await using leaving = await startMemcached()
  await using gone = await startMemcached()
  const { store, current, request } = discovered([leaving.address, gone.address])
  await request(null, 'write')
  current.now = list(0, 1)
  await change()
  await request(null, 'write')
  await Promise.all([leaving.stop(), gone.stop()])
  const health = await store.check?.()
  expect(health?.ready).toBe(true)
  expect(health?.nodes.filter(({ up }) => !up)).toHaveLength(2)
})

test('a provider that fails is an outage, and the last good list stays', async () => {
  const { store, current } = discovered(list(0, 1))
  current.now = new Error('no name server')
  const key = newKey()
  expect(await store.read(key)).toBeNull()
  await change()
  expect(await store.read(key)).toBeNull()
  const failing = storeOf({ servers: async () => Promise.reject(new Error('no name server')) })
  await expect(failing.read(key)).rejects.toBeInstanceOf(StoreUnavailableError)
  expect(await failing.check?.()).toEqual({ ready: false, nodes: [] })
  // Former servers alone are no list: new sessions would begin on servers that may be gone.
  const former = storeOf({ servers: async () => [], previousServers: list(0, 1) })
  await expect(former.read(key)).rejects.toBeInstanceOf(StoreUnavailableError)
})

test('close ends the lookups, and calls fail', async () => {
  const { store, provider } = discovered(list(0, 1))
  await store.read(newKey())
  await store.close?.()
  await vi.advanceTimersByTimeAsync(600_000)
  expect(provider).toHaveBeenCalledTimes(1)
  await expect(store.read(newKey())).rejects.toBeInstanceOf(StoreUnavailableError)
})
