import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { binaryDriver } from '../../adapters/stores/memcached/client/binary/driver.ts'
import type { Driver, DriverOptions } from '../../adapters/stores/memcached/client/driver.ts'
import { textDriver } from '../../adapters/stores/memcached/client/text/driver.ts'
import { loopback } from '../support/driver-store.ts'
import { bytes, newKey, storesToClose } from '../support/memcached.ts'
import { startMemcached } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'

const protocols = ['auto', 'classic', 'binary'] as const
const { storeOf, closeAll } = storesToClose()
const closing: (() => unknown)[] = []
afterEach(async () => {
  vi.restoreAllMocks()
  for (const close of closing.splice(0)) close()
  await closeAll()
})

/** Nothing runs in this process meanwhile; costs no processor. */
const standStill = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

/** What the refused ones say, and how many say it. */
async function refusals(calls: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === 'fulfilled') continue
    const message = `${result.reason.message}`.replace(/:\d+/, '')
    found[message] = (found[message] ?? 0) + 1
  }
  return found
}

/** As after a standstill: both clocks have gone on. */
function jump(ms: number): void {
  const [monotonic, wall] = [performance.now.bind(performance), Date.now.bind(Date)]
  vi.spyOn(performance, 'now').mockImplementation(() => monotonic() + ms)
  vi.spyOn(Date, 'now').mockImplementation(() => wall() + ms)
}

function driverOn(port: number, protocol: (typeof protocols)[number], options: DriverOptions): Driver {
  const address = loopback(port)
  const driver = protocol === 'binary' ? binaryDriver(address, options) : textDriver(address, { ...options, protocol })
  closing.push(() => driver.close())
  return driver
}

/** Passes everything on, connection by connection, as `onReply` says. */
async function relayTo(port: number, onReply: (chunk: Buffer, client: Socket, nth: number) => void) {
  let count = 0
  const server = createServer((client) => {
    const nth = ++count
    const upstream = createConnection(port, '127.0.0.1').on('error', () => {})
    client.on('error', () => {}).on('close', () => upstream.destroy())
    client.pipe(upstream)
    upstream.on('data', (chunk: Buffer) => onReply(chunk, client, nth))
    closing.push(() => client.destroy())
  }).listen(0, '127.0.0.1')
  closing.push(() => server.close())
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return count
    },
  }
}

describe.each(protocols)('a standstill of this process, %s', (protocol) => {
  it('while a connection is opened refuses none of 20 reads (F1)', async () => {
    await using server = await startMemcached()
    const store = storeOf({ servers: [server.address], protocol })
    const reads = Array.from({ length: 20 }, () => store.read(newKey()))
    standStill(1400)
    expect(await refusals(reads)).toEqual({})
  })

  it('while a connection is opened refuses nothing at any length, nor what is asked at once after it (F1)', async () => {
    await using server = await startMemcached()
    for (const ms of [1300, 2000, 4000, 86_400_000]) {
      const store = storeOf({ servers: [server.address], protocol })
      const calls = [store.create(newKey(), bytes('x'), 60), ...Array.from({ length: 20 }, () => store.read(newKey()))]
      await new Promise((next) => setImmediate(next))
      jump(ms)
      calls.push(store.read(newKey()))
      expect(await refusals(calls)).toEqual({})
      vi.restoreAllMocks()
    }
  })

  it('hands what waits for a connection to the next one, where that one came to nothing (F1)', async () => {
    await using server = await startMemcached()
    // The first is forgotten on the way, as a NAT gateway forgets a connection of a frozen function.
    const relay = await relayTo(server.port, (chunk, client, nth) => nth > 1 && client.write(chunk))
    const driver = driverOn(relay.port, protocol, { connectMs: 250, callMs: 2000 })
    const calls = Array.from({ length: 20 }, () => driver.get(newKey()))
    await waitFor(() => expect(relay.connections).toBe(1))
    standStill(1400)
    expect(await refusals(calls)).toEqual({})
    expect(relay.connections).toBe(2)
  })
})
