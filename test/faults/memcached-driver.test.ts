import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { binaryDriver } from '../../adapters/stores/memcached/client/binary/driver.ts'
import type { Driver } from '../../adapters/stores/memcached/client/driver.ts'
import { type Connection, Link } from '../../adapters/stores/memcached/client/reconnect.ts'
import { type MemcachedOptions, memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { StoreUnavailableError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { loopback } from '../support/driver-store.ts'
import { busy } from '../support/lab/busy.ts'
import { stopwatch } from '../support/own-time.ts'
import { startMemcached } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'

/** What a node that is back may take until it is used again, by itself. */
const recovery = { timeout: 2000 * busy, interval: 10 }
/** A deadline so far away that whatever settles before it was not settled by it. */
const far = { connectMs: 30_000, callMs: 30_000 }
const soonMs = 5000

/** What the battery of all drivers (memcached-battery.ts) does not ask: memjs's own faults, and the store around the drivers. */
const protocols = ['meta', 'classic', 'binary'] as const

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => (value ? new TextDecoder().decode(value) : undefined)
let keys = 0
const newKey = () => `session:${(keys++).toString().padStart(43, 'k')}`

const open: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})
function storeOf(port: number, options: Partial<MemcachedOptions> = {}): Store {
  const store = memcachedStore({ servers: [{ host: '127.0.0.1', port }], ...options })
  open.push(() => store.close?.())
  return store
}
function driverOn(port: number): Driver {
  const driver = binaryDriver(loopback(port), far)
  open.push(async () => driver.close())
  return driver
}

/** Settles every promise or fails: a call that hangs is the fault these tests are about. */
async function within<T>(ms: number, calls: readonly Promise<T>[]): Promise<PromiseSettledResult<T>[]> {
  const late = AbortSignal.timeout(ms)
  const timeout = new Promise<never>((_, reject) => {
    late.addEventListener('abort', () => reject(new Error(`not settled within ${ms} ms`)))
  })
  return Promise.race([Promise.allSettled(calls), timeout])
}

function expectOutage(result: PromiseSettledResult<unknown>): void {
  expect(result).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailableError) })
}

interface Fake {
  readonly port: number
  readonly sockets: Set<Socket>
  close(): Promise<void>
}

async function fakeServer(serve: (socket: Socket) => void, port = 0): Promise<Fake> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)))
    serve(socket)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    const closed = server.listening ? once(server, 'close') : undefined
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  open.push(close)
  return { port: (server.address() as AddressInfo).port, sockets, close }
}

interface Request {
  readonly opcode: number
  readonly opaque: number
  readonly key: string
}

/** Calls back with each complete request of the binary protocol. */
function onRequest(socket: Socket, answer: (request: Request) => void): void {
  let data = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    data = Buffer.concat([data, chunk as Buffer])
    while (data.length >= 24 && data.length >= 24 + data.readUInt32BE(8)) {
      const [keyBytes, extras] = [data.readUInt16BE(2), data.readUInt8(4)]
      const key = data.toString('latin1', 24 + extras, 24 + extras + keyBytes)
      const request = { opcode: data.readUInt8(1), opaque: data.readUInt32BE(12), key }
      data = data.subarray(24 + data.readUInt32BE(8))
      // Asked by every connection at first; nothing is told here.
      if (request.opcode === 0x10) socket.write(reply(request, '', 0x81))
      else answer(request)
    }
  })
}

function reply({ opcode, opaque }: { opcode: number; opaque: number }, value: string, status = 0): Buffer {
  const packet = Buffer.alloc(28 + Buffer.byteLength(value))
  packet.writeUInt8(0x81, 0)
  packet.writeUInt8(opcode, 1)
  packet.writeUInt8(4, 4)
  packet.writeUInt16BE(status, 6)
  packet.writeUInt32BE(packet.length - 24, 8)
  packet.writeUInt32BE(opaque, 12)
  packet.writeUInt32BE(7, 20)
  packet.write(value, 28)
  return packet
}

test.each(protocols)('a server that accepts and says nothing: the deadline, and no longer: %s', async (protocol) => {
  const fake = await fakeServer(() => {})
  const store = storeOf(fake.port, { connectMs: 100, callMs: 100, protocol })
  const watch = stopwatch()
  const [result] = await within(soonMs, [store.read(newKey())])
  expectOutage(result as PromiseSettledResult<unknown>)
  expect(watch()).toBeLessThan(1000)
})

test.each(['FIN', 'RST'])('%s after the request: memjs neither writes to the console nor asks again', async (kind) => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  let requests = 0
  const fake = await fakeServer((socket) => {
    onRequest(socket, () => {
      requests++
      if (kind === 'FIN') socket.end()
      else socket.resetAndDestroy()
    })
  })
  for (let round = 0; round < 5; round++) {
    const driver = driverOn(fake.port)
    const calls = Array.from({ length: 10 }, () => driver.add(newKey(), bytes('x'), 60))
    for (const result of await within(soonMs, calls)) expectOutage(result)
  }
  const before = requests
  await sleep(500) // memjs would try again after 200 ms
  expect(requests).toBe(before)
  expect(log).not.toHaveBeenCalled()
  log.mockRestore()
})

describe('nonsense from the server ends the connection at once, and nobody gets a wrong value', () => {
  const forged = 'mallory'
  const answers: Record<string, (request: Request) => Buffer | string> = {
    'a text line': () => 'ERROR Too many open connections\r\n',
    'a short text line': () => 'ERROR\r\n',
    'a request instead of a reply': (request) => {
      const packet = reply(request, forged)
      packet.writeUInt8(0x80, 0)
      return packet
    },
    'the number of another request': (request) => reply({ ...request, opaque: request.opaque + 1 }, forged),
    'the number of no request': (request) => reply({ ...request, opaque: 0 }, forged),
    'another opcode': (request) => reply({ ...request, opcode: request.opcode + 1 }, forged),
    'an unknown status': (request) => reply(request, forged, 0x84),
    'a body without end': (request) => {
      const packet = reply(request, forged)
      packet.writeUInt32BE(0x7fffffff, 8)
      return packet
    },
    'a body shorter than its parts': (request) => {
      const packet = reply(request, forged)
      packet.writeUInt32BE(2, 8)
      return packet.subarray(0, 26)
    },
    'two replies to one request': (request) => Buffer.concat([reply(request, forged), reply(request, forged)]),
  }

  test.each(Object.keys(answers))('%s', async (name) => {
    let requests = 0
    const fake = await fakeServer((socket) => {
      onRequest(socket, (request) => {
        if (requests++ === 0) socket.write(answers[name]?.(request) ?? '')
        // silence afterwards: whoever is not rejected now waits for the deadline
      })
    })
    const driver = driverOn(fake.port)
    const results = await within(soonMs, [driver.get(newKey()), driver.get(newKey()), driver.get(newKey())])
    for (const result of results) expectOutage(result)
    await waitFor(() => expect(fake.sockets.size).toBe(0))
  })
})

describe('pauses between connections', () => {
  function failingLink(isProven: boolean) {
    let opened = 0
    const link = new Link<Connection>('node', (onFault) => {
      opened++
      const error = new StoreUnavailableError('refused')
      const connection: Connection = {
        ...{ epoch: `${opened}`, isOpen: false, isProven, isSpent: false, retire() {}, close() {} },
        opened: Promise.reject(error),
      }
      queueMicrotask(() => onFault(connection, error))
      return connection
    })
    const attempt = () => link.connection().catch((error: unknown) => error)
    return { attempt, opened: () => opened }
  }
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('are 50 ms at most, however long nothing answers, and waited for (F5)', async () => {
    const longest = vi.spyOn(Math, 'random').mockReturnValue(0.999)
    const { attempt, opened } = failingLink(false)
    expect(await attempt()).toBeInstanceOf(StoreUnavailableError)
    for (let nth = 2; nth < 22; nth++) {
      const waiting = [attempt(), attempt()]
      await vi.advanceTimersByTimeAsync(20)
      expect(opened()).toBe(nth - 1)
      await vi.advanceTimersByTimeAsync(31)
      for (const error of await Promise.all(waiting)) expect(error).toBeInstanceOf(StoreUnavailableError)
      expect(opened()).toBe(nth)
    }
    longest.mockRestore()
  })

  test('are not made after a connection that had answered', async () => {
    const { attempt, opened } = failingLink(true)
    for (let nth = 1; nth < 6; nth++) {
      await attempt()
      expect(opened()).toBe(nth)
    }
  })
})

test('what throws while it connects is a failed connection: an outage, a pause, and nothing left open (F26)', async () => {
  let accepted = 0
  const fake = await fakeServer(() => void accepted++)
  const connect = vi.spyOn(process.getBuiltinModule('node:tls'), 'connect').mockImplementation(() => {
    throw new TypeError('a PEM that cannot be read')
  })
  const store = storeOf(fake.port, { tls: true })
  try {
    await vi.waitFor(async () => {
      for (const result of await Promise.allSettled([store.check?.(), store.read(newKey()), store.read(newKey())]))
        if (result.status === 'rejected') expectOutage(result)
      expect(connect.mock.calls.length).toBeGreaterThan(3)
    }, recovery)
    // The last in the queue: once it is accepted, so is whatever came before it.
    const before = accepted
    const last = createConnection(fake.port, '127.0.0.1')
    await once(last, 'connect')
    await vi.waitFor(() => expect(accepted).toBeGreaterThan(before), recovery)
    last.destroy()
    await vi.waitFor(() => expect(fake.sockets.size).toBe(0), recovery)
  } finally {
    connect.mockRestore()
  }
})

describe('a restart of memcached', () => {
  test('after a long outage it is found again within 2 s', async () => {
    await using server = await startMemcached()
    const store = storeOf(server.port)
    await store.read(newKey())
    await server.stop()
    for (let i = 0; i < 200; i++) {
      await store.read(newKey()).catch(() => {})
      await sleep(15)
    }
    await server.restart()
    await vi.waitFor(async () => expect(await store.read(newKey())).toBeNull(), recovery)
  })

  test.each([
    ['meta', 'at once'],
    ['meta', 'after other reads'],
    ['binary', 'at once'],
    ['binary', 'after other reads'],
  ] as const)('its numbers repeat, and still an old version is a conflict: %s, %s', async (protocol, when) => {
    await using server = await startMemcached()
    const store = storeOf(server.port, { protocol })
    const key = newKey()
    const before = await store.create(key, bytes('before'), 60)
    if (before.status !== 'stored') throw new Error(before.status)
    await server.restart()
    const other = storeOf(server.port, { protocol })
    const after = await other.create(key, bytes('of another user'), 60)
    if (after.status !== 'stored') throw new Error(after.status)
    // The trap is set: same key, same number, only the connection differs.
    const numberOf = (version: string) => /[0-9a-f]{16}:(\d+)/.exec(version)?.[1] ?? 'none'
    expect(numberOf(after.version)).toBe(numberOf(before.version))
    expect(numberOf(after.version)).toMatch(/^\d+$/)
    expect(after.version).not.toBe(before.version)
    if (when === 'after other reads') await vi.waitFor(() => store.read(newKey()), recovery)
    expect(await store.update(key, bytes('stale'), 60, before.version)).toMatchObject({ status: 'conflict' })
    expect(text((await other.read(key))?.value)).toBe('of another user')
  })
})

/** The text client's own are in memcached-text.test.ts. */
describe('an idle store over memjs', () => {
  const storeUrl = new URL('../../adapters/stores/memcached/index.ts', import.meta.url)

  /** A process of its own, without a test runner that would catch what nobody else catches. */
  async function run(
    port: number,
    script: string,
    onLine: (line: string, child: ChildProcess) => void,
  ): Promise<object> {
    const head = `
      import { memcachedStore } from ${JSON.stringify(fileURLToPath(storeUrl))}
      const store = memcachedStore({ servers: ['127.0.0.1:${port}'], protocol: 'binary', connectMs: 5000, callMs: 5000 })
      await store.create('key', new Uint8Array(3), 60)
      `
    const child = spawn(process.execPath, ['--input-type=module', '-e', head + script])
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    child.stdout.on('data', (chunk) => onLine(`${chunk}`.trim(), child))
    const [code] = await once(child, 'close', { signal: AbortSignal.timeout(120_000) })
    return { code, errors }
  }

  const readAfterwards = `
    console.log('idle')
    await new Promise((next) => process.stdin.resume().once('end', next))
    const outcome = await store.read('key').catch((error) => error)
    console.log(outcome.name)
    process.exit(outcome.name === 'StoreUnavailableError' ? 0 : 3)`

  test('whose server is killed throws nothing by itself, and an outage when it is asked', async () => {
    await using server = await startMemcached()
    const ended = run(server.port, readAfterwards, (line, child) => {
      if (line !== 'idle') return
      server.signal('SIGKILL')
      setTimeout(() => child.stdin?.end(), 100)
    })
    expect(await ended).toEqual({ code: 0, errors: '' })
  })

  test('whose connection is reset throws nothing by itself, and an outage when it is asked', async () => {
    const fake = await fakeServer((socket) => onRequest(socket, (request) => socket.write(reply(request, ''))))
    const ended = run(fake.port, readAfterwards, (line, child) => {
      if (line !== 'idle') return
      for (const socket of fake.sockets) socket.resetAndDestroy()
      setTimeout(() => fake.close().finally(() => child.stdin?.end()), 100)
    })
    expect(await ended).toEqual({ code: 0, errors: '' })
  })

  test('does not keep its process alive', async () => {
    await using server = await startMemcached()
    const start = performance.now()
    const result = await run(server.port, `console.log('idle')`, () => {})
    expect(result).toEqual({ code: 0, errors: '' })
    expect(performance.now() - start).toBeLessThan(15_000)
  })

  test('keeps it alive while a call waits', async () => {
    const fake = await fakeServer((socket) => {
      onRequest(socket, (request) => setTimeout(() => socket.write(reply(request, 'x')), 150))
    })
    const lines: string[] = []
    const result = await run(fake.port, `await store.read('key'); console.log('answered')`, (line) => lines.push(line))
    expect(result).toEqual({ code: 0, errors: '' })
    expect(lines).toContain('answered')
  })
})
