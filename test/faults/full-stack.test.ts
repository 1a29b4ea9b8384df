import { createConnection, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { buildLabApp, type LabApp } from '../support/lab/app.ts'
import { promised } from '../support/lab/busy.ts'
import { type ChaosProxy, startChaosProxy } from '../support/lab/chaos-proxy.ts'
import { cookieIn } from '../support/lab/http.ts'
import { until } from '../support/lab/lab.ts'
import { type OpenStore, openStore, type StoreSpec } from '../support/lab/stores.ts'
import { watchRejections } from '../support/outage.ts'
import { stopwatch } from '../support/own-time.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'

/** The whole middleware on one server, at the default deadlines: 500 ms, 100 of ours, 150 for a machine that is shared. */
const withinMs = 600 + 150
const connectionLimit = 16
const users = 40

const stacks: [
  name: string,
  start: typeof startMemcached,
  limit: readonly string[],
  spec: (port: number) => StoreSpec,
][] = [
  [
    'memcached',
    startMemcached,
    // With one thread: each takes descriptors out of the same limit.
    ['-c', `${connectionLimit}`, '-t', '1'],
    (port) => ({ kind: 'memcached', servers: [`127.0.0.1:${port}`] }),
  ],
  ['node-redis', startRedis, ['--maxclients', `${connectionLimit}`], (port) => ({ kind: 'node-redis', port })],
  ['ioredis', startRedis, ['--maxclients', `${connectionLimit}`], (port) => ({ kind: 'ioredis', port })],
]

let rejections: ReturnType<typeof watchRejections>
let server: TestServer
let proxy: ChaosProxy
let opened: OpenStore
let app: LabApp

interface Reply {
  readonly status: number
  readonly text: string
  readonly cookie: string | undefined
}

/** Every request of these tests goes through here: it settles in time, and a failure never touches the cookie. */
async function ask(method: string, path: string, cookie?: string): Promise<Reply> {
  const watch = stopwatch()
  const response = await app.request(path, { method, headers: cookie === undefined ? {} : { Cookie: cookie } })
  const text = await response.text()
  const took = watch()
  expect(took).toBeLessThan(took < withinMs ? withinMs : promised(withinMs))
  const setCookies = response.headers.getSetCookie()
  if (response.status >= 400) expect(setCookies).toEqual([])
  if (path !== '/logout') expect(cookieIn(setCookies)).not.toBe('')
  expect([200, 401, 409, 503]).toContain(response.status)
  return { status: response.status, text, cookie: cookieIn(setCookies, cookie) }
}

const login = async (owner: string) => {
  const { status, cookie } = await ask('POST', `/login/${owner}`)
  expect(status).toBe(200)
  return cookie as string
}

/** Its own data, nothing, or an outage: never another's. */
async function readAs(owner: string, cookie: string): Promise<Reply> {
  const reply = await ask('GET', '/read', cookie)
  if (reply.status === 200) expect([owner, undefined]).toContain(JSON.parse(reply.text).owner)
  return reply
}

/** 20 requests of each user of the crowd, reads and appends, while something breaks. */
async function crowd(cookies: readonly string[], breakIt: () => unknown): Promise<readonly Reply[]> {
  const requests = cookies.flatMap((cookie, at) => [
    readAs(`user-${at}`, cookie),
    ask('POST', `/append/${at}`, cookie),
    readAs(`user-${at}`, cookie),
  ])
  await breakIt()
  return Promise.all(requests)
}

/** The same store, the same client, the same process: it must come back by itself. */
async function expectRecovery(timeoutMs = 5000): Promise<void> {
  await until(async () => (await ask('POST', '/login/recovery')).status === 200, timeoutMs, 'recovery')
  const cookie = await login('back')
  expect((await ask('POST', '/append/1', cookie)).status).toBe(200)
  expect(JSON.parse((await readAs('back', cookie)).text)).toEqual({ owner: 'back', list: [1] })
}

const logins = () => Promise.all(Array.from({ length: users }, (_, at) => login(`user-${at}`)))

describe.each(stacks)('%s', (name, start, limit, spec) => {
  beforeEach(async () => {
    rejections = watchRejections()
    server = await start(limit)
    proxy = await startChaosProxy(server.port)
    opened = await openStore(spec(proxy.port))
    app = buildLabApp(opened.store, { namespace: 'stack' })
  })
  afterEach(async () => {
    await opened?.close()
    await proxy?.[Symbol.asyncDispose]()
    await server?.stop()
    rejections.stop()
    expect(rejections.count).toBe(0)
  })

  test('R37 kill -9 with requests in flight, then a restart', async () => {
    const cookies = await logins()
    await crowd(cookies, () => server.stop())
    for (const { status } of await crowd(cookies, () => {})) expect(status).toBe(503)
    await server.restart()
    await expectRecovery()
    // What memory alone held is gone with it: nobody is logged in, and nobody's cookie was taken back.
    for (const reply of await Promise.all(cookies.map((cookie, at) => readAs(`user-${at}`, cookie))))
      expect(reply).toMatchObject({ status: 200, text: '{}' })
  })

  test('frozen, then thawed: outages in time, then every session as it was', async () => {
    const cookies = await logins()
    const during = await crowd(cookies, () => server.signal('SIGSTOP'))
    const more = await crowd(cookies, () => {})
    expect(more.every(({ status }) => status === 503)).toBe(true)
    server.signal('SIGCONT')
    await expectRecovery()
    await sleep(300)
    for (const [at, cookie] of cookies.entries()) {
      const { list } = JSON.parse((await readAs(`user-${at}`, cookie)).text)
      const acknowledged = during[3 * at + 1]?.status === 200
      // At most once, and surely where it was acknowledged. (Both crowds appended the same number.)
      expect(list.length).toBeGreaterThanOrEqual(acknowledged ? 1 : 0)
      expect(list.length).toBeLessThanOrEqual(2)
    }
  })

  test('the connection limit reached, then freed', async () => {
    const cookies = await logins()
    const others: Socket[] = []
    proxy.drop()
    proxy.set({ mode: 'refuse' })
    for (let at = 0; at < connectionLimit + 4; at++) {
      const socket = createConnection(server.port, '127.0.0.1').on('error', () => {})
      others.push(socket)
    }
    await sleep(100)
    proxy.calm()
    const full = await crowd(cookies, () => sleep(300))
    expect(full.some(({ status }) => status === 503)).toBe(true)
    for (const socket of others) socket.destroy()
    await expectRecovery()
    for (const [at, cookie] of cookies.entries()) expect((await readAs(`user-${at}`, cookie)).text).toContain('user')
  })

  test('R12 a server that answers with FIN', async () => {
    const cookies = await logins()
    const replies = await crowd(cookies, () => proxy.set({ mode: 'fin' }))
    expect(replies.some(({ status }) => status === 503)).toBe(true)
    proxy.calm()
    await expectRecovery()
    for (const [at, cookie] of cookies.entries()) expect((await readAs(`user-${at}`, cookie)).text).toContain('user')
  })

  test.each([1, 24, 100, 600])('R13 replies cut after %i bytes', async (bytes) => {
    const cookies = await logins()
    for (const cutBy of ['fin', 'reset'] as const) {
      await crowd(cookies, () => proxy.set({ cutReplyAt: bytes, cutBy }))
      proxy.calm()
      proxy.drop()
      await expectRecovery()
      for (const [at, cookie] of cookies.entries()) expect((await readAs(`user-${at}`, cookie)).text).toContain('user')
    }
  })

  test('R9 a write whose reply was lost is applied at most once', async () => {
    const counts = { acknowledged: 0, unavailable: 0, applied: 0 }
    for (let at = 0; at < 20; at++) {
      const cookie = await login(`user-${at}`)
      const pending = ask('POST', `/slow-append/${at}/30`, cookie)
      await sleep(15)
      // The load has been answered, so this is the reply to the write.
      proxy.set({ loseReplies: 1 })
      const { status } = await pending
      proxy.calm()
      await until(async () => (await readAs(`user-${at}`, cookie)).status === 200, 5000, 'recovery')
      const { list } = JSON.parse((await readAs(`user-${at}`, cookie)).text)
      expect(list.length).toBeLessThanOrEqual(1)
      if (status === 200) expect(list).toEqual([at])
      counts[status === 200 ? 'acknowledged' : 'unavailable']++
      counts.applied += list.length
    }
    console.log(`[R9 ${name}] ${JSON.stringify(counts)}`)
  })
})
