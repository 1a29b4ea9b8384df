import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { memcachedStore } from '../../../../adapters/stores/memcached/index.ts'
import { createRing, type RingHash, type RingServer } from '../../../../adapters/stores/memcached/servers/ring.ts'
import { freshKey, record } from '../../../conformance/values.ts'
import { given, patience } from '../given.ts'

const servers = (count: number, weightOf = (_: number) => 1): readonly RingServer[] =>
  Array.from({ length: count }, (_, at) => ({
    ...{ node: `10.0.0.${at}:11211`, host: `10.0.0.${at}`, port: 11_211, weight: weightOf(at) },
  }))
const keys = Array.from({ length: 60 }, (_, at) => (at % 4 === 3 ? `ключ-${at}` : `session:${at}`))

/** The home of each key as libmemcached 1.1.4 answers: an index a digit. */
const homes: readonly (readonly [RingHash & string, number, string])[] = [
  ['ketama_weighted', 3, '012012210122122221020202211212010101112010220100021100111000'],
  ['ketama_weighted', 7, '032054213152536246666445333253060154336054260650523100111565'],
  ['ketama', 3, '100022020112121222012101002011100200201100220211200000011101'],
  ['modula', 7, '510113266611516001515135534654005054114005541512644315103633'],
]

/** What a server holds under a key, past the client. */
async function holds(address: string, key: string): Promise<boolean> {
  const [host, port] = address.split(':')
  const socket = connect(Number(port), host)
  let answer = ''
  socket.setEncoding('latin1').end(`mg ${key} s\r\nquit\r\n`)
  for await (const chunk of socket) answer += chunk
  return answer.startsWith('HD')
}

describe('memcached', () => {
  test.each(homes)('%s of %i servers: libmemcached has the same homes', (hash, count, expected) => {
    const ring = createRing(servers(count), hash)
    const nodes = servers(count).map(({ node }) => node)
    expect(keys.map((key) => nodes.indexOf(ring.ownersOf(key, 1)[0] as string)).join('')).toBe(expected)
  })

  test('weights count', () => {
    const ring = createRing(servers(3, (at) => [1, 3, 7][at] as number))
    const shares = Map.groupBy(
      Array.from({ length: 2000 }, (_, at) => ring.ownersOf(`session:${at}`, 1)[0] as string),
      (node) => node,
    )
    expect([...shares.keys()].sort()).toEqual(servers(3).map(({ node }) => node))
    const counts = servers(3).map(({ node }) => shares.get(node)?.length ?? 0)
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  })

  test('the two copies of a key are on the servers that the ring names, and nowhere else', async () => {
    const { memcached } = given
    const ring = createRing(memcached.map((node) => ringServer(node)))
    const store = memcachedStore({ servers: memcached, ...patience })
    for (let at = 0; at < 12; at++) {
      const key = freshKey()
      await store.create(key, record(), 60)
      const found = await Promise.all(memcached.map(async (node) => ((await holds(node, key)) ? [node] : [])))
      expect(found.flat().sort()).toEqual([...ring.ownersOf(key, 2)].sort())
    }
    await store.close?.()
  })

  test('answers in many pieces, and many in one piece, come out whole', async () => {
    const store = memcachedStore({ servers: given.memcached, ...patience })
    const entries = Array.from({ length: 120 }, (_, at) => ({
      key: freshKey(),
      value: record(at % 20 === 0 ? 400_000 : at * 40),
    }))
    await Promise.all(entries.map(({ key, value }) => store.create(key, value, 60)))
    const found = await Promise.all(entries.map(({ key }) => store.read(key)))
    for (const [at, entry] of found.entries())
      expect(Buffer.compare(entry?.value as Uint8Array, entries[at]?.value as Uint8Array)).toBe(0)
    await store.close?.()
  })

  test('a value that was read stays as it is while others arrive', async () => {
    const store = memcachedStore({ servers: given.memcached, ...patience })
    const [key, value] = [freshKey(), record(5000)]
    await store.create(key, value, 60)
    const early = (await store.read(key))?.value as Uint8Array
    await Promise.all(Array.from({ length: 300 }, (_, at) => store.create(`${key}:${at}`, record(3000), 60)))
    await Promise.all(Array.from({ length: 300 }, (_, at) => store.read(`${key}:${at}`)))
    expect(Buffer.compare(early, value)).toBe(0)
    await store.close?.()
  })
})

function ringServer(node: string): RingServer {
  const [host = '', port] = node.split(':')
  return { node, host, port: Number(port) }
}
