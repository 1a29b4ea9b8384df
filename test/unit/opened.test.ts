import { afterEach, expect, test, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { drawId, type Identity, identify } from '../../src/claim/identity.ts'
import { deriveKeys, type KeySet } from '../../src/crypto/keys.ts'
import { createSessions } from '../../src/index.ts'
import { OpenedRecords } from '../../src/record/opened.ts'
import { encodeRecord, sealRecord } from '../../src/record/record.ts'

afterEach(() => void vi.restoreAllMocks())

const secretOf = (text: string) => new TextEncoder().encode(text.padEnd(32, 'pX7!qR'))
const keys = await deriveKeys([secretOf('first')], 'sid')
const record = { created: 1, until: 2, data: new Map([['user', 'alice']]), extra: {} }

async function sealed(by: KeySet = keys, size = 0): Promise<{ identity: Identity; bytes: Uint8Array }> {
  const identity = await identify(drawId(), 'session', by)
  const data = new Map([['text', 'x'.repeat(size)]])
  return { identity, bytes: await sealRecord(by, identity, 7, encodeRecord({ ...record, data }, 1_000_000)) }
}

test('the same bytes under the same keys are remembered', async () => {
  const opened = new OpenedRecords()
  const { identity, bytes } = await sealed()
  expect(opened.get(identity.key, keys, bytes)).toBeUndefined()
  opened.set(identity.key, { keys, bytes, revision: 7, record })
  expect(opened.get(identity.key, keys, bytes.slice())).toMatchObject({ revision: 7, record })
})

test('no other bytes are: each one counts, and so does the length', async () => {
  const opened = new OpenedRecords()
  const { identity, bytes } = await sealed()
  opened.set(identity.key, { keys, bytes, revision: 7, record })
  for (let at = 0; at < bytes.length; at++)
    expect(opened.get(identity.key, keys, bytes.with(at, (bytes[at] as number) ^ 1))).toBeUndefined()
  expect(opened.get(identity.key, keys, bytes.subarray(0, -1))).toBeUndefined()
  expect(opened.get(identity.key, keys, Uint8Array.of(...bytes, 0))).toBeUndefined()
})

test('other keys and other store keys know nothing of it', async () => {
  const opened = new OpenedRecords()
  const { identity, bytes } = await sealed()
  opened.set(identity.key, { keys, bytes, revision: 7, record })
  expect(opened.get(identity.key, await deriveKeys([secretOf('first')], 'sid'), bytes)).toBeUndefined()
  expect(opened.get((await sealed()).identity.key, keys, bytes)).toBeUndefined()
})

test('what is forgotten is gone from both generations', async () => {
  const opened = new OpenedRecords()
  const { identity, bytes } = await sealed()
  const larger = new Uint8Array(60_000)
  for (const others of [0, 36]) {
    opened.set(identity.key, { keys, bytes, revision: 7, record })
    for (let at = 0; at < others; at++) opened.set(`session:${at}`, { keys, bytes: larger, revision: 7, record })
    opened.forget(identity.key)
    expect(opened.get(identity.key, keys, bytes)).toBeUndefined()
  }
})

test('a session that ends is forgotten: by its logout, by a login, and where another process ended it', async () => {
  const store = memoryStore()
  const options = { store, secret: secretOf('first') }
  const [one, other] = [createSessions(options), createSessions(options)]
  const forget = vi.spyOn(OpenedRecords.prototype, 'forget')
  const begin = async () => {
    const { session, commit } = one.open(null)
    session.set('user', 'alice')
    return (await commit()).setCookie?.split(';')[0] ?? ''
  }
  for (const end of ['destroy', 'regenerate'] as const) {
    const cookie = await begin()
    await other.open(cookie).session.get('user')
    const { session, commit } = one.open(cookie)
    await session.get('user')
    session[end]()
    await commit()
    const [[storeKey] = []] = forget.mock.calls
    expect(storeKey).toMatch(/^session:/)
    forget.mockClear()
    expect(await other.open(cookie).session.get('user')).toBeUndefined()
    expect(forget.mock.calls).toEqual([[storeKey]])
    forget.mockClear()
  }
})

test('a part of a larger buffer is copied, so that nothing else is kept in memory', async () => {
  const opened = new OpenedRecords()
  const { identity, bytes } = await sealed()
  const chunk = new Uint8Array(65_536)
  chunk.set(bytes, 100)
  const view = chunk.subarray(100, 100 + bytes.length)
  opened.set(identity.key, { keys, bytes: view, revision: 7, record })
  expect(opened.get(identity.key, keys, view)?.bytes.buffer.byteLength).toBe(bytes.length)
  chunk.fill(0)
  expect(opened.get(identity.key, keys, bytes)).toMatchObject({ revision: 7 })
})

test('what is remembered is bounded in bytes: who is asked for stays, who is not leaves', async () => {
  const opened = new OpenedRecords()
  const [used, unused] = [await sealed(keys, 1000), await sealed(keys, 1000)]
  for (const { identity, bytes } of [used, unused]) opened.set(identity.key, { keys, bytes, revision: 7, record })
  const other = new Uint8Array(60_000)
  for (let at = 0; at < 100; at++) {
    opened.set(`session:${at}`, { keys, bytes: other, revision: 7, record })
    expect(opened.get(used.identity.key, keys, used.bytes), `${at}`).toBeDefined()
  }
  expect(opened.get(unused.identity.key, keys, unused.bytes)).toBeUndefined()
  const left = Array.from({ length: 100 }, (_, at) => opened.get(`session:${at}`, keys, other)).filter(Boolean).length
  expect(left * other.length).toBeLessThanOrEqual(2 * 2_097_152)
  opened.set(used.identity.key, { keys, bytes: new Uint8Array(65_537), revision: 8, record })
  expect(opened.get(used.identity.key, keys, new Uint8Array(65_537))).toBeUndefined()
})

test('nothing is kept of a session that comes once; from its second request on it is, and serves the third', async () => {
  const store = memoryStore()
  const options = { store, secret: secretOf('first') }
  const { session, commit } = createSessions(options).open(null)
  session.set('user', 'alice')
  const cookie = (await commit()).setCookie?.split(';')[0] ?? ''
  const sessions = createSessions(options)
  const set = vi.spyOn(OpenedRecords.prototype, 'set')
  const get = vi.spyOn(OpenedRecords.prototype, 'get')
  const seen: unknown[] = []
  for (let request = 0; request < 3; request++) {
    expect(await sessions.open(cookie).session.get('user')).toBe('alice')
    seen.push([get.mock.results.some(({ value }) => value !== undefined), set.mock.calls.length])
  }
  expect(seen).toEqual([
    [false, 0],
    [false, 1],
    [true, 1],
  ])
})
