import { spawn } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { parseServers } from '../../adapters/stores/memcached/address.ts'
import type { Driver } from '../../adapters/stores/memcached/client/driver.ts'
import { textDriver } from '../../adapters/stores/memcached/client/text/driver.ts'
import type { TextOptions } from '../../adapters/stores/memcached/client/text/options.ts'
import { SessionValueError, StoreUnavailableError } from '../../src/errors.ts'
import { storeCases } from '../conformance/index.ts'
import { createAuthority, type TestAuthority } from '../support/certificates.ts'
import { driverStore, loopback } from '../support/driver-store.ts'
import { statsOf } from '../support/lab/inspect.ts'
import { onTime } from '../support/on-time.ts'
import { expectSilent } from '../support/outage.ts'
import { stopwatch } from '../support/own-time.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { stopStill } from '../support/stop-still.ts'

const day = 86_400
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => (value ? new TextDecoder().decode(value) : undefined)
let keys = 0
const newKey = () => `session:${(keys++).toString().padStart(43, 'k')}`
const record = (size = 1024): Uint8Array => randomFillSync(new Uint8Array(size))
const times = { connectMs: 2000, callMs: 2000 }

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})
function driverOn(port: number, options: Partial<TextOptions> = {}): Driver {
  const driver = textDriver(loopback(port), { ...times, ...options })
  open.push(() => driver.close())
  return driver
}

async function ask(port: number, command: string): Promise<string> {
  const socket = createConnection(port, '127.0.0.1')
  socket.write(`${command}\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString('latin1')
}

/** The server's counters, past the client. */
async function stats(port: number): Promise<Record<string, number>> {
  const lines = (await ask(port, 'stats')).matchAll(/STAT (\S+) (\d+)\r/g)
  return Object.fromEntries([...lines].map(([, name, value]) => [name, Number(value)]))
}

/** Answers each line as told and keeps what it was sent. */
async function scripted(answer: (line: string, socket: Socket) => string | undefined) {
  const lines: string[] = []
  const server = createServer((socket) => {
    let rest = ''
    socket.setEncoding('latin1').on('error', () => {})
    socket.on('data', (chunk) => {
      const parts = (rest + chunk).split('\r\n')
      rest = parts.pop() ?? ''
      for (const line of parts) {
        if (line === 'stats settings') {
          socket.write('END\r\n')
          continue
        }
        lines.push(line)
        const reply = answer(line, socket)
        if (reply !== undefined) socket.write(reply, 'latin1')
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => server.close())
  return { port: (server.address() as { port: number }).port, lines }
}

describe.each(['meta', 'classic'] as const)('%s on memcached', (protocol) => {
  let server: TestServer
  let shared: Driver
  beforeAll(async () => {
    server = await startMemcached()
    shared = textDriver(loopback(server.port), { ...times, protocol })
  })
  afterAll(async () => {
    shared.close()
    await server.stop()
  })

  test.concurrent.each(storeCases)('$name', async ({ run }) => {
    await onTime((clock) => run(driverStore(shared), clock))
  })

  test.each([1, 30, 31, 400])('%i days are kept as asked', async (days) => {
    const driver = driverOn(server.port, { protocol })
    const [created, touched, put] = [newKey(), newKey(), newKey()]
    const seconds = days * day
    const result = await driver.add(created, record(), seconds)
    await driver.add(touched, record(), 60)
    await driver.getAndTouch(touched, seconds)
    await driver.set(put, record(), seconds)
    const ttlOf = async (key: string) => Number(/^HD t(\d+)/.exec(await ask(server.port, `mg ${key} t`))?.[1])
    for (const key of [created, touched, put]) expect(Math.abs((await ttlOf(key)) - seconds)).toBeLessThanOrEqual(2)
    if (result.status !== 'stored') throw new Error(result.status)
    expect(await driver.cas(touched, record(), seconds, result.version)).toMatchObject({ status: 'conflict' })
    expect(await driver.cas(created, record(), seconds, result.version)).toMatchObject({ status: 'stored' })
    expect(Math.abs((await ttlOf(created)) - seconds)).toBeLessThanOrEqual(2)
  })

  test('a version of another connection is a conflict and is not sent', async () => {
    const [mine, other] = [driverOn(server.port, { protocol }), driverOn(server.port, { protocol })]
    const key = newKey()
    const created = await mine.add(key, bytes('one'), 60)
    if (created.status !== 'stored') throw new Error(created.status)
    expect(await other.get(key)).not.toBeNull()
    const before = await stats(server.port)
    expect(await other.cas(key, bytes('x'), 60, created.version)).toEqual({ status: 'conflict' })
    for (const version of ['', 'a', ':', `${created.version} 0\r\nflush_all`])
      expect(await mine.cas(key, bytes('x'), 60, version)).toEqual({ status: 'conflict' })
    const after = await stats(server.port)
    expect([after.cmd_set, after.cmd_get]).toEqual([before.cmd_set, before.cmd_get])
    expect(text((await mine.get(key))?.value)).toBe('one')
  })

  test('a read that touches is one request', async () => {
    const driver = driverOn(server.port, { protocol })
    const key = newKey()
    await driver.add(key, bytes('one'), 60)
    const before = await stats(server.port)
    expect(text((await driver.getAndTouch(key, 600))?.value)).toBe('one')
    const after = await stats(server.port)
    expect((after.cmd_touch ?? 0) - (before.cmd_touch ?? 0)).toBe(1)
  })

  test('2,000 at once, each with its own value', async () => {
    const driver = driverOn(server.port, { protocol })
    const values = Array.from({ length: 2000 }, (_, at) => record(1 + ((at * 37) % 3000)))
    const mine = values.map(newKey)
    await Promise.all(mine.map((key, at) => driver.add(key, values[at] as Uint8Array, 60)))
    const entries = await Promise.all(mine.map((key) => driver.get(key)))
    for (const [at, entry] of entries.entries()) expect(entry?.value).toEqual(values[at])
  })

  test('an aborted call rejects at once, its reply is dropped, the connection stays', async () => {
    const driver = driverOn(server.port, { protocol })
    const key = newKey()
    await driver.add(key, bytes('mine'), 60)
    const version = (await driver.get(key))?.version
    const controller = new AbortController()
    const call = driver.get(newKey(), controller.signal)
    controller.abort()
    await expect(call).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(driver.get(key, AbortSignal.abort())).rejects.toBeInstanceOf(StoreUnavailableError)
    expect((await driver.get(key))?.version).toBe(version)
  })

  test('a large value whose write was aborted may be changed at once', async () => {
    const driver = driverOn(server.port, { protocol })
    await driver.get(newKey())
    const key = newKey()
    const value = new Uint8Array(900_000).fill(1)
    const controller = new AbortController()
    const write = driver.set(key, value, 60, controller.signal)
    controller.abort()
    await expect(write).rejects.toBeInstanceOf(StoreUnavailableError)
    value.fill(2)
    await driver.get(newKey())
    const stored = await driver.get(key)
    if (stored) expect(stored.value.every((byte) => byte === 1)).toBe(true)
  })

  test('a value too large for the server is an error of its own, and the connection lives', async () => {
    await using small = await startMemcached(['-I', '512k'])
    const driver = driverOn(small.port, { protocol })
    const key = newKey()
    await driver.add(key, bytes('one'), 60)
    const version = (await driver.get(key))?.version
    const results = [driver.add(newKey(), record(700_000), 60), driver.get(key)]
    await expect(results[0]).rejects.toBeInstanceOf(SessionValueError)
    expect(await results[1]).toMatchObject({ version })
  })

  test('a server without numbers (-C) is refused', async () => {
    await using blind = await startMemcached(['-C'])
    const driver = driverOn(blind.port, { protocol })
    const key = newKey()
    await driver.set(key, bytes('one'), 60)
    await expect(driver.get(key)).rejects.toThrow(/compare-and-swap/)
  })

  test('stats among other calls, also in pieces and over END as a value', async () => {
    const driver = driverOn(server.port, { protocol })
    const key = newKey()
    await driver.set(key, bytes('END\r\nSTAT x 1'), 60)
    const [before, counters, after] = await Promise.all([driver.get(key), driver.stats?.(), driver.get(key)])
    expect(text(before?.value)).toBe('END\r\nSTAT x 1')
    expect(text(after?.value)).toBe('END\r\nSTAT x 1')
    expect(Number(counters?.get('curr_items'))).toBeGreaterThan(0)
    expect(counters?.get('version')).toBe(await driver.version())
    expect(driver.protocol).toBe(protocol)
  })

  test('version, and after close nothing', async () => {
    const driver = driverOn(server.port, { protocol })
    expect(await driver.version()).toMatch(/^\d+\.\d+\.\d+/)
    driver.close()
    const calls = [driver.get('k'), driver.set('k', record(), 60), driver.cas('k', record(), 60, 'v'), driver.version()]
    for (const result of await Promise.allSettled(calls))
      expect(result).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailableError) })
  })
})

describe('a memcached that does not evict (-M)', () => {
  test('is spoken to in classic, where a refused change keeps the old record and the connection', async () => {
    await using full = await startMemcached(['-M', '-m', '8'])
    const driver = driverOn(full.port)
    const key = newKey()
    await driver.add(key, bytes('one'), 60)
    const version = (await driver.get(key))?.version as string
    const fill = Array.from({ length: 200 }, () => driver.set(newKey(), record(100_000), 60))
    const reasons = (await Promise.allSettled(fill)).filter((result) => result.status === 'rejected')
    expect(reasons.length).toBeGreaterThan(0)
    for (const { reason } of reasons) expect(reason).toMatchObject({ code: 'unavailable', node: driver.node })
    await expect(driver.cas(key, record(100_000), 60, version)).rejects.toThrow(/memory/)
    expect(text((await driver.get(key))?.value)).toBe('one')
    expect((await driver.get(key))?.version).toBe(version)
  })

  test("is refused where protocol 'meta' was asked for", async () => {
    await using full = await startMemcached(['-M'])
    await expect(driverOn(full.port, { protocol: 'meta' }).get(newKey())).rejects.toThrow(/runs with -M/)
  })
})

describe('auto', () => {
  const serve = (version: string) =>
    scripted((line) => {
      if (line === 'version') return version
      const [, opaque] = / (O\d+)$/.exec(line) ?? []
      if (line.startsWith('mg ')) return `EN ${opaque}\r\n`
      if (line.startsWith('touch ')) return 'NOT_FOUND\r\n'
      return /^gets |^gats /.test(line) ? 'END\r\n' : undefined
    })

  test.each([
    ['VERSION 1.6.45\r\n', /^mg \S+ v c T60 O\d+$/],
    ['VERSION 1.6.13\r\n', /^mg \S+ v c T60 O\d+$/],
    ['VERSION 1.6.12\r\n', /^gats 60 /],
    ['VERSION 1.5.16-google\r\n', /^gats 60 /],
    ['VERSION 1.4.39\r\n', /^touch \S+ 60$/],
  ])('%j', async (version, expected) => {
    const { port, lines } = await serve(version)
    expect(await driverOn(port).getAndTouch(newKey(), 60)).toBeNull()
    expect(lines[0]).toBe('version')
    expect(lines[1]).toMatch(expected)
  })

  test.each([
    ['VERSION 0.5.0\r\n', /proxy/],
    ['VERSION mcrouter 41.0.0\r\n', /proxy/],
    ['ERROR\r\n', /error/],
    ['<html>\r\n', /not a reply/],
    ['ERROR Too many open connections\r\n', /connection left/],
  ])('refuses what answers %j', async (answer, reason) => {
    const { port, lines } = await serve(answer)
    await expect(driverOn(port).get(newKey())).rejects.toThrow(reason)
    expect(lines).toEqual(['version'])
  })

  test('classic by choice takes a proxy', async () => {
    const { port, lines } = await serve('VERSION 0.5.0\r\n')
    expect(await driverOn(port, { protocol: 'classic' }).getAndTouch(newKey(), 60)).toBeNull()
    expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual(['touch', 'gets'])
  })
})

describe('signing in', () => {
  let server: TestServer
  const directory = mkdtempSync(join(tmpdir(), 'login-'))
  beforeAll(async () => {
    chmodSync(directory, 0o755)
    writeFileSync(join(directory, 'users'), 'bob:hunter2-hunter2\n', { mode: 0o644 })
    server = await startMemcached(['-Y', join(directory, 'users')])
  })
  afterAll(async () => {
    await server.stop()
    rmSync(directory, { recursive: true })
  })

  test.each(['meta', 'classic'] as const)(
    'with the right password, 100 calls behind the login (%s)',
    async (protocol) => {
      const driver = driverOn(server.port, { protocol, username: 'bob', password: 'hunter2-hunter2' })
      const mine = Array.from({ length: 100 }, newKey)
      const results = await Promise.all(mine.map((key) => driver.add(key, bytes(key), 60)))
      for (const result of results) expect(result.status).toBe('stored')
      expect((await Promise.all(mine.map((key) => driver.get(key)))).map((entry) => text(entry?.value))).toEqual(mine)
    },
  )

  test.each([
    [{ username: 'bob', password: 'hunter2-hunter3' }, /user name and password/],
    [{ username: 'b ob', password: 'hunter2-hunter3' }, /user name and password/],
    [{}, /wants a user name/],
  ])('refused: %j', async (credentials, reason) => {
    const driver = driverOn(server.port, credentials)
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => driver.get(newKey())))
    for (const result of results) {
      if (result.status === 'fulfilled') throw new Error('answered')
      expect(result.reason).toBeInstanceOf(StoreUnavailableError)
      expect(result.reason.message).toMatch(reason)
      expectSilent(result.reason, ['hunter2', 'bob'])
    }
  })

  test("MemCachier's form, on the same connection, and nothing before STORED", async () => {
    let logins = 0
    const { port, lines } = await scripted((line, socket) => {
      if (line.startsWith('set ')) return undefined
      if (/hunter2/.test(line)) {
        logins++
        setTimeout(
          () => socket.write(line === 'hunter2' ? 'STORED\r\n' : 'CLIENT_ERROR authentication failure\r\n'),
          30,
        )
        return undefined
      }
      if (logins < 2) return 'CLIENT_ERROR unauthenticated\r\n'
      return line === 'version' ? 'VERSION 1.6.20\r\n' : `EN ${/O\d+$/.exec(line)?.[0]}\r\n`
    })
    const driver = driverOn(port, { username: 'mc-user', password: 'hunter2' })
    expect(await Promise.all([driver.get(newKey()), driver.get(newKey())])).toEqual([null, null])
    expect(lines.slice(0, 5)).toEqual([
      'set login 0 -1 15',
      'mc-user hunter2',
      'set mc-user 0 0 7',
      'hunter2',
      'version',
    ])
  })

  test('a server that wants no login does not keep the password', async () => {
    await using plain = await startMemcached()
    const driver = driverOn(plain.port, { username: 'bob', password: 'hunter2-hunter2' })
    expect(await driver.get('login')).toBeNull()
    expect(await driver.get('bob')).toBeNull()
  })
})

describe('TLS', () => {
  let authority: TestAuthority
  let server: TestServer
  beforeAll(async () => {
    authority = createAuthority()
    server = await startTls('DNS:memcached.test,IP:127.0.0.1')
  })
  afterAll(async () => {
    await server.stop()
    authority[Symbol.dispose]()
  })
  function startTls(names: string, more = ''): Promise<TestServer> {
    const { certPath, keyPath } = authority.issue(names)
    return startMemcached(['-Z', '-o', `ssl_chain_cert=${certPath},ssl_key=${keyPath}${more}`])
  }
  const trusted = (more: object = {}) => ({ tls: { ca: authority.ca, ...more } })

  test.each(['meta', 'classic'] as const)('conformance (%s)', async (protocol) => {
    const store = driverStore(driverOn(server.port, { ...trusted(), protocol }))
    await Promise.all(storeCases.map(({ run }) => onTime((clock) => run(store, clock))))
  })

  test('20 and 256 sets of 1 KB at once: more than 16 KB would stall memcached before 1.6.39', async () => {
    const driver = driverOn(server.port, trusted())
    for (const count of [20, 256, 256]) {
      const values = Array.from({ length: count }, () => record())
      const mine = values.map(newKey)
      await Promise.all(mine.map((key, at) => driver.set(key, values[at] as Uint8Array, 60)))
      const entries = await Promise.all(mine.map((key) => driver.get(key)))
      expect(entries.map((entry) => entry?.value)).toEqual(values)
    }
  })

  test('large values, one after the other and at once', async () => {
    const driver = driverOn(server.port, trusted())
    const values = [900_000, 16_384, 100_000, 1, 17_000].map((size) => record(size))
    const mine = values.map(newKey)
    await Promise.all(mine.map((key, at) => driver.set(key, values[at] as Uint8Array, 60)))
    for (const [at, key] of mine.entries()) expect((await driver.get(key))?.value).toEqual(values[at])
  })

  test('what was held back when the connection ended is sent on the next one, what was sent is not', async () => {
    let isCut = false
    const relay = createServer((client) => {
      const upstream = createConnection(server.port, '127.0.0.1').on('error', () => {})
      client.on('error', () => {}).on('close', () => upstream.destroy())
      client.pipe(upstream)
      upstream.on('data', (chunk) => {
        if (isCut) client.resetAndDestroy()
        else client.write(chunk)
        isCut = false
      })
    }).listen(0, '127.0.0.1')
    open.push(() => relay.close())
    await once(relay, 'listening')
    const driver = driverOn((relay.address() as { port: number }).port, trusted())
    await driver.get(newKey())
    isCut = true
    const mine = Array.from({ length: 100 }, newKey)
    const results = await Promise.allSettled(mine.map((key) => driver.add(key, record(), 60)))
    const lost = results.filter(({ status }) => status === 'rejected').length
    expect(lost).toBeGreaterThan(5)
    expect(lost).toBeLessThan(16) // 16 KB of 1 KB each
    for (const result of results) if (result.status === 'fulfilled') expect(result.value.status).toBe('stored')
    driver.close()
  })

  test('the name asked for counts', async () => {
    expect(await driverOn(server.port, trusted({ servername: 'memcached.test' })).get(newKey())).toBeNull()
    const wrong = driverOn(server.port, trusted({ servername: 'other.test' }))
    await expect(wrong.get(newKey())).rejects.toMatchObject({ cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' } })
    await using elsewhere = await startTls('DNS:memcached.test')
    await expect(driverOn(elsewhere.port, trusted()).get(newKey())).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test('a certificate nobody vouches for is refused, and nothing is sent', async () => {
    using stranger = createAuthority()
    for (const tls of [true as const, { ca: stranger.ca }])
      await expect(driverOn(server.port, { tls }).get(newKey())).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test("a client's certificate, where the server wants one", async () => {
    await using strict = await startTls('IP:127.0.0.1', `,ssl_verify_mode=2,ssl_ca_cert=${authority.caPath}`)
    const { cert, key } = authority.issue('DNS:client')
    expect(await driverOn(strict.port, trusted({ cert, key })).get(newKey())).toBeNull()
    await expect(driverOn(strict.port, trusted()).get(newKey())).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test('plain text to a TLS server, and TLS to a plain one: outages', async () => {
    await using plain = await startMemcached()
    const short = { connectMs: 300, callMs: 300 }
    for (const driver of [driverOn(server.port, short), driverOn(plain.port, { ...short, ...trusted() })])
      await expect(driver.get(newKey())).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test('frozen: the deadline ends calls in flight and calls held back alike', async () => {
    await using frozen = await startTls('IP:127.0.0.1')
    const driver = driverOn(frozen.port, { ...trusted(), callMs: 250 })
    await driver.get(newKey())
    frozen.signal('SIGSTOP')
    await sleep(100) // the threads of a busy machine stop some moments later
    const watch = stopwatch()
    const calls = Array.from({ length: 200 }, () => driver.set(newKey(), record(), 60))
    for (const result of await Promise.allSettled(calls)) expect(result.status).toBe('rejected')
    expect(watch()).toBeLessThan(250 + 200)
    frozen.signal('SIGCONT')
    await expect.poll(() => driver.get(newKey()).catch(() => 'down'), { timeout: 20_000 }).toBeNull()
  })
})

test('a time-out takes back what the kernel has not delivered: a RST, not a FIN behind it', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    socket.once('data', () => socket.pause().write('VERSION 1.6.18\r\nEND\r\n'))
  }).listen(0, '127.0.0.1')
  open.push(() => server.close())
  await once(server, 'listening')
  const driver = driverOn((server.address() as { port: number }).port, { callMs: 200 })
  const writes = [1, 2, 3].map(() => driver.set(newKey(), record(900_000), 60))
  await Promise.all(writes.map((write) => expect(write).rejects.toThrow(/in time/)))
  const [socket] = sockets
  let received = 0
  socket?.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  await new Promise((closed) => socket?.once('close', closed).resume())
  // Loopback hands over some 100 KB to a reader that does not read; the rest waits on the sender's side.
  expect(received).toBeLessThan(1_000_000)
})

describe('an idle driver', () => {
  const driverUrl = new URL('../../adapters/stores/memcached/client/text/driver.ts', import.meta.url)

  /** A process of its own: does it end by itself, and how. */
  async function run(port: number, script: string): Promise<{ readonly code: number; readonly output: string }> {
    const head = `
      import { textDriver } from ${JSON.stringify(fileURLToPath(driverUrl))}
      const address = { node: 'node', host: '127.0.0.1', port: ${port} }
      const driver = textDriver(address, { connectMs: 5000, callMs: 5000 })
      await driver.get('key')
      `
    const child = spawn(process.execPath, ['--input-type=module', '-e', head + script])
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output += chunk
      })
    const [code] = (await once(child, 'close', { signal: AbortSignal.timeout(20_000) })) as [number]
    return { code, output }
  }

  test('does not keep its process alive', async () => {
    await using server = await startMemcached()
    const watch = stopwatch()
    expect(await run(server.port, '')).toEqual({ code: 0, output: '' })
    expect(watch()).toBeLessThan(4000)
  })

  test('keeps it alive while a call waits', async () => {
    const { port } = await scripted((line, socket) => {
      if (line === 'version') return 'VERSION 1.6.18\r\n'
      setTimeout(() => socket.write(`EN ${/O\d+$/.exec(line)?.[0]}\r\n`), line.includes('late') ? 300 : 0)
      return undefined
    })
    const script = `await driver.get('late'); process.stdout.write('answered')`
    expect(await run(port, script)).toEqual({ code: 0, output: 'answered' })
  })

  test('throws nothing by itself when its server dies', async () => {
    await using server = await startMemcached()
    const ended = run(server.port, `await new Promise((later) => setTimeout(later, 1000))`)
    // Answered, and then a moment for the answer to arrive: a busy machine may take long to start a process.
    await expect.poll(async () => (await statsOf(server.port)).get_misses, { timeout: 15_000 }).toBe(1)
    await sleep(200)
    server.signal('SIGKILL')
    expect(await ended).toEqual({ code: 0, output: '' })
  })
})

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))
test.skipIf(!hasIPv6)('IPv6', async () => {
  await using server = await startMemcached(['-l', '::1'])
  const [address] = parseServers([`[::1]:${server.port}`])
  const driver = textDriver(address as never, times)
  open.push(() => driver.close())
  expect(await driver.add(newKey(), record(), 60)).toMatchObject({ status: 'stored' })
})

test('a unix socket', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'socket-'))
  chmodSync(directory, 0o777)
  const path = join(directory, 'mc.sock')
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const child = spawn('memcached', [...user, '-s', path, '-a', '0777'], { stdio: 'ignore' })
  open.push(() => {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  await expect.poll(() => existsSync(path), { timeout: 20_000 }).toBe(true)
  const [address] = parseServers([path])
  const driver = textDriver(address as never, { ...times, callMs: 200 })
  open.push(() => driver.close())
  const key = newKey()
  await expect
    .poll(() => driver.add(key, bytes('one'), 60).catch(() => 'down'), { timeout: 20_000 })
    .toMatchObject({ status: 'stored' })
  expect(text((await driver.getAndTouch(key, 60))?.value)).toBe('one')
  stopStill(child.pid as number)
  await expect(driver.get(key)).rejects.toMatchObject({ node: path })
})
