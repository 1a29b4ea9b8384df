import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startRedis, type TestServer } from '../support/servers.ts'
import { startUpstash, type UpstashBridge } from '../support/upstash.ts'
import { waitFor } from '../support/wait-for.ts'
import { startWorker, type TestWorker } from '../support/wrangler.ts'

const folder = 'test/platforms'

const secret = 'a-secret-of-the-test-32-bytes-long'
const refusal = "memcachedStore cannot run on Workers: use upstashStore from 'claimcheck/upstash'"
const refusalOfEnv = 'MEMCACHED_SERVERS does not work on Workers: set UPSTASH_REDIS_REST_URL and _TOKEN'

let redis: TestServer
let upstash: UpstashBridge
let probe: TestWorker
let bare: TestWorker

beforeAll(async () => {
  redis = await startRedis()
  upstash = await startUpstash(redis.port)
  const store = { UPSTASH_REDIS_REST_URL: upstash.url, UPSTASH_REDIS_REST_TOKEN: upstash.token }
  ;[probe, bare] = await Promise.all([
    startWorker(`${folder}/worker-probe.toml`, { ...store, SESSION_SECRET: secret }),
    startWorker(`${folder}/worker-bare.toml`, store),
  ])
})
afterAll(async () => {
  await Promise.all([probe, bare].map((worker) => worker?.[Symbol.asyncDispose]()))
  await upstash?.[Symbol.asyncDispose]()
  await redis?.stop()
})

const ask = (path: string, init: RequestInit = {}) => fetch(new URL(path, probe.url), init)
const cookieOf = (response: Response) => response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
const json = async (path: string): Promise<unknown> => (await ask(path)).json()

describe('inside of workerd', () => {
  test('memcachedStore is refused, and says what to use', async () => {
    expect(await json('/memcached')).toBe(refusal)
    expect(await json('/memcached-env')).toBe(refusalOfEnv)
  })

  test('the options are built once for all requests of an env object', async () => {
    await Promise.all(Array.from({ length: 20 }, () => ask('/count')))
    for (let turn = 0; turn < 3; turn++) expect((await ask('/count')).status).toBe(200)
    expect(await json('/builds')).toBe(1)
  })
})

test('secrets that a function gives: twenty first requests at once, and those after it is asked again', async () => {
  const visits = (cookie: string) =>
    Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await ask('/changing', { headers: { Cookie: cookie } })
        return [response.status, await response.text()]
      }),
    )
  expect(await visits('')).toEqual(Array.from({ length: 20 }, () => [200, '0']))
  const cookie = cookieOf(await ask('/changing', { method: 'POST' }))
  for (let round = 0; round < 3; round++) {
    expect(await visits(cookie)).toEqual(Array.from({ length: 20 }, () => [200, '1']))
    await new Promise((wake) => setTimeout(wake, 1200))
  }
  expect(await json('/asked')).toBeGreaterThanOrEqual(3)
  expect(probe.output).not.toMatch(/hung|canceled/i)
})

describe('one session, twenty requests at once in one isolate', () => {
  let cookie: string
  beforeEach(async () => {
    cookie = cookieOf(await ask('/count', { method: 'POST' }))
    upstash.log.length = 0
  })
  const twenty = (method: string) =>
    Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await ask('/count', { method, headers: { Cookie: cookie } })
        return { status: response.status, body: await response.text() }
      }),
    )

  test('each read is a request of its own to the store: nobody waits for the promise of another', async () => {
    for (let round = 0; round < 3; round++)
      expect(await twenty('GET')).toEqual(Array.from({ length: 20 }, () => ({ status: 200, body: '1' })))
    expect(upstash.log.length).toBe(60)
  })

  test('changes are all made or refused with a 409, and none is lost', async () => {
    let made = 1
    for (let round = 0; round < 3; round++) {
      const answers = await twenty('POST')
      expect(answers.map(({ status }) => status).filter((status) => status !== 200 && status !== 409)).toEqual([])
      const done = answers.filter(({ status }) => status === 200)
      expect(done.length).toBeGreaterThan(0)
      made += done.length
      const response = await ask('/count', { headers: { Cookie: cookie } })
      expect(await response.json()).toBe(made)
    }
    expect(probe.output).not.toMatch(/hung|canceled/i)
  })
})

test('nobody waits for a commit of the same session that hangs: its promise would die with its request', async () => {
  const cookie = cookieOf(await ask('/count', { method: 'POST' }))
  upstash.log.length = 0
  const leaving = new AbortController()
  const body = new TransformStream<Uint8Array, Uint8Array>()
  const stuck = { body: body.readable, duplex: 'half', signal: leaving.signal } as const
  const gone = ask('/count', { method: 'POST', headers: { Cookie: cookie }, ...stuck }).catch(() => 'gone')
  const writer = body.writable.getWriter()
  await writer.write(new Uint8Array(1))
  await waitFor(() => expect(upstash.log.length).toBe(1))
  upstash.fault = 'never-answer'
  await writer.close()
  await waitFor(() => expect(upstash.log.length).toBe(2))
  upstash.fault = undefined
  const signal = AbortSignal.timeout(7000)
  const next = await ask('/count', { method: 'POST', headers: { Cookie: cookie }, signal })
  expect([next.status, await next.json()]).toEqual([200, 2])
  leaving.abort()
  expect(await gone).toBe('gone')
})

test('a Worker without any module of Node starts, although it knows of memcached', async () => {
  const secrets = {
    UPSTASH_REDIS_REST_URL: upstash.url,
    UPSTASH_REDIS_REST_TOKEN: upstash.token,
    SESSION_SECRET: secret,
  }
  await using plain = await startWorker(`${folder}/worker-plain.toml`, secrets)
  const answers = ['/memcached', '/memcached-env', '/count'].map(async (path) => (await fetch(plain.url + path)).json())
  expect(await Promise.all(answers)).toEqual([refusal, refusalOfEnv, 0])
  expect(plain.output).not.toMatch(/node:/)
})

test('a missing secret is a 500 without details for the visitor, and named in the log', async () => {
  for (let visit = 0; visit < 2; visit++) {
    const response = await fetch(bare.url)
    const html = await response.text()
    expect(response.status).toBe(500)
    expect(html).toContain('Something broke')
    expect(html).not.toMatch(/SESSION_SECRET|SessionOptionsError|\.dev\.vars/)
    expect(response.headers.getSetCookie()).toEqual([])
  }
  await waitFor(() => expect(bare.output).toMatch(/SessionOptionsError: SESSION_SECRET is not set/))
})
