import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis as IoRedis } from 'ioredis'
import { createClient } from 'redis'
import { afterEach, describe, expect, it } from 'vitest'
import { createProbes } from '../../adapters/platforms/container/probes.ts'
import { type RedisClient, redisStore } from '../../adapters/stores/redis/index.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import { createSessions, type SessionEvent, type UnavailableReason } from '../../src/index.ts'
import { secrets } from '../support/outage.ts'
import { freePort, startRedis, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'

/** No test here is about this deadline: a busy machine is no outage. */
const callMs = 20_000

type Login = { readonly username: string; readonly password: string }
type Connect = (port: number, login?: Login) => Promise<RedisClient>

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

const clients: [name: string, connect: Connect][] = [
  [
    'node-redis',
    async (port, login) => {
      const client = createClient({ socket: { host: '127.0.0.1', port }, ...login })
      client.on('error', () => {})
      endings.push(() => client.destroy())
      return client.connect()
    },
  ],
  [
    'ioredis',
    async (port, login) => {
      const client = new IoRedis(port, '127.0.0.1', { autoResendUnfulfilledCommands: false, ...login })
      client.on('error', () => {})
      endings.push(() => client.disconnect())
      return client
    },
  ],
]

async function start(...args: readonly string[]): Promise<TestServer> {
  const server = await startRedis(args)
  endings.push(() => server.stop())
  return server
}

async function admin(server: TestServer, ...commands: readonly (readonly string[])[]): Promise<void> {
  const client = await createClient({ socket: { host: server.host, port: server.port } }).connect()
  for (const command of commands) await client.sendCommand([...command])
  client.destroy()
}

const limited = async (...rules: readonly string[]) => {
  const server = await start()
  await admin(server, ['ACL', 'SETUSER', 'shop', 'on', '>pass', '~*', '+@all', ...rules])
  return { port: server.port, login: { username: 'shop', password: 'pass' } }
}

const troubles: [what: string, UnavailableReason, () => Promise<{ port: number; login?: Login }>][] = [
  ['a user without GETEX', 'forbidden', () => limited('-getex')],
  ['a user without EVAL', 'forbidden', () => limited('-eval')],
  ['a user without GET, which only the script calls', 'forbidden', () => limited('-get')],
  ['a user of other keys only', 'forbidden', () => limited('resetkeys', '~shop:*')],
  ['a server without GETEX', 'missing-command', () => start('--rename-command', 'GETEX', '')],
  ['a server without EVAL', 'missing-command', () => start('--rename-command', 'EVAL', '')],
  ['a server that wants a password', 'authentication', () => start('--requirepass', 'secret')],
  [
    'a replica',
    'read-only',
    async () => {
      const master = await start()
      return start('--replicaof', '127.0.0.1', `${master.port}`)
    },
  ],
  ['a full server', 'out-of-memory', () => start('--maxmemory', '1', '--maxmemory-policy', 'noeviction')],
  [
    'a server that is told to stop writing while too few replicas follow',
    'writes-stopped',
    () => start('--min-replicas-to-write', '1'),
  ],
  ['a node of a cluster without slots', 'not-ready', () => startNode()],
  ['a node of a cluster that has other slots', 'moved', () => startSecondNode()],
]

/** The bus has a port of its own, by default 10,000 above: often one that is in use. */
async function startNode(busPort?: string): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'redis-node-'))
  endings.push(() => rm(folder, { recursive: true, force: true }))
  return start('--dir', folder, '--cluster-enabled', 'yes', '--cluster-port', busPort ?? `${await freePort()}`)
}

async function startSecondNode(): Promise<TestServer> {
  const bus = `${await freePort()}`
  const [first, second] = [await startNode(bus), await startNode()]
  await admin(first, ['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
  await admin(second, ['CLUSTER', 'MEET', first.host, `${first.port}`, bus])
  const client = await createClient({ socket: { host: second.host, port: second.port } }).connect()
  endings.push(() => client.destroy())
  const knows = async () => expect(await client.sendCommand<string>(['CLUSTER', 'INFO'])).toContain('cluster_state:ok')
  await waitFor(knows)
  return second
}

describe.each(clients)('%s tells what is wrong with a redis (F31)', (name, connect) => {
  const isIo = name === 'ioredis'
  // node-redis does not even connect where it is not let in.
  const known = troubles.filter(([, reason]) => isIo || reason !== 'authentication')

  it.each(known)('%s: %s, in check(), the error, the event and /readyz', async (_what, reason, begin) => {
    const { port, login } = await begin()
    const store = redisStore({ client: await connect(port, login), callMs })
    // ioredis queues what is asked before it is connected.
    await waitFor(async () => {
      expect(await store.check?.()).toEqual({ ready: false, nodes: [{ node: 'redis', up: false, reason }] })
    })
    await waitFor(async () => {
      const body = await (await createProbes(store, () => false)(new Request('http://localhost/readyz')))?.json()
      expect(body).toEqual({ ready: false, stopping: false, nodes: [{ node: 'redis', up: false, reason }] })
    })
    const both = replicatedStore({
      stores: [store, redisStore({ client: await connect((await start()).port), callMs })],
    })
    endings.push(() => both.close?.())
    await waitFor(async () => {
      expect(await both.check?.()).toMatchObject({ ready: true, nodes: [{ up: false, reason }, { up: true }] })
    })
  })

  it('says so in the error and in the event of the request that it hits', async () => {
    const { port, login } = await limited('-getex')
    const store = redisStore({ client: await connect(port, login) })
    const events: SessionEvent[] = []
    const sessions = createSessions({
      store,
      secret: 'a secret of thirty-two characters',
      onEvent: (e) => events.push(e),
    })
    const first = sessions.open(null)
    first.session.set('user', 'alice')
    const cookie = (await first.commit()).setCookie?.split(';')[0]
    const error = await sessions
      .open(cookie)
      .session.get('user')
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'unavailable', reason: 'forbidden' })
    expect(`${error}`).toContain('NOPERM')
    expect(events).toContainEqual(expect.objectContaining({ type: 'unavailable', reason: 'forbidden' }))
  })

  it('is ready where all is well, and leaves nothing behind', async () => {
    const server = await start()
    const store = redisStore({ client: await connect(server.port) })
    expect(await store.check?.()).toMatchObject({ ready: true, nodes: [{ up: true }] })
    const observer = await createClient({ socket: { host: server.host, port: server.port } }).connect()
    endings.push(() => observer.destroy())
    const stats = await observer.info('commandstats')
    for (const command of ['getex:calls=1', 'eval:calls=1', 'set:calls=3']) expect(stats).toContain(command)
    await waitFor(async () => expect(await observer.dbSize()).toBe(0))
  })
})

it('a forgotten connect() of node-redis is not-connected (F31)', async () => {
  const server = await start()
  const store = redisStore({ client: createClient({ socket: { host: server.host, port: server.port } }) })
  await expect(store.read(secrets.key)).rejects.toMatchObject({ reason: 'not-connected' })
  expect(await store.check?.()).toMatchObject({ ready: false, nodes: [{ reason: 'not-connected' }] })
})

it('a client that may not queue says at once that its server is away (F31)', async () => {
  const server = await start()
  const socket = { host: server.host, port: server.port }
  const node = createClient({ socket, disableOfflineQueue: true })
  const io = new IoRedis({ ...socket, enableOfflineQueue: false, autoResendUnfulfilledCommands: false })
  for (const client of [node, io]) client.on('error', () => {})
  await node.connect()
  endings.push(
    () => node.destroy(),
    () => io.disconnect(),
  )
  await waitFor(() => io.ping())
  await server.stop()
  await waitFor(() => expect([node.isReady, io.status]).not.toContain(true))
  for (const client of [node, io]) {
    await waitFor(async () => {
      expect(await redisStore({ client }).check?.()).toMatchObject({ nodes: [{ up: false, reason: 'not-connected' }] })
    })
  }
})

it('a frozen server is a timeout, and a check waits for it once (F31)', async () => {
  const server = await start()
  const client = new IoRedis(server.port, '127.0.0.1', { autoResendUnfulfilledCommands: false })
  endings.push(() => client.disconnect())
  let asked = 0
  const call = (command: string, ...args: string[]) => {
    asked++
    return client.call(command, ...args)
  }
  const store = redisStore({ client: { call } })
  await waitFor(() => store.read(secrets.key))
  server.signal('SIGSTOP')
  asked = 0
  expect(await store.check?.()).toEqual({ ready: false, nodes: [{ node: 'redis', up: false, reason: 'timeout' }] })
  expect(asked).toBe(1)
  server.signal('SIGCONT')
})

it('ioredis with stringNumbers works (F31)', async () => {
  const server = await start()
  const client = new IoRedis(server.port, '127.0.0.1', { autoResendUnfulfilledCommands: false, stringNumbers: true })
  endings.push(() => client.disconnect())
  const store = redisStore({ client })
  await store.create(secrets.key, secrets.value, 60)
  await store.delete(secrets.key)
  await store.delete(secrets.key)
  expect(await store.read(secrets.key)).toBeNull()
  expect(await store.check?.()).toMatchObject({ ready: true })
})
