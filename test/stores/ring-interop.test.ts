import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRing, type RingHash, type RingServer } from '../../adapters/stores/memcached/servers/ring.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'

type Server = readonly [host: string, port: number, weight: number]
type NamedHash = Extract<RingHash, string>
interface TestRing {
  readonly hash: NamedHash
  readonly servers: readonly Server[]
}

/** Debian's modules belong to Debian's interpreter, whatever else is first in the PATH. /proc names the library below. */
const python = ['/usr/bin/python3', 'python3'].find((file) =>
  succeeds(file, '-c', 'import pylibmc; open("/proc/self/maps")'),
)
const hasPhp = succeeds('php', '-r', 'exit(class_exists("Memcached") ? 0 : 1);')
if (python === undefined) console.warn('\nSKIPPED: interop with pylibmc. Install it: apt-get install python3-pylibmc\n')
if (!hasPhp) console.warn('\nSKIPPED: interop with php-memcached. Install it: apt-get install php-cli php-memcached\n')

/** pylibmc cannot say where a key goes, so the library below it is asked, set up as pylibmc sets it up. */
const pythonLookups = `
import ctypes, json, re, sys
import pylibmc
maps = open('/proc/self/maps').read()
lib = ctypes.CDLL(re.search(r'/\\S*libmemcached[^/\\s]*\\.so\\S*', maps).group())
pointer, text, word = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32
lib.memcached_create.restype, lib.memcached_create.argtypes = pointer, [pointer]
lib.memcached_behavior_set.argtypes = [pointer, ctypes.c_int, ctypes.c_uint64]
lib.memcached_server_add_with_weight.argtypes = [pointer, text, ctypes.c_uint16, word]
lib.memcached_server_add_unix_socket_with_weight.argtypes = [pointer, text, word]
lib.memcached_generate_hash.restype, lib.memcached_generate_hash.argtypes = word, [pointer, text, ctypes.c_size_t]
def lookups(ring, keys):
    client = lib.memcached_create(None)
    behavior = {'ketama': 3, 'ketama_weighted': 16}.get(ring['hash'])
    if behavior: lib.memcached_behavior_set(client, behavior, 1)
    for host, port, weight in ring['servers']:
        if host[0] == '/': lib.memcached_server_add_unix_socket_with_weight(client, host.encode(), weight)
        else: lib.memcached_server_add_with_weight(client, host.encode(), port, weight)
    return [lib.memcached_generate_hash(client, key, len(key)) for key in keys]
job = json.load(sys.stdin)
keys = [key.encode() for key in job['keys']]
print(json.dumps([lookups(ring, keys) for ring in job['rings']]))`

const phpClient = `
function client($ring) {
  $client = new Memcached();
  if ($ring['hash'] === 'ketama_weighted') $client->setOption(Memcached::OPT_LIBKETAMA_COMPATIBLE, true);
  if ($ring['hash'] === 'ketama') $client->setOption(Memcached::OPT_DISTRIBUTION, Memcached::DISTRIBUTION_CONSISTENT);
  foreach ($ring['servers'] as [$host, $port, $weight]) $client->addServer($host, $port, $weight);
  return $client;
}
$job = json_decode(stream_get_contents(STDIN), true);`

const phpLookups = `${phpClient}
echo json_encode(array_map(function ($ring) use ($job) {
  $client = client($ring);
  $index = [];
  foreach ($ring['servers'] as $i => [$host, $port]) $index["$host $port"] = $i;
  return array_map(function ($key) use ($client, $index) {
    $server = $client->getServerByKey($key);
    return $index[$server['host'] . ' ' . $server['port']];
  }, $job['keys']);
}, $job['rings']));`

/** Its text protocol refuses to store under keys beyond ASCII; where a key lives does not depend on the protocol. */
const phpWrites = `${phpClient}
$client = client($job['ring']);
$client->setOption(Memcached::OPT_BINARY_PROTOCOL, true);
foreach ($job['keys'] as $key) $client->set($key, "php $key", 60) or exit(1);
echo 'true';`
const phpReads = `${phpClient} echo json_encode((object) client($job['ring'])->getMulti($job['keys']));`

const pythonClient = `
import json, sys, pylibmc
job = json.load(sys.stdin)
servers = ['%s:%d:%d' % tuple(server) for server in job['ring']['servers']]
client = pylibmc.Client(servers, behaviors={job['ring']['hash']: True})`
const pythonWrites = `${pythonClient}
for key in job['keys']: assert client.set(key, ('python ' + key).encode(), 60)
print('true')`
const pythonReads = `${pythonClient}
print(json.dumps({key: client.get(key).decode() for key in job['keys']}))`

function succeeds(file: string, ...args: string[]): boolean {
  return spawnSync(file, args, { stdio: 'ignore' }).status === 0
}

function run(file: string, flag: string, program: string, job: unknown): unknown {
  const options = { input: JSON.stringify(job), encoding: 'utf8', maxBuffer: 2 ** 28 } as const
  const { status, stdout, stderr } = spawnSync(file, [flag, program], options)
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout)
}
const runPhp = (program: string, job: unknown) => run('php', '-r', program, job)
const runPython = (program: string, job: unknown) => run(python as string, '-c', program, job)

const keys = Array.from({ length: 10_000 }, (_, i) => {
  // Labels of servers are keys that fall exactly on a point.
  if (i % 100 === 99) return `10.0.0.${i % 7}-${(i - 99) / 100}`
  const text = ['', 'ключ-', 'naïve/', '漢字', '🍪'][i % 5] as string
  return `session:${text}${(i * 2_654_435_761).toString(36)}`
})

/** With 25 the 32-bit floats of libmemcached round down. */
const sizes = [...Array.from({ length: 12 }, (_, i) => i + 1), 25]
const list = (count: number, server: (i: number) => Server) => Array.from({ length: count }, (_, i) => server(i))
const kinds: readonly ((count: number) => readonly Server[])[] = [
  (count) => list(count, (i) => [`10.0.0.${i}`, 11211, 1]),
  (count) => list(count, (i) => ['127.0.0.1', 7001 + 97 * i, 1]),
  (count) => list(count, (i) => [`cache-${i}.example`, i % 2 === 0 ? 11211 : 21_000 + i, 1 + ((i * i * 7) % 23)]),
  (count) => list(count, (i) => [i % 2 === 0 ? `2001:db8::${i}` : `Node_${i}`, i % 3 === 0 ? 11211 : 65_535 - i, 1]),
  (count) => list(count, (i) => [`10.1.0.${i}`, 11211, i === 0 ? 1 : 900 + i]),
]
const rings: readonly TestRing[] = [
  ...kinds.flatMap((kind) => sizes.map((count): TestRing => ({ hash: 'ketama_weighted', servers: kind(count) }))),
  ...kinds.flatMap((kind) => [3, 7].map((count): TestRing => ({ hash: 'ketama', servers: kind(count) }))),
  ...kinds.flatMap((kind) => [3, 7].map((count): TestRing => ({ hash: 'modula', servers: kind(count) }))),
]
const sockets: readonly TestRing[] = sizes.map((count) => ({
  hash: 'ketama_weighted',
  servers: list(count, (i) => (i % 2 === 0 ? [`/run/memcached/${i}.sock`, 0, 1] : [`10.0.0.${i}`, 11211, 2])),
}))

const asServers = ({ servers }: TestRing): readonly RingServer[] =>
  servers.map(([host, port, weight], i) => {
    return host.startsWith('/')
      ? { node: `${i}`, host: undefined, port: host, weight }
      : { node: `${i}`, host, port, weight }
  })

/** Every lookup that differs, as text; none is what we want. */
function differences(tested: readonly TestRing[], theirs: unknown): readonly string[] {
  return tested.flatMap((ring, at) => {
    const ours = createRing(asServers(ring), ring.hash)
    const homes = (theirs as number[][])[at] as number[]
    expect(homes).toHaveLength(keys.length)
    return keys.flatMap((key, i) => {
      const [home] = ours.ownersOf(key, 1)
      return home === `${homes[i]}` ? [] : [`${ring.hash} of ${ring.servers.length}: ${key} ${home} ${homes[i]}`]
    })
  })
}

test.skipIf(python === undefined)('every key lives where libmemcached below pylibmc looks for it', () => {
  const tested = [...rings, ...sockets]
  const differing = differences(tested, runPython(pythonLookups, { keys, rings: tested }))
  console.log(`pylibmc: ${tested.length * keys.length} lookups, ${differing.length} differ`)
  expect(differing).toEqual([])
})

test.skipIf(!hasPhp)('every key lives where php-memcached looks for it', () => {
  const differing = differences(rings, runPhp(phpLookups, { keys, rings }))
  console.log(`php-memcached: ${rings.length * keys.length} lookups, ${differing.length} differ`)
  expect(differing).toEqual([])
})

describe.each<NamedHash>(['ketama_weighted', 'ketama'])('three real servers, %s', (hash) => {
  const few = keys.slice(0, 300)
  let servers: readonly TestServer[]
  let ring: TestRing
  beforeAll(async () => {
    servers = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
    ring = { hash, servers: servers.map(({ host, port }) => [host, port, 1]) }
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()))
  })

  /** The commands for each key, sent to the server that our ring names; what the servers said. */
  async function atHome(command: (key: string) => string): Promise<string> {
    const ours = createRing(asServers(ring), hash)
    const replies = servers.map(async ({ port }, i) => {
      const own = few.filter((key) => ours.ownersOf(key, 1)[0] === `${i}`)
      expect(own.length).toBeGreaterThan(30)
      return talk(port, own.map(command).join(''))
    })
    return (await Promise.all(replies)).join('')
  }
  const store = (key: string) => `set ${key} 0 60 ${Buffer.byteLength(`node ${key}`)}\r\nnode ${key}\r\n`
  const load = (key: string) => `get ${key}\r\n`

  test.skipIf(!hasPhp)('what php-memcached stored is where our ring says', async () => {
    runPhp(phpWrites, { ring, keys: few })
    const found = await atHome(load)
    expect(few.filter((key) => !found.includes(`\r\nphp ${key}\r\n`))).toEqual([])
  })

  test.skipIf(python === undefined)('what pylibmc stored is where our ring says', async () => {
    runPython(pythonWrites, { ring, keys: few })
    const found = await atHome(load)
    expect(few.filter((key) => !found.includes(`\r\npython ${key}\r\n`))).toEqual([])
  })

  test.skipIf(!hasPhp)('php-memcached finds what was stored where our ring says', async () => {
    await atHome(store)
    expect(runPhp(phpReads, { ring, keys: few })).toEqual(Object.fromEntries(few.map((key) => [key, `node ${key}`])))
  })

  test.skipIf(python === undefined)('pylibmc finds what was stored where our ring says', async () => {
    await atHome(store)
    expect(runPython(pythonReads, { ring, keys: few })).toEqual(
      Object.fromEntries(few.map((key) => [key, `node ${key}`])),
    )
  })
})

/** Sends text commands and collects the answers; `version` comes last and shows that all are there. */
async function talk(port: number, commands: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1').setEncoding('utf8')
  await once(socket, 'connect')
  socket.write(`${commands}version\r\n`)
  let text = ''
  for await (const chunk of socket) {
    text += chunk
    if (/^VERSION .*\r\n$/m.test(text)) break
  }
  return text
}
