import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster as IoCluster } from 'ioredis'
import { createClient, createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisClient, redisStore } from '../../adapters/stores/redis/index.ts'
import type { Store } from '../../src/store.ts'
import { storeCases } from '../conformance/index.ts'
import { realClock } from '../support/clock.ts'
import { freePort, startRedis, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'

/** No test here is about this deadline: a busy machine is no outage. */
const callMs = 20_000
const bytes = (text: string) => new TextEncoder().encode(text.padEnd(48, '.'))
const slots = [
  ['0', '5460'],
  ['5461', '10922'],
  ['10923', '16383'],
] as const

const endings: (() => unknown)[] = []
/** The port on which the nodes of a cluster talk with each other. */
const buses = new Map<TestServer, string>()
let masters: TestServer[]
let replica: TestServer

async function startNode(): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-node-'))
  endings.push(() => rm(folder, { recursive: true, force: true }))
  const bus = `${await freePort()}`
  // A replica that was never long away may take over: the timeouts are short, the master is killed.
  const server = await startRedis([
    ...['--dir', folder, '--cluster-enabled', 'yes', '--cluster-port', bus],
    ...['--cluster-node-timeout', '2000', '--cluster-require-full-coverage', 'no'],
  ])
  endings.push(() => server.stop())
  buses.set(server, bus)
  return server
}

async function ask(server: TestServer, ...command: readonly string[]): Promise<string> {
  const client = await createClient({ socket: { host: server.host, port: server.port } }).connect()
  try {
    return String(await client.sendCommand([...command]))
  } finally {
    client.destroy()
  }
}

beforeAll(async () => {
  masters = [await startNode(), await startNode(), await startNode()]
  replica = await startNode()
  for (const [index, [from, to]] of slots.entries())
    await ask(masters[index] as TestServer, 'CLUSTER', 'ADDSLOTSRANGE', from, to)
  const [first] = masters as [TestServer]
  for (const [index, node] of [...masters, replica].entries())
    await ask(node, 'CLUSTER', 'SET-CONFIG-EPOCH', `${index + 1}`)
  for (const node of [...masters.slice(1), replica]) await meet(first, node)
  for (const node of [...masters, replica])
    await waitFor(async () => expect(await ask(node, 'CLUSTER', 'INFO')).toMatch(/state:ok[\s\S]*known_nodes:4/))
  await ask(replica, 'CLUSTER', 'REPLICATE', await ask(first, 'CLUSTER', 'MYID'))
  await waitFor(async () => expect(await ask(replica, 'INFO', 'replication')).toContain('master_link_status:up'))
})

async function meet(from: TestServer, node: TestServer): Promise<void> {
  await ask(from, 'CLUSTER', 'MEET', node.host, `${node.port}`, buses.get(node) ?? '')
}

afterAll(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

const clients: [name: string, connect: () => Promise<RedisClient>][] = [
  ['a cluster of node-redis', connectCluster],
  [
    'a function on a cluster, by the key it is given',
    async () => {
      const cluster = await connectCluster()
      return (command, { key, signal }) => cluster.sendCommand(key, false, command, { abortSignal: signal })
    },
  ],
  [
    'a cluster of ioredis',
    async () => {
      const nodes = masters.map(({ host, port }) => ({ host, port }))
      const cluster = new IoCluster(nodes, { redisOptions: { autoResendUnfulfilledCommands: false } })
      cluster.on('error', () => {})
      endings.push(() => cluster.disconnect())
      return cluster
    },
  ],
]

async function connectCluster() {
  const rootNodes = masters.map(({ host, port }) => ({ socket: { host, port } }))
  const cluster = createCluster({ rootNodes })
  cluster.on('error', () => {})
  endings.push(() => cluster.destroy())
  await cluster.connect()
  return cluster
}

describe.each(clients)('%s', (name, connect) => {
  let store: Store
  beforeAll(async () => {
    store = redisStore({ client: await connect(), callMs })
  })

  it('keeps the contract of stores', async () => {
    await Promise.all(storeCases.map(({ run }) => run(store, realClock)))
  })

  it('keeps keys on all nodes, and each is told the script once', async () => {
    for (const master of masters) {
      await ask(master, 'SCRIPT', 'FLUSH')
      await ask(master, 'CONFIG', 'RESETSTAT')
    }
    for (const index of Array(30).keys()) {
      const key = `${name.replace(/\W/g, '-')}:${index}`
      const created = await store.create(key, bytes('a'), 60)
      const { version } = created as { version: string }
      expect(await store.update(key, bytes('b'), 60, version)).toMatchObject({ status: 'stored' })
    }
    for (const master of masters) {
      const stats = await ask(master, 'INFO', 'commandstats')
      expect(stats).toMatch(/cmdstat_eval:calls=1,/)
      expect(stats).toMatch(/cmdstat_evalsha:calls=\d+,/)
    }
  })
})

it('goes on where a master is killed and its replica takes over, which has never seen the script', async () => {
  const stores = await Promise.all(
    clients.map(async ([, connect]) => redisStore({ client: await connect(), callMs: 2_000 })),
  )
  // Keys of the first master: `{...}` is what its slot is computed from.
  const tag = await keyOn(masters[0] as TestServer)
  const held = await Promise.all(
    stores.map(async (store, index) => {
      const key = `{${tag}}:${index}`
      const created = await store.create(key, bytes('before'), 600)
      return { store, key, version: (created as { version: string }).version }
    }),
  )
  await waitFor(async () => expect(await offset(replica)).toBe(await offset(masters[0] as TestServer)))
  await (masters[0] as TestServer).stop()
  await waitFor(async () => expect(await ask(replica, 'INFO', 'replication')).toContain('role:master'))
  for (const { store, key, version } of held) {
    const after = () => store.read(key)
    expect((await waitFor(after))?.version).toBe(version)
    expect(await store.update(key, bytes('after'), 600, version)).toMatchObject({ status: 'stored' })
    expect((await store.read(key))?.value).toEqual(bytes('after'))
  }
})

/** How much of the stream of changes a node has. */
const offset = async (server: TestServer) =>
  /master_repl_offset:\d+/.exec(await ask(server, 'INFO', 'replication'))?.[0]

async function keyOn(server: TestServer): Promise<string> {
  for (let index = 0; ; index++) {
    const slot = Number(await ask(server, 'CLUSTER', 'KEYSLOT', `tag-${index}`))
    if (slot <= Number(slots[0][1])) return `tag-${index}`
  }
}
