import { Redis } from '@upstash/redis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import { startRedis, type TestServer } from '../support/servers.ts'
import { startUpstash, type UpstashBridge } from '../support/upstash.ts'
import { waitFor } from '../support/wait-for.ts'

/** No test here is about this deadline: a busy machine is no outage. */
const callMs = 20_000

const record = (name: string) => new TextEncoder().encode(name.padEnd(48, '.'))

let server: TestServer
let bridge: UpstashBridge

beforeAll(async () => {
  server = await startRedis()
  bridge = await startUpstash(server.port)
})

afterAll(async () => {
  await bridge[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

beforeEach(async () => {
  await bridge.redis('FLUSHALL')
  bridge.log.length = 0
  bridge.staleReads = false
})

describe.each([
  ['our own client', undefined],
  ['@upstash/redis', Redis],
])('%s', (_, client) => {
  const connect = () => upstashStore({ client, url: bridge.url, token: bridge.token, callMs })

  test('every call is one request to the command path, telemetry and base64 off', async () => {
    const store = connect()
    const created = (await store.create('k', record('a'), 60)) as { version: string }
    await store.read('k')
    await store.read('k', { touchSeconds: 60 })
    await store.update('k', record('b'), 60, created.version)
    await store.delete('k', { tombstone: { value: record('gone'), seconds: 60 } })
    await store.delete('k')
    await store.check?.()
    const calls = ['SET', 'GET', 'GETEX', 'EVAL', 'SET', 'DEL']
    expect(bridge.log.map(({ command }) => command[0])).toEqual([...calls, 'SET', 'GETEX', 'EVAL', 'SET'])
    for (const { path, headers } of bridge.log) {
      expect(path).toBe('/')
      expect(Object.keys(headers).filter((name) => name.includes('telemetry'))).toEqual([])
      expect(headers).not.toHaveProperty('upstash-encoding')
    }
  })

  test('parallel calls are not put into one pipeline', async () => {
    const store = connect()
    await Promise.all(Array.from({ length: 10 }, (_, i) => store.read(`k${i}`)))
    expect(bridge.log.map(({ path }) => path)).toEqual(Array(10).fill('/'))
  })

  test('reads its own writes from a lagging replica; another instance may not (R36)', async () => {
    const writer = connect()
    const other = connect()
    bridge.staleReads = true
    let { version } = (await writer.create('k', record('0'), 60)) as { version: string }
    let stale = 0
    for (let i = 1; i <= 20; i++) {
      const updated = await writer.update('k', record(`${i}`), 60, version)
      if (updated.status !== 'stored') throw new Error(updated.status)
      version = updated.version
      expect((await writer.read('k'))?.value).toEqual(record(`${i}`))
      if ((await connect().read('k'))?.version !== version) stale++
    }
    // The bridge does play a lagging replica: an instance that has written nothing sees the past.
    expect(stale).toBe(20)
    expect(await other.read('k')).not.toBeNull()
  })

  test('check names the host and never throws', async () => {
    const host = new URL(bridge.url).host
    expect(await connect().check?.()).toMatchObject({ ready: true, nodes: [{ node: host, up: true }] })
    const refused = upstashStore({ client, url: bridge.url, token: 'another' })
    expect(await refused.check?.()).toMatchObject({ ready: false, nodes: [{ node: host, up: false }] })
  })

  test('a wrong token is an outage that says so, without the token', async () => {
    const refused = upstashStore({ client, url: bridge.url, token: 'another-token' })
    const error = await refused.read('k').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'unavailable', node: new URL(bridge.url).host })
    expect(`${error}`).toContain('WRONGPASS')
    expect(`${error}`).not.toContain('another-token')
  })
})

test('a read that was on its way during a write does not take the token of the write back', async () => {
  const store = upstashStore({ url: bridge.url, token: bridge.token, callMs })
  await store.create('other', record('other'), 60)
  bridge.staleReads = true
  bridge.holdNext = 'GET'
  const early = store.read('other')
  await waitFor(() => expect(bridge.log.at(-1)?.command).toEqual(['GET', 'other']))
  await store.create('k', record('new'), 60)
  bridge.release()
  await early
  const writeToken = Number(bridge.log.at(-1)?.headers['upstash-sync-token'] || 0) + 1
  await store.read('k')
  expect(bridge.log.at(-1)?.headers['upstash-sync-token']).toBe(`${writeToken}`)
})

describe('options', () => {
  const url = 'https://eu1-some-name.upstash.io'
  const token = 'AX-some_token=='

  test.each([
    { url, token },
    { url: `${url}/`, token },
    { url: 'http://localhost:8079', token },
    { url: 'http://127.0.0.1:8079', token },
    { url: 'http://[::1]:8079', token },
    { url: 'http://redis.localhost', token, callMs: 1000 },
    { url, token, callMs: undefined },
  ])('takes $url', (options) => {
    expect(upstashStore(options).name).toBe('upstash')
  })

  test.each([
    ['nothing', undefined, 'options'],
    ['no url', { token }, 'url'],
    ['an undefined url', { url: undefined, token }, 'url'],
    ['an empty url', { url: '', token }, 'url'],
    ['no address', { url: 'eu1-some-name.upstash.io', token }, 'url'],
    ['plain http', { url: 'http://eu1-some-name.upstash.io', token }, 'https'],
    ['plain http to a name that begins like loopback', { url: 'http://127.0.0.1.example.com', token }, 'https'],
    ['plain http to a name that begins like localhost', { url: 'http://localhost.example.com', token }, 'https'],
    ['the redis address', { url: 'rediss://eu1-some-name.upstash.io:6379', token }, 'https'],
    ['credentials in the url', { url: 'https://default:pw@eu1.upstash.io', token }, 'credentials'],
    ['a query', { url: `${url}/?_token=x`, token }, 'query'],
    ['no token', { url }, 'token'],
    ['an empty token', { url, token: '' }, 'token'],
    ['a token with a line break', { url, token: `${token}\n` }, 'token'],
    ['a token with a space', { url, token: ` ${token}` }, 'token'],
    ['a token beyond ASCII', { url, token: 'tökén' }, 'token'],
    ['an unknown option', { url, token, retry: 3 }, 'retry'],
    ['a client made elsewhere', { url, token, client: {} }, 'client'],
    ['a deadline of 0', { url, token, callMs: 0 }, 'callMs'],
    ['a deadline of an hour', { url, token, callMs: 3_600_000 }, 'callMs'],
  ])('refuses %s', (_what, options, named) => {
    expect(() => upstashStore(options as never)).toThrow(SessionOptionsError)
    expect(() => upstashStore(options as never)).toThrow(named)
    const error = expect(() => upstashStore(options as never))
    error.not.toThrow(token)
  })
})
