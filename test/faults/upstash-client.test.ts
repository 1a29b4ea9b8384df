import { createServer } from 'node:http'
import { Redis } from '@upstash/redis'
import { createClient } from 'redis'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import type { Store } from '../../src/store.ts'
import { everyVerb, expectOutage, secrets, watchRejections } from '../support/outage.ts'
import { freePort, startRedis, type TestServer } from '../support/servers.ts'
import { startUpstash, type UpstashBridge, type UpstashFault } from '../support/upstash.ts'
import { waitFor } from '../support/wait-for.ts'

const { key, value } = secrets
/** The default deadline of a call and what a loaded machine may add. */
const inTime = 400 + 100

const faults: UpstashFault[] = [
  'never-answer',
  'stall-body',
  'too-many-requests',
  'server-error',
  'server-error-html',
  'html',
  'truncated-json',
  'error-with-200',
  'empty-result',
  'strange-result',
  'apply-then-reset',
  'apply-then-never-answer',
]

describe.each([
  ['our own client', undefined],
  ['@upstash/redis', Redis],
])('%s', (_, client) => {
  let server: TestServer
  let bridge: UpstashBridge
  let rejections: ReturnType<typeof watchRejections>
  let store: Store

  beforeEach(async () => {
    rejections = watchRejections()
    server = await startRedis()
    bridge = await startUpstash(server.port)
    store = upstashStore({ client, url: bridge.url, token: bridge.token })
  })

  afterEach(async () => {
    await bridge[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    rejections.stop()
    expect(rejections.count).toBe(0)
  })

  const outage = (call: Promise<unknown>) => expectOutage(call, inTime, [bridge.token])

  describe.each(faults)('%s', (fault) => {
    test('every verb is an outage in time, with one request each, and recovers (R34, R35)', async () => {
      bridge.fault = fault
      const calls = everyVerb(store)
      await Promise.all(calls.map((call) => outage(call())))
      expect(bridge.log).toHaveLength(calls.length)
      expect(await store.check?.()).toMatchObject({ ready: false })
      bridge.fault = undefined
      await store.delete(key)
      expect(await store.read(key)).toBeNull()
    })
  })

  test.each<UpstashFault>(['apply-then-reset', 'apply-then-never-answer'])('%s: written once (R33)', async (fault) => {
    const observer = createClient({ socket: { host: server.host, port: server.port } })
    await observer.connect()
    const { version } = (await store.create(key, new TextEncoder().encode('before'), 60)) as { version: string }
    await observer.configResetStat()
    bridge.fault = fault
    await outage(store.update(key, value, 60, version))
    // Long enough for a retry: the SDK's first would come after 50 ms.
    await new Promise((later) => setTimeout(later, 500))
    expect(await observer.info('commandstats')).toMatch(/cmdstat_eval:calls=1,/)
    observer.destroy()
    bridge.fault = undefined
    expect((await store.read(key))?.value).toEqual(value)
    expect(bridge.log.map(({ command }) => command[0])).toEqual(['SET', 'EVAL', 'GET'])
  })

  test('a request past the deadline is hung up on, not left open', async () => {
    bridge.fault = 'never-answer'
    await outage(store.read(key))
    await waitFor(() => expect(bridge.log).toMatchObject([{ abandoned: true }]))
  })

  test('each call has a signal of its own: aborting one leaves the others alone', async () => {
    await store.create(key, value, 60)
    bridge.log.length = 0
    const control = new AbortController()
    bridge.fault = 'never-answer'
    const patient = new AbortController()
    const pending = [store.read(key, { signal: control.signal }), store.read(key, { signal: patient.signal })] as const
    const other = outage(pending[1])
    await waitFor(() => expect(bridge.log).toHaveLength(2))
    bridge.fault = undefined
    const answered = store.read(key)
    control.abort(new Error(`because of ${key}`))
    await expectOutage(pending[0], 50, [bridge.token])
    expect((await answered)?.value).toEqual(value)
    await waitFor(() => expect(bridge.log.filter(({ abandoned }) => abandoned)).toHaveLength(1))
    await other
    await outage(store.create(key, value, 60, { signal: control.signal }))
    expect(bridge.log.filter(({ command }) => command[0] === 'SET')).toEqual([])
  })

  test('a deadline of its own', async () => {
    bridge.fault = 'never-answer'
    const hasty = upstashStore({ client, url: bridge.url, token: bridge.token, callMs: 50 })
    await expectOutage(hasty.read(key), 150, [bridge.token])
  })

  test('a frozen and a killed redis behind the service', async () => {
    server.signal('SIGSTOP')
    await outage(store.read(key))
    server.signal('SIGCONT')
    await store.delete(key)
    await server.stop()
    await Promise.all(everyVerb(store).map((call) => outage(call())))
  })

  test('nobody listens: an outage that names the reason', async () => {
    const refused = upstashStore({ client, url: `http://127.0.0.1:${await freePort()}`, token: bridge.token })
    for (const call of everyVerb(refused)) {
      const error = await outage(call())
      expect(error.message).toContain('ECONNREFUSED')
    }
  })

  test.each([null, true, 1, '"x"', [], [[]], { result: 0 }, { result: [null] }, { result: { status: 'stored' } }])(
    'the body %j is an outage for every verb',
    async (body) => {
      const strange = createServer((_, response) => void response.end(JSON.stringify(body)))
      const port = await freePort()
      await new Promise<void>((listening) => strange.listen(port, '127.0.0.1', listening))
      const astray = upstashStore({ client, url: `http://127.0.0.1:${port}`, token: bridge.token })
      for (const call of everyVerb(astray)) {
        // DEL does answer with 0.
        if (call.toString().includes('delete(key)') && (body as { result?: unknown } | null)?.result === 0) continue
        await outage(call())
      }
      strange.closeAllConnections()
      await new Promise((closed) => strange.close(closed))
    },
  )

  test('a wrong token is an outage without the token', async () => {
    const refused = upstashStore({ client, url: bridge.url, token: 'WRONG-TOKEN' })
    for (const call of everyVerb(refused)) {
      const error = await expectOutage(call(), inTime, ['WRONG-TOKEN'])
      expect(error.message).toContain('WRONGPASS')
    }
  })

  test('nothing is written to the console', async () => {
    const spies = (['log', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name))
    bridge.fault = 'too-many-requests'
    for (const call of everyVerb(upstashStore({ client, url: bridge.url, token: bridge.token }))) await outage(call())
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
    vi.restoreAllMocks()
  })
})

test('a redirect is not followed: neither token nor bytes go elsewhere', async () => {
  const asked: string[] = []
  const elsewhere = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers.authorization}`)
    response.end('{"result":"OK"}')
  })
  const [from, to] = [await freePort(), await freePort()]
  const redirecting = createServer((_, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${to}/` }).end('{"result":"OK"}')
  })
  elsewhere.listen(to, '127.0.0.1')
  await new Promise<void>((listening) => redirecting.listen(from, '127.0.0.1', listening))
  const store = upstashStore({ url: `http://127.0.0.1:${from}`, token: 'TOKEN' })
  for (const call of everyVerb(store)) await expectOutage(call(), inTime, ['TOKEN'])
  expect(asked).toEqual([])
  for (const server of [elsewhere, redirecting]) {
    server.closeAllConnections()
    server.close()
  }
})
