import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, createSentinel } from 'redis'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { storeCases } from '../conformance/index.ts'
import { realClock } from '../support/clock.ts'
import { startRedis, startServer, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'

const bytes = (text: string) => new TextEncoder().encode(text.padEnd(48, '.'))

const endings: (() => unknown)[] = []
let master: TestServer
let replica: TestServer
let client: Awaited<ReturnType<typeof connect>>

beforeEach(async () => {
  master = await start()
  replica = await start('--replicaof', master.host, `${master.port}`)
  await waitFor(async () => expect(await ask(replica, 'INFO', 'replication')).toContain('master_link_status:up'))
  const sentinel = await startSentinel()
  await waitFor(async () => expect(await ask(sentinel, 'SENTINEL', 'REPLICAS', 'shop')).toContain(`${replica.port}`))
  client = await connect(sentinel)
})

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function start(...args: readonly string[]): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-node-'))
  endings.push(() => rm(folder, { recursive: true, force: true }))
  const server = await startRedis(['--dir', folder, ...args])
  endings.push(() => server.stop())
  return server
}

/** One is enough here: its quorum is 1. It writes what it learns into its file. */
async function startSentinel(): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-sentinel-'))
  endings.push(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'sentinel.conf')
  const lines = [
    `sentinel monitor shop ${master.host} ${master.port} 1`,
    'sentinel down-after-milliseconds shop 1000',
    // Where a try fails on a busy machine the next one comes after twice this time.
    'sentinel failover-timeout shop 1000',
  ]
  await writeFile(file, `${lines.join('\n')}\n`)
  const sentinel = await startServer((port) => [
    ...['redis-server', file, '--sentinel', '--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder],
  ])
  endings.push(() => sentinel.stop())
  return sentinel
}

async function connect({ host, port }: TestServer) {
  const sentinel = createSentinel({ name: 'shop', sentinelRootNodes: [{ host, port }] })
  sentinel.on('error', () => {})
  endings.push(() => sentinel.destroy())
  return sentinel.connect()
}

async function ask(server: TestServer, ...command: readonly string[]): Promise<string> {
  const client = createClient({ socket: { host: server.host, port: server.port } }).on('error', () => {})
  await client.connect()
  try {
    return JSON.stringify(await client.sendCommand([...command]))
  } finally {
    client.destroy()
  }
}

it('a sentinel of node-redis keeps the contract of stores', async () => {
  const store = redisStore({ client, callMs: 20_000 })
  await Promise.all(storeCases.map(({ run }) => run(store, realClock)))
})

it('goes on with the next master where one is killed', async () => {
  const store = redisStore({ client, callMs: 2_000 })
  const { version } = (await store.create('k', bytes('before'), 600)) as { version: string }
  await waitFor(async () => expect(await ask(replica, 'EXISTS', 'k')).toBe('1'))
  await master.stop()
  await waitFor(async () => expect(await ask(replica, 'INFO', 'replication')).toContain('role:master'))
  expect((await waitFor(() => store.read('k')))?.version).toBe(version)
  expect(await store.update('k', bytes('after'), 600, version)).toMatchObject({ status: 'stored' })
})

it('never sends a write again that may have been stored, whatever its client would do', async () => {
  const store = redisStore({ client, callMs: 20_000 })
  const { version } = (await store.create('k', bytes('a'), 600)) as { version: string }
  await store.update('k', bytes('b'), 600, version)
  // The master has the command and does not answer; then its connections break, and it lives on.
  master.signal('SIGSTOP')
  const settled = store.create('sent-once', bytes('c'), 600).then(
    () => 'stored',
    (error: { reason?: string }) => error.reason,
  )
  await new Promise((wait) => setTimeout(wait, 300))
  await master.restart()
  expect(await settled).toBe('disconnected')
})
