import diagnostics from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { MemcachedOptions } from '../../adapters/stores/memcached/index.ts'
import type { Store } from '../../src/store.ts'
import { bytes, newKey, storesToClose } from '../support/memcached.ts'
import { freePort, startMemcached, type TestServer } from '../support/servers.ts'

const { storeOf, closeAll } = storesToClose()
const stops: (() => void)[] = []
let server: TestServer
beforeAll(async () => {
  server = await startMemcached()
})
afterAll(() => server.stop())
afterEach(async () => {
  for (const stop of stops.splice(0)) stop()
  await closeAll()
})

type Message = Readonly<Record<string, unknown>>

/** The messages of a channel, by the moment at which they came. */
function listen(name: string) {
  const heard: { readonly at: string; readonly message: Message }[] = []
  const note = (at: string) => (message: unknown) => void heard.push({ at, message: { ...(message as Message) } })
  const names = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
  const listener = Object.fromEntries(names.map((at) => [at, note(at)])) as Record<(typeof names)[number], () => void>
  const channel = diagnostics.tracingChannel(name)
  channel.subscribe(listener)
  stops.push(() => channel.unsubscribe(listener))
  return { heard, of: (at: string) => heard.filter((one) => one.at === at).map(({ message }) => message) }
}

const value = bytes(`${'VALUE-CANARY-0815'.repeat(9)}`)

async function everyCommand(store: Store, key: string): Promise<void> {
  const created = await store.create(key, value, 60)
  const entry = await store.read(key)
  await store.read(key, { touchSeconds: 60 })
  await store.update(key, value, 60, entry?.version ?? '')
  await store.delete(key, { tombstone: { value: new Uint8Array(20), seconds: 60 } })
  await store.delete(key)
  expect(created.status).toBe('stored')
}

describe.each(['meta', 'classic', 'binary'] as const)('with the protocol %s', (protocol) => {
  const storeAt = (port: number, more: Partial<MemcachedOptions> = {}) =>
    storeOf({ servers: [`127.0.0.1:${port}`], protocol, connectMs: 2000, callMs: 2000, ...more })

  it('listeners are told of each command and its server, and of neither key nor value', async () => {
    const commands = listen('claimcheck:memcached:command')
    const key = newKey()
    await everyCommand(storeAt(server.port), key)
    const at = { serverAddress: '127.0.0.1', serverPort: server.port }
    const named = ['add', 'get', 'gat', 'cas', 'set', 'delete'].map((command) => ({ command, ...at }))
    expect(commands.of('start')).toEqual(named)
    expect(commands.of('asyncEnd')).toEqual(named.map((one) => ({ ...one, result: undefined })))
    const seen = inspect(commands.heard, { depth: 9, showHidden: true, maxStringLength: null, maxArrayLength: null })
    for (const word of [key, 'VALUE-CANARY', Buffer.from(value).toString('hex').slice(0, 20)])
      expect(seen).not.toContain(word)
  })

  it('listeners are told of one connection for all commands, and of one that fails', async () => {
    const connects = listen('claimcheck:memcached:connect')
    const store = storeAt(server.port)
    await everyCommand(store, newKey())
    expect(connects.of('asyncEnd')).toEqual([
      { serverAddress: '127.0.0.1', serverPort: server.port, result: undefined },
    ])
    const commands = listen('claimcheck:memcached:command')
    const port = await freePort()
    await expect(storeAt(port).read(newKey())).rejects.toMatchObject({ code: 'unavailable', reason: 'refused' })
    const told = { code: 'unavailable', reason: 'refused', node: `127.0.0.1:${port}` }
    expect(connects.of('error')).toMatchObject([{ serverPort: port, error: told }])
    expect(commands.of('error')).toMatchObject([{ command: 'get', serverPort: port, error: told }])
  })
})

it('work is the same with listeners and without: results, conflicts, and errors with their causes', async () => {
  const store = storeOf({ servers: [`127.0.0.1:${server.port}`], replicas: 1 })
  const rounds = async () => {
    const key = newKey()
    const created = await store.create(key, value, 60)
    const taken = await store.create(key, bytes('another value, of somebody else'), 60)
    const stale = created.status === 'stored' ? created.version : ''
    const updated = await store.update(key, bytes('a newer value, of the same key'), 60, stale)
    const conflict = await store.update(key, value, 60, stale)
    const missing = await store.update(newKey(), value, 60, stale)
    return [created, taken, updated, conflict, missing].map(({ status }) => status)
  }
  const silent = await rounds()
  listen('claimcheck:memcached:command')
  expect(await rounds()).toEqual(silent)
  expect(silent).toEqual(['stored', 'taken', 'stored', 'conflict', 'missing'])
})
