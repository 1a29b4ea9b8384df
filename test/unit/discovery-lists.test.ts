import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseServers } from '../../adapters/stores/memcached/address.ts'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { dnsServers, type NameServer, type ServerProvider } from '../../adapters/stores/memcached/servers/dns.ts'
import { createRing } from '../../adapters/stores/memcached/servers/ring.ts'
import { Rings } from '../../adapters/stores/memcached/servers/ring-history.ts'
import { SeenServers } from '../../adapters/stores/memcached/servers/seen-servers.ts'
import type { SessionEvent } from '../../src/events.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const addresses = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => `10.0.0.${from + at + 1}:11211`)
/** 8 of 24 in turn, as name servers with a limit of records do. */
const subset = (turn: number) => addresses(8 * (turn % 3), 8)
const nodesOf = (list: readonly { readonly node: string }[]) => list.map(({ node }) => node)

/** Rings as a store draws them from the lists that are taken, and what it told. */
function storeOf(servers: ServerProvider) {
  const rings: Rings[] = []
  const change = Rings.prototype.change
  vi.spyOn(Rings.prototype, 'change').mockImplementation(function (this: Rings, ...given) {
    if (!rings.includes(this)) rings.push(this)
    return change.apply(this, given)
  })
  const events: SessionEvent[] = []
  const store = memcachedStore({ servers, onEvent: (event) => void events.push(event) })
  const owners = () => rings[0]?.ownersOf('session:key') ?? []
  return { store, events, owners, rings }
}
const minute = () => vi.advanceTimersByTimeAsync(70_000)

describe('a name server that hands out 8 of 24 addresses in turn', () => {
  it('gives one ring of all 24, and two owners a key once the rings of the beginning are over (F28)', async () => {
    let turn = 0
    const resolve4 = async () => subset(turn++).map((address) => address.slice(0, -6))
    const nameServer = { resolve4 } as unknown as NameServer
    const { store, events, owners, rings } = storeOf(dnsServers('cache', { nameServer }))
    for (let lookup = 0; lookup < 35; lookup++) await minute()
    expect(rings[0]?.nodesInForce.size).toBe(24)
    expect(owners().length).toBeLessThanOrEqual(6)
    vi.advanceTimersByTime(90_000_000) // a day, where no session was seen yet
    expect(owners()).toHaveLength(2)
    expect(events).toEqual([])
    await store.close?.()
  })

  it('gives a bounded number of owners where a provider of your own passes the subsets on, and says so (F28)', async () => {
    let turn = 0
    // Every list is another one: nothing is known again.
    const { store, events, owners } = storeOf(async () => addresses(turn++, 8))
    for (let lookup = 0; lookup < 35; lookup++) await minute()
    expect(turn).toBeGreaterThan(25)
    expect(owners().length).toBeLessThanOrEqual(16)
    expect(events).toEqual(Array(turn - 8).fill({ type: 'ring-lost', store: 'memcached' }))
    await store.close?.()
  })
})

it('another order of the same servers is no change (F28)', async () => {
  const list = addresses(0, 8)
  const { store, events, owners, rings } = storeOf(async () => {
    list.push(list.shift() as string)
    return [...list]
  })
  for (let lookup = 0; lookup < 35; lookup++) await minute()
  expect(owners()).toHaveLength(2)
  expect(rings[0]?.nodesInForce.size).toBe(8)
  expect(owners()).toEqual(createRing(parseServers([...list].sort())).ownersOf('session:key', 2))
  expect(events).toEqual([])
  await store.close?.()
})

describe('servers that were seen lately', () => {
  const lost = new Set<string>()
  const seen = () => new SeenServers({ keepMs: () => 600_000, isLost: (node) => lost.has(node) })
  afterEach(() => lost.clear())

  it('stay while they answer and are named again in time (F28)', () => {
    const servers = seen()
    servers.unite(parseServers(['a', 'b']))
    vi.advanceTimersByTime(300_000)
    expect(nodesOf(servers.unite(parseServers(['b', 'c']))).sort()).toEqual(['a:11211', 'b:11211', 'c:11211'])
    vi.advanceTimersByTime(300_001)
    expect(nodesOf(servers.unite(parseServers(['c']))).sort()).toEqual(['b:11211', 'c:11211'])
  })

  it('go as soon as they are given up and no longer named (F28)', () => {
    const servers = seen()
    servers.unite(parseServers(['a', 'b']))
    lost.add('a:11211').add('b:11211')
    vi.advanceTimersByTime(60_000)
    expect(nodesOf(servers.unite(parseServers(['b', 'c']))).sort()).toEqual(['b:11211', 'c:11211'])
  })

  it('are bounded in number (F28)', () => {
    const servers = seen()
    for (let at = 0; at < 1000; at++) {
      servers.unite(parseServers([`a${at}`]))
      vi.advanceTimersByTime(1)
    }
    expect(servers.unite(parseServers(['b'])).length).toBeLessThanOrEqual(128)
  })
})
