import { Redis as IoRedis } from 'ioredis'
import { createClient, RESP_TYPES } from 'redis'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import { encodeBase64url } from '../../src/crypto/base64url.ts'
import { SessionOptionsError, SessionValueError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { startRedis, type TestServer } from '../support/servers.ts'
import { startUpstash, type UpstashBridge } from '../support/upstash.ts'

/** No test here is about this deadline: a busy machine is no outage. */
const callMs = 20_000

const bytes = (text: string) => new TextEncoder().encode(text)
/** 48 bytes of which the first 24 differ, as with two records of one session. */
const record = (name: string) => bytes(name.padEnd(48, '.'))
const day = 86_400

let server: TestServer
let admin: ReturnType<typeof createClient>
let nodeRedis: ReturnType<typeof createClient>
let ioRedis: IoRedis
let bridge: UpstashBridge

beforeAll(async () => {
  server = await startRedis()
  const socket = { host: server.host, port: server.port }
  admin = createClient({ socket })
  nodeRedis = createClient({ socket })
  await Promise.all([admin.connect(), nodeRedis.connect()])
  ioRedis = new IoRedis(server.port, server.host, { autoResendUnfulfilledCommands: false })
  bridge = await startUpstash(server.port)
})

afterAll(async () => {
  admin.destroy()
  nodeRedis.destroy()
  ioRedis.disconnect()
  await bridge[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

const clients: [name: string, build: () => Store][] = [
  ['node-redis', () => redisStore({ client: nodeRedis, callMs })],
  ['ioredis', () => redisStore({ client: ioRedis, callMs })],
  ['upstash', () => upstashStore({ url: bridge.url, token: bridge.token, callMs })],
]

/** Commands that redis ran since CONFIG RESETSTAT, by name, without the observer's own. */
async function commandsRun(): Promise<Record<string, number>> {
  const info = await admin.info('commandstats')
  const counts = [...info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)])
  return Object.fromEntries(counts.filter(([name]) => !/^(?:info|config)/.test(`${name}`)))
}

describe.each(clients)('%s', (name, build) => {
  let store: Store
  beforeEach(async () => {
    await admin.flushAll()
    store = build()
  })

  test('reads null, creates once, reads the same bytes back', async () => {
    const value = Uint8Array.from({ length: 256 }, (_, i) => i)
    expect(await store.read('k')).toBeNull()
    const created = await store.create('k', value, 60)
    expect(created).toEqual({ status: 'stored', version: encodeBase64url(value).slice(0, 32) })
    expect(await store.create('k', record('other'), 60)).toEqual({ status: 'taken' })
    expect(await store.read('k')).toEqual({ value, version: encodeBase64url(value).slice(0, 32) })
  })

  test.each([0, 1, 2, 23, 24, 25, 1_000_000])('keeps %i bytes', async (length) => {
    const value = crypto.getRandomValues(new Uint8Array(Math.min(length, 65_536)))
    const whole = new Uint8Array(length)
    for (let at = 0; at < length; at += value.length) whole.set(value.subarray(0, length - at), at)
    const { version } = (await store.create('k', whole, 60)) as { version: string }
    const entry = await store.read('k')
    expect(entry?.version).toBe(version)
    expect(Buffer.compare(entry?.value as Uint8Array, whole)).toBe(0)
    expect(await store.update('k', record('next'), 60, version)).toMatchObject({ status: 'stored' })
  })

  test('lives as asked: create, update, touch and tombstone; 31 and 400 days', async () => {
    await store.create('k', record('a'), 31 * day)
    expect(await admin.ttl('k')).toBeGreaterThan(31 * day - 5)
    const entry = await store.read('k', { touchSeconds: 400 * day })
    expect(await admin.ttl('k')).toBeGreaterThan(400 * day - 5)
    await store.update('k', record('b'), 100, entry!.version)
    expect(await admin.pTTL('k')).toBeGreaterThan(95_000)
    expect(await admin.pTTL('k')).toBeLessThanOrEqual(100_000)
    await store.read('k')
    expect(await admin.ttl('k')).toBeLessThanOrEqual(100)
    await store.delete('k', { tombstone: { value: bytes('gone'), seconds: 1_860 } })
    expect(await admin.ttl('k')).toBeGreaterThan(1_855)
    expect(await admin.ttl('k')).toBeLessThanOrEqual(1_860)
  })

  test('a touch changes neither value nor version, and creates nothing', async () => {
    await store.create('k', record('a'), 60)
    expect(await store.read('k', { touchSeconds: 90 })).toEqual(await store.read('k'))
    expect(await store.read('absent', { touchSeconds: 90 })).toBeNull()
    expect(await admin.exists('absent')).toBe(0)
  })

  test('updates only the version it names, and returns what is there instead', async () => {
    const first = (await store.create('k', record('first'), 60)) as { version: string }
    const second = await store.update('k', record('second'), 60, first.version)
    expect(second).toEqual({ status: 'stored', version: encodeBase64url(record('second')).slice(0, 32) })
    const late = await store.update('k', record('late'), 60, first.version)
    expect(late).toEqual({ status: 'conflict', current: await store.read('k') })
    expect((await store.read('k'))?.value).toEqual(record('second'))
  })

  test('a version of a shorter value is the whole text, and fits nothing that only begins like it', async () => {
    const { version } = (await store.create('k', bytes('abc'), 60)) as { version: string }
    await store.delete('k', { tombstone: { value: bytes('abcdef'), seconds: 60 } })
    expect(await store.update('k', record('late'), 60, version)).toMatchObject({ status: 'conflict' })
  })

  test('never creates by update, also not after FLUSHALL', async () => {
    const { version } = (await store.create('k', record('a'), 60)) as { version: string }
    await admin.flushAll()
    expect(await store.update('k', record('b'), 60, version)).toEqual({ status: 'missing' })
    expect(await admin.exists('k')).toBe(0)
    await store.create('k', record('another'), 60)
    const outcome = await store.update('k', record('b'), 60, version)
    expect(outcome).toMatchObject({ status: 'conflict', current: { value: record('another') } })
  })

  test('of 20 parallel updates of one version one is stored', async () => {
    const { version } = (await store.create('k', record('0'), 60)) as { version: string }
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) => store.update('k', record(`writer ${i}`), 60, version)),
    )
    expect(results.filter(({ status }) => status === 'stored')).toHaveLength(1)
    expect(results.filter(({ status }) => status === 'conflict')).toHaveLength(19)
  })

  test('an update that was sent twice is stored once, and not a conflict with itself', async () => {
    const { version } = (await store.create('k', record('a'), 60)) as { version: string }
    await store.update('k', record('b'), 60, version)
    expect(await store.update('k', record('b'), 60, version)).toMatchObject({ status: 'stored' })
  })

  test('deletes, also what is absent; a tombstone takes the place and is not created over', async () => {
    await store.create('k', record('a'), 60)
    await store.delete('k')
    await store.delete('k')
    expect(await store.read('k')).toBeNull()
    await store.delete('k', { tombstone: { value: bytes('gone'), seconds: 60 } })
    expect(await store.create('k', record('b'), 60)).toEqual({ status: 'taken' })
    expect((await store.read('k'))?.value).toEqual(bytes('gone'))
  })

  test('every call is one command', async () => {
    // Redis knows the script.
    await store.update('k', record('a'), 60, encodeBase64url(record('b')).slice(0, 32))
    const cases: [call: () => Promise<unknown>, commands: Record<string, number>][] = [
      [() => store.create('k', record('a'), 60), { set: 1 }],
      [() => store.read('k'), { get: 1 }],
      [() => store.read('k', { touchSeconds: 60 }), { getex: 1 }],
      // What the script calls is counted too, but is no round trip.
      [
        () => store.update('k', record('b'), 60, encodeBase64url(record('a')).slice(0, 32)),
        name === 'upstash' ? { eval: 1, get: 1, set: 1 } : { evalsha: 1, get: 1, set: 1 },
      ],
      [() => store.delete('k', { tombstone: { value: bytes('gone'), seconds: 60 } }), { set: 1 }],
      [() => store.delete('k'), { del: 1 }],
    ]
    for (const [call, commands] of cases) {
      await admin.configResetStat()
      await call()
      expect(await commandsRun()).toEqual(commands)
    }
  })

  test('a redis that does not know the script, since it was started anew, is sent it once: applied once', async () => {
    await store.create('k', record('a'), 60)
    await admin.scriptFlush()
    await admin.configResetStat()
    expect(await store.update('k', record('b'), 60, encodeBase64url(record('a')).slice(0, 32))).toMatchObject({
      status: 'stored',
    })
    expect(await commandsRun()).toEqual({ ...(name === 'upstash' ? {} : { evalsha: 1 }), eval: 1, get: 1, set: 1 })
    expect((await store.read('k'))?.value).toEqual(record('b'))
  })

  // 4 characters are valid base64url AND JSON: a client that parses answers returns a number, a boolean or null.
  test.each(['1234', '12345678', 'true', 'null'])('the text %s stays text (D16)', async (text) => {
    await admin.set('k', text)
    expect(await store.read('k')).toEqual({ value: new Uint8Array(Buffer.from(text, 'base64url')), version: text })
  })

  test.each(['true', '123', 'null', '{"__proto__":{"admin":true}}'])('the bytes %s come back (D16)', async (text) => {
    await store.create('k', bytes(text), 60)
    expect((await store.read('k'))?.value).toEqual(bytes(text))
    expect((await store.read('k', { touchSeconds: 60 }))?.value).toEqual(bytes(text))
  })

  test.each(['{"__proto__":{"admin":true}}', '123', 'a b', 'ü', ' '])(
    'foreign text %j is its own bytes',
    async (text) => {
      await admin.set('k', text)
      const entry = await store.read('k')
      expect(entry?.value).toEqual(bytes(text))
      expect(await store.update('k', record('b'), 60, 'other')).toEqual({ status: 'conflict', current: entry })
      expect(await admin.get('k')).toBe(text)
    },
  )

  test('a key of another type is an outage and left alone', async () => {
    await admin.lPush('k', 'item')
    await expect(store.read('k')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(store.update('k', record('b'), 60, '')).rejects.toMatchObject({ code: 'unavailable' })
    expect(await admin.type('k')).toBe('list')
  })

  test('refuses an ioredis client that sends again after a reconnect', () => {
    const options = { client: { call: async () => null, options: { autoResendUnfulfilledCommands: true } } }
    expect(() => redisStore(options)).toThrow(/autoResendUnfulfilledCommands: false/)
  })

  test('refuses bad keys, times and sizes before anything is sent', async () => {
    const { version } = (await store.create('k', record('a'), 60)) as { version: string }
    await admin.configResetStat()
    for (const key of ['', 'a b', 'a\r\nb', 'ü', 'x'.repeat(251)]) {
      await expect(store.read(key)).rejects.toThrow(RangeError)
      await expect(store.create(key, bytes('v'), 60)).rejects.toThrow(RangeError)
      await expect(store.update(key, bytes('v'), 60, '')).rejects.toThrow(RangeError)
      await expect(store.delete(key)).rejects.toThrow(RangeError)
    }
    for (const seconds of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 400 * day + 1]) {
      await expect(store.read('k', { touchSeconds: seconds })).rejects.toThrow(RangeError)
      await expect(store.create('k2', bytes('v'), seconds)).rejects.toThrow(RangeError)
      await expect(store.update('k', bytes('v'), seconds, version)).rejects.toThrow(RangeError)
      await expect(store.delete('k', { tombstone: { value: bytes('t'), seconds } })).rejects.toThrow(RangeError)
    }
    await expect(store.update('k', new Uint8Array(1_000_001), 60, version)).rejects.toThrow(SessionValueError)
    expect(await commandsRun()).toEqual({})
    expect((await store.read('k'))?.value).toEqual(record('a'))
  })

  test('check tells latency', async () => {
    const health = await store.check?.()
    expect(health).toMatchObject({ ready: true, nodes: [{ up: true }] })
    expect(health?.nodes[0]?.latencyMs).toBeGreaterThan(0)
  })
})

const answering = (answer: unknown) => ({ call: async (_command: string) => answer })

describe('redisStore', () => {
  test('node-redis starts no deadline of its own for a command: callMs bounds it', async () => {
    const store = redisStore({ callMs, client: nodeRedis })
    const timeout = vi.spyOn(AbortSignal, 'timeout')
    await store.create('k', record('a'), 60)
    await store.read('k', { touchSeconds: 60 })
    expect(timeout).not.toHaveBeenCalled()
    timeout.mockRestore()
  })

  test.each([
    ['nothing', undefined],
    ['no client', {}],
    ['a client without commands', { client: {} }],
    ['an unknown option', { client: answering(null), prefix: 'x' }],
    ['a deadline of 0', { client: answering(null), callMs: 0 }],
    ['a deadline that is not a number', { client: answering(null), callMs: Number.NaN }],
  ])('refuses %s', (_what, options) => {
    expect(() => redisStore(options as never)).toThrow(SessionOptionsError)
  })

  test('leaves the client open, and strings stay strings where the client maps them to Buffers', async () => {
    const store = redisStore({ callMs, client: nodeRedis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }) })
    await store.create('mapped', record('a'), 60)
    expect((await store.read('mapped'))?.value).toEqual(record('a'))
    await store.close?.()
    expect(await nodeRedis.ping()).toBe('PONG')
  })

  test.each([
    ['read', undefined],
    ['read', 1],
    ['read', true],
    ['read', ['x']],
    ['create', 'QUEUED'],
    ['create', true],
    ['create', 1],
    ['update', 'stored'],
    ['update', 1],
    ['update', null],
    ['update', ['stored', 'x']],
    ['update', ['missing', null]],
    ['update', ['conflict']],
    ['update', ['conflict', 1]],
    ['update', []],
    ['delete', 'OK'],
    ['delete', null],
    ['delete', 2],
  ])('%s does not believe the answer %j', async (verb, answer) => {
    const store = redisStore({ callMs, client: answering(answer) })
    const calls: Record<string, () => Promise<unknown>> = {
      read: () => store.read('k'),
      create: () => store.create('k', record('a'), 60),
      update: () => store.update('k', record('a'), 60, 'v'),
      delete: () => store.delete('k'),
    }
    await expect(calls[verb]?.()).rejects.toMatchObject({ code: 'unavailable' })
  })

  test.each([null, 1, 'QUEUED'])('a tombstone is only set with OK, not with %j', async (answer) => {
    const store = redisStore({ callMs, client: answering(answer) })
    const tombstone = { value: bytes('gone'), seconds: 60 }
    await expect(store.delete('k', { tombstone })).rejects.toMatchObject({ code: 'unavailable' })
  })
})
