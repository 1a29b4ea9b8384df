import { Redis as IoRedis } from 'ioredis'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type RedisClient, redisStore } from '../../adapters/stores/redis/index.ts'
import type { Store } from '../../src/store.ts'
import { everyVerb, expectOutage, expectSilent, secrets, watchRejections } from '../support/outage.ts'
import { stopwatch } from '../support/own-time.ts'
import { startRedis, type TestServer } from '../support/servers.ts'
import { type ProxyMode, startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { waitFor } from '../support/wait-for.ts'

const { key, value } = secrets
/** The default deadline of a call and what a loaded machine may add. */
const inTime = 250 + 100

interface Connected {
  readonly client: RedisClient
  readonly close: () => void
}

/** Without it neither client leaves a connection that has gone silent, until the kernel does (Linux: after 15 minutes). */
const socketTimeout = 1000
/** The strategy node-redis comes with closes the client for good after a socketTimeout. */
const reconnectStrategy = (retries: number) => Math.min(50 * 2 ** retries, 500)

/** As an application should: the address, a listener for errors and that time-out; all else as it comes. */
const clients: [name: string, connect: (port: number) => Promise<Connected>][] = [
  [
    'node-redis',
    async (port) => {
      const client = createClient({ socket: { host: '127.0.0.1', port, socketTimeout, reconnectStrategy } })
      client.on('error', () => {})
      await client.connect()
      return { client, close: () => client.destroy() }
    },
  ],
  [
    'ioredis',
    async (port) => {
      const client = new IoRedis(port, '127.0.0.1', { socketTimeout, autoResendUnfulfilledCommands: false })
      client.on('error', () => {})
      await client.ping()
      return { client, close: () => client.disconnect() }
    },
  ],
]

let server: TestServer
let proxy: TcpProxy
let rejections: ReturnType<typeof watchRejections>
let connected: Connected
let store: Store

beforeEach(async () => {
  rejections = watchRejections()
  server = await startRedis()
  proxy = await startTcpProxy(server.port)
})

afterEach(async () => {
  connected.close()
  await proxy[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  rejections.stop()
  expect(rejections.count).toBe(0)
})

/** The same store, the same client, the same process: it must come back by itself. */
const recovers = (interval = 50) =>
  vi.waitFor(async () => expect(await store.delete(key)).toBeUndefined(), { timeout: 10_000, interval })

async function expectAllDown(): Promise<void> {
  // In parallel, so that the whole suite of verbs costs one deadline.
  await Promise.all(everyVerb(store).map((call) => expectOutage(call(), inTime)))
  const watch = stopwatch()
  expect(await store.check?.()).toMatchObject({ ready: false, nodes: [{ up: false }] })
  expect(watch()).toBeLessThan(inTime)
}

describe.each(clients)('%s', (name, connect) => {
  const through = async (port: number) => {
    connected = await connect(port)
    store = redisStore({ client: connected.client })
  }

  test('a frozen server is an outage in time; it thaws and all is well', async () => {
    await through(server.port)
    await store.create(key, value, 60)
    server.signal('SIGSTOP')
    await expectAllDown()
    server.signal('SIGCONT')
    await recovers()
  })

  test('a killed server is an outage, before and after the client noticed; it restarts and all is well', async () => {
    await through(server.port)
    await store.create(key, value, 60)
    await server.stop()
    await expectAllDown()
    await expectAllDown()
    await server.restart()
    await recovers()
    expect(await store.read(key)).toBeNull()
  })

  test.each<ProxyMode>(['silent', 'fin', 'reset', 'cut-reply', 'garbage'])(
    '%s: an outage, then recovery',
    async (mode) => {
      await through(proxy.port)
      await store.create(key, value, 60)
      proxy.mode = mode
      for (const call of everyVerb(store)) await expectOutage(call(), inTime)
      proxy.mode = 'pass'
      // node-redis takes its own writes for signs of life (net.Socket setTimeout): it needs a quiet second to let go.
      await recovers(name === 'node-redis' && mode === 'silent' ? 2 * socketTimeout : 50)
    },
  )

  test('a caller that gives up is answered at once, and not sent when it gave up before', async () => {
    await through(server.port)
    server.signal('SIGSTOP')
    const control = new AbortController()
    const pending = store.read(key, { signal: control.signal })
    setTimeout(() => control.abort(new Error(`because of ${key}`)), 20)
    await expectOutage(pending, 60)
    await expectOutage(store.create(key, value, 60, { signal: control.signal }), 20)
    server.signal('SIGCONT')
    await recovers()
    expect(await store.read(key)).toBeNull()
  })

  test('a signal that never aborts keeps no listener', async () => {
    await through(server.port)
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    await store.read(key, { signal })
    server.signal('SIGSTOP')
    await expectOutage(store.read(key, { signal }), inTime)
    server.signal('SIGCONT')
    expect(add).toHaveBeenCalledTimes(2)
    expect(remove.mock.calls.map(([, listener]) => listener)).toEqual(add.mock.calls.map(([, listener]) => listener))
  })

  test('a handler that blocks the process longer than the deadline does not turn an answer into an outage', async () => {
    await through(server.port)
    await store.create(key, value, 60)
    const pending = store.read(key)
    // Lets the command out, then holds the loop while the answer arrives.
    await new Promise((turn) => setImmediate(turn))
    for (const until = performance.now() + 400; performance.now() < until; );
    expect((await pending)?.value).toEqual(value)
  })

  test('an update whose reply is lost is never applied twice nor a conflict with itself', async () => {
    await through(proxy.port)
    const created = (await store.create(key, new TextEncoder().encode('before'), 60)) as { version: string }
    // Redis knows the script: what is lost is the answer to having run it.
    await store.update(key, value, 60, 'another version')
    proxy.mode = 'lose-one-reply'
    const result = await store.update(key, value, 60, created.version).catch((error: unknown) => error)
    // Nobody sends it again: a second run could meet another's change and be applied on top of it.
    expect(result).toMatchObject({ code: 'unavailable' })
    expectSilent(result instanceof Error ? result : undefined)
    await vi.waitFor(async () => expect((await store.read(key))?.value).toEqual(value), { timeout: 5000 })
  })

  test('what the server refuses is an outage that names its code and nothing else', async () => {
    await through(server.port)
    const admin = createClient({ socket: { host: server.host, port: server.port } })
    await admin.connect()
    await admin.configSet('maxmemory', '1')
    const error = await expectOutage(store.create(key, value, 60), inTime)
    expect(error.message).toContain('OOM')
    await admin.configSet('maxmemory', '0')
    await admin.sendCommand(['ACL', 'SETUSER', 'default', '-get'])
    // ACL errors of redis 7 quote the command.
    expect((await expectOutage(store.read(key), inTime)).message).toContain('NOPERM')
    admin.destroy()
  })
})

test('node-redis: a write that waited for a dead server is not sent once it lives again', async () => {
  const client = createClient({ socket: { host: server.host, port: server.port } })
  client.on('error', () => {})
  await client.connect()
  connected = { client, close: () => client.destroy() }
  store = redisStore({ client })
  await server.stop()
  await waitFor(() => expect(client.isReady).toBe(false))
  await expectOutage(store.create(key, value, 60), inTime)
  await server.restart()
  await vi.waitFor(() => expect(client.isReady).toBe(true), { timeout: 10_000 })
  expect(await store.read(key)).toBeNull()
})

describe('a client of any kind', () => {
  beforeEach(() => {
    connected = { client: { call: async () => null }, close: () => {} }
  })
  const quoting = `ERR failed: GET ${key} ${new TextDecoder().decode(value)}`
  const failures: [what: string, fail: () => Promise<unknown>][] = [
    ['rejects with the command in message, property and cause', () => Promise.reject(leaky(quoting))],
    ['rejects with a text', () => Promise.reject(quoting)],
    ['rejects with undefined', () => Promise.reject(undefined)],
    ['rejects with a code that is none', () => Promise.reject(Object.assign(new Error(key), { code: key }))],
    ['rejects with a key that looks like a reply code', () => Promise.reject(new Error(`${key} is wrong`))],
    [
      'throws',
      () => {
        throw new Error(quoting)
      },
    ],
    ['never answers', () => new Promise(() => {})],
    ['answers with the command', async () => ({ command: [key] })],
    ['rejects long after the deadline', () => new Promise((_, reject) => setTimeout(reject, 400, leaky(quoting)))],
  ]
  test.each(failures)('that %s is an outage and leaks nothing', async (_what, fail) => {
    const failing = redisStore({ client: { call: fail } })
    for (const call of everyVerb(failing)) await expectOutage(call(), inTime)
    await new Promise((later) => setTimeout(later, 200))
  })
})

function leaky(text: string): Error {
  return Object.assign(new Error(text, { cause: new Error(text) }), { command: { name: 'get', args: [key] } })
}
