import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { textDriver } from '../../adapters/stores/memcached/client/text/driver.ts'
import { loopback } from '../support/driver-store.ts'
import { bytes, newKey, text } from '../support/memcached.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'

let server: TestServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())
/** Deadlines are the script's: nothing is late because a machine is. Sockets have clocks of their own. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
const closing: (() => unknown)[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const close of closing.splice(0)) close()
})
const times = { connectMs: 300, callMs: 1000 }

/** Time goes by, and whatever was due then has been judged. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
  for (let turn = 0; turn < 3; turn++) await new Promise((next) => setImmediate(next))
}

/** A relay that keeps replies to itself while it holds. */
async function relayTo(port: number) {
  const state = { isHolding: false, client: undefined as Socket | undefined, connections: 0 }
  let held: (() => void)[] = []
  let asked = ''
  let waiting: { pattern: RegExp; resolve: () => void } | undefined
  const server = createServer((client) => {
    state.connections++
    state.client = client
    const upstream = createConnection(port, '127.0.0.1').on('error', () => {})
    client.on('error', () => {}).on('close', () => upstream.destroy())
    closing.push(() => client.destroy())
    client.on('data', (chunk: Buffer) => {
      upstream.write(chunk)
      asked = chunk.toString('latin1')
    })
    upstream.on('data', (chunk: Buffer) => {
      const pass = () => client.write(chunk)
      if (state.isHolding && !/^VERSION|^STAT /.test(chunk.toString('latin1'))) held.push(pass)
      else pass()
      if (waiting?.pattern.test(asked)) waiting.resolve()
    })
  }).listen(0, '127.0.0.1')
  closing.push(() => server.close())
  await once(server, 'listening')
  return {
    state,
    port: (server.address() as AddressInfo).port,
    /** A request that looks like this has been answered, and the answer is held. */
    holds(pattern: RegExp) {
      return new Promise<void>((resolve) => {
        waiting = { pattern, resolve }
      })
    },
    release() {
      state.isHolding = false
      for (const pass of held) pass()
      held = []
    },
  }
}

it.each(['meta', 'classic'] as const)(
  'a read that was moved to another connection does not end it when its old time is up, %s (F7)',
  async (protocol) => {
    const relay = await relayTo(server.port)
    const driver = textDriver(loopback(relay.port), { ...times, protocol })
    closing.push(() => driver.close())
    const key = newKey()
    await driver.set(key, bytes('mine'), 60)

    relay.state.isHolding = true
    const isHeld = relay.holds(/mg |gets /)
    const read = driver.get(key)
    await isHeld
    await pass(900)
    const isMoved = relay.holds(/mg |gets /)
    relay.state.client?.resetAndDestroy()
    await isMoved
    const others = Promise.allSettled(Array.from({ length: 5 }, () => driver.set(newKey(), bytes('of another'), 60)))
    await pass(450) // together more than connectMs + callMs
    relay.release()

    expect((await others).map(({ status }) => status)).toEqual(Array(5).fill('fulfilled'))
    expect(text((await read)?.value)).toBe('mine')
    expect(relay.state.connections).toBe(2)
  },
)

it('a change over classic that has to read first does not end the connection when the time of its read is up (F7)', async () => {
  const relay = await relayTo(server.port)
  const driver = textDriver(loopback(relay.port), { ...times, protocol: 'classic' })
  closing.push(() => driver.close())
  const key = newKey()
  const created = await driver.add(key, bytes('first'), 60)
  if (created.status !== 'stored') throw new Error(created.status)

  relay.state.isHolding = true
  const isRead = relay.holds(/^gets /)
  const change = driver.cas(key, bytes('second'), 60, created.version)
  await isRead
  await pass(900)
  const isChanged = relay.holds(/^cas /)
  relay.release()
  relay.state.isHolding = true
  await isChanged
  const others = Promise.allSettled(Array.from({ length: 5 }, () => driver.set(newKey(), bytes('of another'), 60)))
  await pass(450)
  relay.release()

  expect((await others).map(({ status }) => status)).toEqual(Array(5).fill('fulfilled'))
  expect((await change).status).toBe('stored')
  expect(relay.state.connections).toBe(1)
})

it('a call that had its full time on a connection still ends it, and what is safe to repeat finds another', async () => {
  const relay = await relayTo(server.port)
  const driver = textDriver(loopback(relay.port), times)
  closing.push(() => driver.close())
  await driver.get(newKey())
  relay.state.isHolding = true
  const isHeld = relay.holds(/mg /)
  const read = driver.get(newKey())
  const refused = expect(read).rejects.toThrow('did not answer in time')
  await isHeld
  await pass(1001)
  await refused
  relay.state.isHolding = false
  expect(await driver.get(newKey())).toBeNull()
  expect(relay.state.connections).toBe(2)
})
