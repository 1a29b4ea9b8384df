import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Address } from '../../adapters/stores/memcached/address.ts'
import type { Driver, DriverOptions } from '../../adapters/stores/memcached/client/driver.ts'
import { SessionValueError, StoreUnavailableError } from '../../src/errors.ts'
import { driverStore, loopback } from './driver-store.ts'
import { stopwatch } from './own-time.ts'
import { startMemcached, type TestServer } from './servers.ts'

/** What is known of a driver and not asked of it. */
export interface BatteryLimits {
  /** A server that forgets the connection for a moment fails reads that a second try would save. */
  readonly retriesReads: boolean
  /** Bytes of a reply after which it is cut: those that mean something to the protocol. */
  readonly cuts: readonly number[]
  /** Sign-in needs a server built with SASL; `-Y` is for text. */
  readonly loginArgs: readonly string[] | undefined
}

/** What a driver may take beyond its deadline: 50 ms on a quiet machine, 150 more where others share its cores. */
const slackMs = 200
const times = { connectMs: 250, callMs: 250 }
const deadlineMs = times.connectMs + times.callMs + slackMs
/** A deadline so far away that whatever settles before it was not settled by it. */
const far = { connectMs: 20_000, callMs: 20_000 }
const recovery = { timeout: 3000, interval: 10 }

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array | undefined) => (value ? new TextDecoder().decode(value) : undefined)
let keys = 0
const newKey = () => `session:${(keys++).toString().padStart(43, 'k')}`
/** Longer than the longest cut. */
const contentOf = (key: string) => `${key} `.repeat(16)

interface Settled {
  readonly result: PromiseSettledResult<unknown>
  readonly ms: number
}

/** Settles every call and times it; one that hangs fails the test. */
async function timed(calls: readonly Promise<unknown>[], withinMs = 60_000): Promise<readonly Settled[]> {
  const watch = stopwatch()
  const late = sleep(withinMs, undefined, { ref: false }).then(() => {
    throw new Error(`not settled within ${withinMs} ms`)
  })
  const each = calls.map(async (call) => {
    const [result] = await Promise.allSettled([call])
    return { result, ms: watch() } as Settled
  })
  return Promise.race([Promise.all(each), late])
}

function expectOutage({ result }: Settled, node?: string): void {
  expect(result).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailableError) })
  if (result.status === 'rejected' && node !== undefined) expect(result.reason.node).toBe(node)
}

/** Its own value or an outage, in time: nothing else. */
function expectOwn(settled: readonly Settled[], expected: readonly unknown[]): void {
  for (const [at, one] of settled.entries()) {
    expect(one.ms).toBeLessThan(deadlineMs)
    if (one.result.status === 'rejected') expectOutage(one)
    else expect(text((one.result.value as { value: Uint8Array } | null)?.value)).toBe(expected[at])
  }
}

/** A relay whose way of passing replies can be chosen, connection by connection. */
async function relay(serverPort: number, pass: (chunk: Buffer, client: Socket, upstream: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    client.setNoDelay(true)
    const upstream = createConnection(serverPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => upstream.write(chunk))
    upstream.on('data', (chunk: Buffer) => pass(chunk, client, upstream))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  return { port: (server.address() as AddressInfo).port, sockets, close }
}

/**
 * What broke every npm client on the list: each operation settles within its deadline, none gets a value that is not its own, and
 * the next operation on a healthy server works.
 */
export function memcachedBattery(
  name: string,
  open: (address: Address, options: DriverOptions) => Driver,
  limits: BatteryLimits,
): void {
  const closing: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0)) await close()
  })
  const driverOn = (port: number, options: DriverOptions = times) => {
    const driver = open(loopback(port), options)
    closing.push(() => driver.close())
    return driver
  }
  const relayTo = async (port: number, pass: (chunk: Buffer, client: Socket, upstream: Socket) => void) => {
    const between = await relay(port, pass)
    closing.push(between.close)
    return between
  }
  const filled = async (driver: Driver, count: number) => {
    const mine = Array.from({ length: count }, newKey)
    await Promise.all(mine.map((key) => driver.set(key, bytes(contentOf(key)), 60)))
    return mine
  }
  const expectWell = async (driver: Driver) => {
    const key = newKey()
    await vi.waitFor(() => driver.set(key, bytes(contentOf(key)), 60), recovery)
    expect(text((await driver.get(key))?.value)).toBe(contentOf(key))
    expect(await driver.get(newKey())).toBeNull()
  }

  describe(`${name}: a connection that ends`, () => {
    test.each(['FIN', 'RST'])('%s with 100 writes in flight: all fail at once, none is sent again', async (kind) => {
      await using server = await startMemcached()
      // Only this connection: what is sent again would find a healthy one, and succeed.
      let isCut = false
      const between = await relayTo(server.port, (chunk, client) => {
        if (!isCut) client.write(chunk)
        else if (kind === 'FIN') client.end()
        else client.resetAndDestroy()
        isCut = false
      })
      const driver = driverOn(between.port, far)
      await driver.get(newKey())
      isCut = true
      const before = await setsAt(server)
      const mine = Array.from({ length: 100 }, newKey)
      for (const one of await timed(mine.map((key) => driver.add(key, bytes(contentOf(key)), 60)))) {
        expectOutage(one, driver.node)
        expect(one.ms).toBeLessThan(1000)
      }
      await expectWell(driver)
      await sleep(300) // memjs would try again after 200 ms
      expect((await setsAt(server)) - before).toBeLessThanOrEqual(100 + 1)
    })

    test.each(['FIN', 'RST'])('%s with 100 reads in flight', async (kind) => {
      await using server = await startMemcached()
      let cuts = 0
      const between = await relayTo(server.port, (chunk, client) => {
        if (cuts === 0) client.write(chunk)
        else if (kind === 'FIN') client.end()
        else client.resetAndDestroy()
        if (cuts > 0) cuts--
      })
      const driver = driverOn(between.port)
      const mine = await filled(driver, 100)
      cuts = 1
      const settled = await timed(mine.map((key) => driver.get(key)))
      expectOwn(settled, mine.map(contentOf))
      const lost = settled.filter(({ result }) => result.status === 'rejected').length
      if (limits.retriesReads) expect(lost).toBe(0)
      else expect(lost).toBeGreaterThan(0)
      await expectWell(driver)
    })

    test('while idle: the next call opens another', async () => {
      await using server = await startMemcached()
      const between = await relayTo(server.port, (chunk, client) => client.write(chunk))
      const driver = driverOn(between.port)
      for (let round = 0; round < 10; round++) {
        expect(await driver.get(newKey())).toBeNull()
        for (const socket of between.sockets) socket.end()
        await vi.waitFor(() => expect(between.sockets.size).toBe(0), recovery)
      }
      await expectWell(driver)
    })

    test('a request right after a failure, in the same turn', async () => {
      await using server = await startMemcached()
      let isCut = false
      const between = await relayTo(server.port, (chunk, client) => (isCut ? client.destroy() : client.write(chunk)))
      const driver = driverOn(between.port)
      for (let round = 0; round < 10; round++) {
        await vi.waitFor(() => driver.get(newKey()), recovery)
        isCut = true
        const chained = driver.set(newKey(), bytes('x'), 60).catch(() => {
          isCut = false
          return driver.set(newKey(), bytes('y'), 60)
        })
        const [one] = await timed([chained])
        expect(one?.ms).toBeLessThan(2 * deadlineMs)
        isCut = false
        await expectWell(driver)
      }
    })
  })

  describe(`${name}: a server that dies`, () => {
    test('kill -9 under load: 1,600 operations in each of 8 rounds', async () => {
      await using server = await startMemcached()
      const driver = driverOn(server.port)
      for (let round = 0; round < 8; round++) {
        await vi.waitFor(() => driver.get(newKey()), recovery)
        const mine = await filled(driver, 200)
        const calls = Array.from({ length: 1600 }, (_, at) => driver.get(mine[at % 200] as string))
        const settled = timed(calls)
        if (round % 2) await sleep(round)
        server.signal('SIGKILL')
        expectOwn(
          await settled,
          calls.map((_, at) => contentOf(mine[at % 200] as string)),
        )
        await server.restart()
      }
      await expectWell(driver)
    })

    test('restarted: calls fail fast while it is away, and find it again', async () => {
      await using server = await startMemcached()
      const driver = driverOn(server.port)
      for (let round = 0; round < 5; round++) {
        await expectWell(driver)
        await server.stop()
        for (const one of await timed(Array.from({ length: 50 }, () => driver.get(newKey())))) {
          expectOutage(one, driver.node)
          expect(one.ms).toBeLessThan(slackMs)
        }
        await server.restart()
      }
      await expectWell(driver)
    })

    test('restarted, its numbers begin again: a version from before is a conflict', async () => {
      await using server = await startMemcached()
      const driver = driverOn(server.port)
      const key = newKey()
      await driver.set(key, bytes(contentOf(key)), 60)
      const before = await driver.get(key)
      await server.restart()
      const other = driverOn(server.port)
      await vi.waitFor(() => other.set(key, bytes('of another'), 60), recovery)
      await vi.waitFor(() => driver.get(newKey()), recovery)
      expect(await driver.cas(key, bytes('stale'), 60, before?.version ?? '')).toEqual({ status: 'conflict' })
      expect(text((await other.get(key))?.value)).toBe('of another')
    })

    test('the connection limit reached, then freed', async () => {
      await using server = await startMemcached(['-c', '16', '-t', '1'])
      const others = await untilFull(server)
      const driver = driverOn(server.port)
      for (let round = 0; round < 5; round++)
        for (const one of await timed([driver.get(newKey()), driver.get(newKey())])) {
          expectOutage(one, driver.node)
          expect(one.ms).toBeLessThan(deadlineMs)
        }
      for (const socket of others) socket.destroy()
      await expectWell(driver)
    })
  })

  describe(`${name}: a server that is frozen`, () => {
    test('under traffic every call settles in time, and all is well afterwards', async () => {
      await using server = await startMemcached()
      const driver = driverOn(server.port)
      const [key = ''] = await filled(driver, 1)
      server.signal('SIGSTOP')
      const calls: Promise<Settled>[] = []
      for (let round = 0; round < 100; round++) {
        calls.push(timed([driver.get(key)]).then(([one]) => one as Settled))
        await sleep(20)
      }
      for (const one of await Promise.all(calls)) {
        expectOutage(one)
        expect(one.ms).toBeLessThan(times.callMs + slackMs)
      }
      server.signal('SIGCONT')
      await expectWell(driver)
      expect(text((await driver.get(key))?.value)).toBe(contentOf(key))
    })

    test('writes that were given up before they had left do not arrive later', async () => {
      await using server = await startMemcached()
      const driver = driverOn(server.port)
      await driver.get(newKey())
      server.signal('SIGSTOP')
      // 27 MB: more than the kernel takes for a server that does not read (some 6 MB).
      const mine = Array.from({ length: 30 }, newKey)
      const writes = mine.map((key) => driver.set(key, new Uint8Array(900_000).fill(7), 60))
      for (const one of await timed(writes)) expectOutage(one)
      server.signal('SIGCONT')
      await expectWell(driver)
      await sleep(200)
      expect(await driver.get(mine.at(-1) as string)).toBeNull()
    })

    test('a stall of this process is not one of the server', async () => {
      await using server = await startMemcached()
      const driver = driverOn(server.port, { connectMs: 1000, callMs: 50 })
      await driver.get(newKey())
      for (let round = 0; round < 10; round++) {
        const call = driver.get(newKey())
        await new Promise<void>((next) => process.nextTick(next))
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 80)
        expect(await call).toBeNull()
      }
    })

    test.each(['opened', 'asked'])('a stall of the whole machine while it is %s: no call fails', async (state) => {
      await using server = await startMemcached()
      for (let round = 0; round < 5; round++) {
        const driver = driverOn(server.port)
        if (state === 'asked') await driver.get(newKey())
        server.signal('SIGSTOP')
        const call = driver.get(newKey())
        await sleep(round) // whatever it has come to by then
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400)
        server.signal('SIGCONT')
        expect(await call).toBeNull()
      }
    })
  })

  describe(`${name}: replies in pieces`, () => {
    test.each([...limits.cuts, 'last-1' as const])('cut at %s, 100 times', async (cut) => {
      await using server = await startMemcached()
      let isArmed = false
      let at = 0
      const between = await relayTo(server.port, (chunk, client) => {
        if (!isArmed) return void client.write(chunk)
        isArmed = false
        const stop = cut === 'last-1' ? chunk.length - 1 : cut
        client.write(chunk.subarray(0, stop))
        setTimeout(() => (at++ % 2 ? client.end() : client.resetAndDestroy()), 1)
      })
      const driver = driverOn(between.port)
      const mine = await filled(driver, 4)
      for (let run = 0; run < 100; run++) {
        await vi.waitFor(() => driver.get(newKey()), recovery)
        isArmed = true
        expectOwn(await timed(mine.map((key) => driver.get(key))), mine.map(contentOf))
        isArmed = false
        const again = mine.map((key) => vi.waitFor(() => driver.get(key), recovery))
        expect((await Promise.all(again)).map((entry) => text(entry?.value))).toEqual(mine.map(contentOf))
      }
    })

    test('byte by byte', async () => {
      await using server = await startMemcached()
      const between = await relayTo(server.port, (chunk, client, upstream) => {
        upstream.pause()
        const drip = (at: number): unknown =>
          at < chunk.length
            ? client.write(chunk.subarray(at, at + 1), () => setImmediate(drip, at + 1))
            : upstream.resume()
        drip(0)
      })
      const driver = driverOn(between.port, far)
      const mine = await filled(driver, 10)
      const entries = await Promise.all(mine.map((key) => driver.getAndTouch(key, 60)))
      expect(entries.map((entry) => text(entry?.value))).toEqual(mine.map(contentOf))
      expect(await driver.get(newKey())).toBeNull()
    })

    test('many in one packet', async () => {
      await using server = await startMemcached()
      const held: Buffer[] = []
      const between = await relayTo(server.port, (chunk, client) => {
        held.push(chunk)
        setTimeout(() => client.write(Buffer.concat(held.splice(0))), 10)
      })
      const driver = driverOn(between.port, far)
      const mine = await filled(driver, 300)
      const entries = await Promise.all(mine.map((key) => driver.get(key)))
      expect(entries.map((entry) => text(entry?.value))).toEqual(mine.map(contentOf))
    })
  })

  describe(`${name}: what callers do`, () => {
    test('bad keys and times disturb nobody', async () => {
      await using server = await startMemcached()
      const driver = driverOn(server.port)
      const store = driverStore(driver)
      const mine = await filled(driver, 200)
      const bad = ['k'.repeat(251), 'a\r\nset pwn 0 0 1', 'a b', ''].flatMap((key) => [
        store.read(key),
        store.create(key, bytes('x'), 60),
        store.delete(key),
      ])
      for (const seconds of [Number.NaN, 0, -1, 1e10, 0.5, Number.POSITIVE_INFINITY])
        bad.push(store.create(newKey(), bytes('x'), seconds), store.read(newKey(), { touchSeconds: seconds }))
      const good = timed(mine.map((key) => driver.get(key)))
      for (const { result } of await timed(bad))
        expect(result).toMatchObject({ status: 'rejected', reason: expect.any(RangeError) })
      for (const [at, { result }] of (await good).entries())
        expect(text((result as { value?: { value: Uint8Array } }).value?.value)).toBe(contentOf(mine[at] as string))
      expect(await driver.get('pwn')).toBeNull()
    })

    test('900 KB go and come back; 1.1 MB are refused by the store, and by the server without harm to others', async () => {
      await using server = await startMemcached()
      const driver = driverOn(server.port, far)
      const [large, tooLarge] = [new Uint8Array(900_000).fill(7), new Uint8Array(1_100_000)]
      const mine = await filled(driver, 50)
      const key = newKey()
      const [write, ...reads] = await timed([driver.set(key, large, 60), ...mine.map((one) => driver.get(one))])
      expect(write?.result.status).toBe('fulfilled')
      expectOwn(
        reads.map(({ result }) => ({ result, ms: 0 })),
        mine.map(contentOf),
      )
      expect((await driver.get(key))?.value).toEqual(large)
      await expect(driverStore(driver).create(newKey(), tooLarge, 60)).rejects.toBeInstanceOf(SessionValueError)
      const [refused, read] = await timed([driver.set(newKey(), tooLarge, 60), driver.get(mine[0] as string)])
      expect(refused?.result).toMatchObject({ status: 'rejected', reason: { code: 'too-large' } })
      expect(read?.result.status).toBe('fulfilled')
    })

    test.skipIf(!limits.loginArgs)('a wrong password: an outage in time, again and again', async () => {
      await using server = await startMemcached(limits.loginArgs)
      const driver = driverOn(server.port, { ...times, username: 'bob', password: 'wrong-hunter2' })
      for (let round = 0; round < 5; round++)
        for (const one of await timed(Array.from({ length: 20 }, () => driver.get(newKey())))) {
          expectOutage(one, driver.node)
          expect(one.ms).toBeLessThan(deadlineMs)
        }
    })
  })
}

/** How many storage commands the server was given, past the client. */
async function setsAt(server: TestServer): Promise<number> {
  const socket = createConnection(server.port, '127.0.0.1')
  socket.write('stats\r\n')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return Number(/STAT cmd_set (\d+)/.exec(answer.toString())?.[1])
}

async function untilFull(server: TestServer): Promise<readonly Socket[]> {
  const sockets: Socket[] = []
  for (;;) {
    const socket = createConnection(server.port, '127.0.0.1').on('error', () => {})
    sockets.push(socket)
    socket.write('version\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    if (answer.toString().startsWith('ERROR')) return sockets
  }
}
