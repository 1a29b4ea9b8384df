import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRing, type RingHash, type RingServer } from '../../adapters/stores/memcached/servers/ring.ts'
import { SessionOptionsError } from '../../src/errors.ts'

/** `port` of a unix socket: its path, without a host. */
const server = (host: string | undefined, port: number | string = 11211, weight = 1): RingServer => ({
  node: host === undefined ? `${port}` : `${host}:${port}`,
  host,
  port,
  weight,
})
const some = (count: number, each: (i: number) => RingServer) => Array.from({ length: count }, (_, i) => each(i))
const equal = (count: number) => some(count, (i) => server(`10.0.0.${i}`))
const weighted = [server('a.example'), server('b.example', 21_211, 3), server('c.example', 11_211, 7)]
const keysOf = (count: number) => Array.from({ length: count }, (_, i) => `session:${i}`)

const steep = [server('a.example'), server('b.example', 11_211, 500), server('c.example', 11_211, 400)]
const ports = some(5, (i) => server('127.0.0.1', 7001 + i))
const mixed = [
  server('2001:db8::1'),
  server('::1', 11_311),
  server(undefined, '/run/a.sock'),
  server('Node_4', 11_211, 2),
]

/** The home of each key as libmemcached 1.1.4 answers (memcached_generate_hash): indexes in base 36, a digit a key. */
const vectors: readonly (readonly [RingHash & string, string, readonly RingServer[], homes: string])[] = [
  ['ketama_weighted', '3 equal', equal(3), '012012210122122221020202211212010101112010220100021100111000'],
  ['ketama_weighted', '5 on odd ports', ports, '321221213401040402103343123010224231411213004402243044422440'],
  ['ketama_weighted', '7 equal', equal(7), '032054213152536246666445333253060154336054260650523100111565'],
  ['ketama_weighted', '14 equal', equal(14), '0b20a42181d25862466694c53bc25aa97154376954860b5089317b1d156d'],
  ['ketama_weighted', '25 equal', equal(25), '0bjoa4218odoi3ok4666l4c23bcjnka9715i3h695nf60mm08n317b1i1ofd'],
  ['ketama_weighted', '3 weighted', weighted, '122212212212222120121212222202210122222212021111222201222222'],
  [
    'ketama_weighted',
    'IPv6, a socket and a name',
    mixed,
    '332203323333222232133300330032313233333122203200213323230300',
  ],
  ['ketama_weighted', '3 weighted steeply', steep, '112211211121112121111111112122112112221112211211221222111121'],
  ['ketama', '3 equal', equal(3), '100022020112121222012101002011100200201100220211200000011101'],
  ['ketama', '5 on odd ports', ports, '323110002431342212344130430212002134234112012042434320343423'],
  ['ketama', '3 weighted', weighted, '212222112110220211222222121221222122222222022202122212122210'],
  ['modula', '3 equal', equal(3), '200200000010000002012110121122122220222021121212210021220110'],
  ['modula', '7 equal', equal(7), '510113266611516001515135534654005054114005541512644315103633'],
]
const vectorKeys = Array.from({ length: 60 }, (_, i) => (i % 4 === 3 ? `ключ-${i}` : `session:${i}`))

test.each(vectors)('%s of %s: libmemcached has the same homes', (hash, _, servers, homes) => {
  const ring = createRing(servers, hash)
  const nodes = servers.map(({ node }) => node)
  expect(vectorKeys.map((key) => nodes.indexOf(ring.ownersOf(key, 1)[0] as string).toString(36)).join('')).toBe(homes)
})

const hashes: readonly RingHash[] = ['ketama_weighted', 'ketama', 'modula', (key, count) => key.length % count]
const anyServers = fc.uniqueArray(
  fc.record({ host: fc.ipV4(), port: fc.integer({ min: 1, max: 65_535 }), weight: fc.integer({ min: 1, max: 50 }) }),
  { minLength: 1, maxLength: 9, selector: ({ host, port }) => `${host}:${port}` },
)
const build = (servers: readonly { host: string; port: number; weight: number }[]) =>
  servers.map(({ host, port, weight }) => server(host, port, weight))

describe('owners', () => {
  test('are as many different nodes as asked for, or all there are, and begin with the same', () => {
    fc.assert(
      fc.property(anyServers, fc.string(), fc.integer({ min: 1, max: 12 }), (list, key, copies) => {
        for (const hash of hashes) {
          const ring = createRing(build(list), hash)
          const owners = ring.ownersOf(key, copies)
          expect(owners).toHaveLength(Math.min(copies, list.length))
          expect(new Set(owners).size).toBe(owners.length)
          expect(ring.ownersOf(key, copies + 1).slice(0, owners.length)).toEqual(owners)
        }
      }),
    )
  })

  test.each<RingHash & string>(['ketama_weighted', 'ketama'])('%s: the order of the list does not matter', (hash) => {
    fc.assert(
      fc.property(anyServers, fc.array(fc.string(), { minLength: 20 }), (list, keys) => {
        const servers = build(list)
        const [ring, reversed] = [createRing(servers, hash), createRing(servers.toReversed(), hash)]
        for (const key of keys) expect(reversed.ownersOf(key, 3)).toEqual(ring.ownersOf(key, 3))
      }),
      // Some rings have two points on one number, where libmemcached goes by the order; these have none.
      { seed: 20_260, numRuns: 60 },
    )
  })

  test('of a key that falls on a point begin with the server of that point', () => {
    const ring = createRing(equal(5))
    // The key's hash is the first word of MD5, and so is each fourth point of a server: of its label.
    for (const { node, host } of equal(5))
      for (const key of [`${host}-0`, `${host}-39`]) expect(ring.ownersOf(key, 1)).toEqual([node])
  })

  test('include a server whose weight rounds to no point, last of all', () => {
    const ring = createRing([server('a.example'), server('b.example', 11_211, 500), server('c.example', 11_211, 500)])
    const owners = keysOf(500).map((key) => ring.ownersOf(key, 3))
    expect(new Set(owners.map((nodes) => nodes[2]))).toEqual(new Set(['a.example:11211']))
  })

  test('of a function are the server it names and the next in the list', () => {
    const ring = createRing(equal(3), (key, count) => (key === 'last' ? count - 1 : 0))
    expect(ring.ownersOf('last', 2)).toEqual(['10.0.0.2:11211', '10.0.0.0:11211'])
    expect(ring.ownersOf('other', 2)).toEqual(['10.0.0.0:11211', '10.0.0.1:11211'])
  })
})

describe.each<RingHash & string>(['ketama_weighted', 'ketama'])('%s', (hash) => {
  // Up to 24 equal servers have the same number of points each, however many they are.
  const anyLeaving = fc
    .integer({ min: 2, max: 24 })
    .chain((count) => fc.record({ count: fc.constant(count), leaving: fc.nat(count - 1) }))

  test('a server that leaves moves its own keys only, to their second owners', () => {
    fc.assert(
      fc.property(anyLeaving, ({ count, leaving }) => {
        const servers = equal(count)
        const [before, after] = [createRing(servers, hash), createRing(servers.toSpliced(leaving, 1), hash)]
        for (const key of keysOf(300)) {
          const [home, second] = before.ownersOf(key, 2)
          const expected = home === servers[leaving]?.node ? second : home
          expect(after.ownersOf(key, 1)).toEqual([expected])
        }
      }),
      { numRuns: 25 },
    )
  })

  test.each([3, 5, 10])('%i equal servers share evenly, and so do the second copies', (count) => {
    const ring = createRing(equal(count), hash)
    const owners = keysOf(20_000).map((key) => ring.ownersOf(key, 2))
    for (const copy of [0, 1]) {
      const loads = equal(count).map(({ node }) => owners.filter((nodes) => nodes[copy] === node).length)
      expect(Math.max(...loads) / (20_000 / count)).toBeLessThan(1.3)
    }
  })
})

test('weights are proportional: 1, 3 and 7 of 11', () => {
  const ring = createRing(weighted)
  const homes = keysOf(20_000).map((key) => ring.ownersOf(key, 1)[0])
  for (const { node, weight = 1 } of weighted) {
    const share = homes.filter((home) => home === node).length / homes.length
    expect(share / (weight / 11)).toBeGreaterThan(0.75)
    expect(share / (weight / 11)).toBeLessThan(1.25)
  }
})

describe('refused', () => {
  const bad = (value: unknown) => value as never
  test.each<[string, readonly RingServer[], RingHash, RegExp]>([
    ['no servers', [], 'ketama', /^servers must/],
    ['an unknown hash', equal(2), bad('md5'), /^hash must be/],
    ['a weight of 0', [...equal(1), server('b', 1, 0)], 'ketama_weighted', /^servers\[1\]\.weight must/],
    ['a broken weight', [server('b', 1, 1.5)], 'ketama_weighted', /^servers\[0\]\.weight must/],
    ['a weight as text', [server('b', 1, bad('2'))], 'modula', /^servers\[0\]\.weight must/],
    ['a weight beyond 32 bits', [server('b', 1, 2 ** 32)], 'ketama', /^servers\[0\]\.weight must/],
  ])('%s', (_, servers, hash, message) => {
    expect(() => createRing(servers, hash)).toThrow(SessionOptionsError)
    expect(() => createRing(servers, hash)).toThrow(message)
  })

  test.each([-1, 2, 0.5, Number.NaN, bad('0'), bad(undefined)])('%s from a function', (index) => {
    const ring = createRing(equal(2), () => index)
    expect(() => ring.ownersOf('key', 1)).toThrow(/^hash must return a whole number from 0 to 1/)
  })
})
