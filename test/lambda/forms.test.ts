import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMemcached, type TestServer } from '../support/servers.ts'
import type { Lambda } from './emulator.ts'
import { type Sender, senders } from './gateway.ts'
import { bundle, start, Visitor } from './instance.ts'

let server: TestServer
let shop: Lambda
let hono: Lambda

beforeAll(async () => {
  server = await startMemcached()
  const folder = await bundle('shop', 'hono')
  shop = await start(folder, 'shop', [server.address])
  hono = await start(folder, 'hono', [server.address])
})

afterAll(async () => {
  await Promise.all([shop, hono].map((lambda) => lambda?.stop()))
  await server?.stop()
})

describe.each(senders)('on the runtime of Lambda, behind %s', (sender) => {
  test('login, cookie, read, change, logout', async () => {
    const alice = new Visitor(sender)
    const login = await alice.ask(shop, '/login/alice')
    expect(login.body).toBe('alice: ')
    expect(login.headers.getSetCookie()).toHaveLength(1)
    const first = alice.cookie
    expect(first).toMatch(/^__Host-sid=/)
    expect((await alice.ask(shop, '/who')).body).toBe('alice: ')
    expect((await alice.ask(shop, '/add/tea')).body).toBe('alice: tea')
    expect(alice.cookie).not.toBe(first)
    expect((await alice.ask(shop, '/nothing')).headers.has('Vary')).toBe(false)
    const stolen = new Visitor(sender)
    stolen.cookie = alice.cookie
    await alice.ask(shop, '/logout')
    // An ALB takes one Set-Cookie, and that ends the claim check; its receipt is no use to anybody.
    expect(alice.cookie?.replace(/^__Host-sid-rev=\S+$/, '') ?? '').toBe('')
    expect((await stolen.ask(shop, '/who')).body).toBe('nobody: ')
  })
})

describe.each(['REST API', 'HTTP API', 'function URL', 'ALB', 'ALB, multi-value'] satisfies Sender[])(
  'a Hono app on the runtime of Lambda, behind %s',
  (sender) => {
    test('login, cookie, read, logout', async () => {
      const alice = new Visitor(sender)
      expect((await alice.ask(hono, '/login/alice')).body).toBe('alice')
      expect(alice.cookie).toMatch(/^__Host-sid=/)
      const read = await alice.ask(hono, '/who')
      expect([read.body, read.headers.get('Vary'), read.headers.getSetCookie()]).toEqual(['alice', 'Cookie', []])
      await alice.ask(hono, '/logout')
      expect(alice.cookie).toBeUndefined()
      expect((await alice.ask(hono, '/who')).body).toBe('nobody')
    })
  },
)

test('a session of one sender is a session of every other, and of Hono', async () => {
  const alice = new Visitor('REST API')
  await alice.ask(shop, '/login/alice')
  for (const sender of senders) {
    const same = new Visitor(sender)
    same.cookie = alice.cookie
    expect((await same.ask(hono, '/who')).body).toBe('alice')
  }
})

test('an event that is no request is an error of the invocation, and the next one is served', async () => {
  const { kind, result } = await shop.invoke({ Records: [{ eventSource: 'aws:sqs' }] })
  expect([kind, result]).toEqual(['error', expect.objectContaining({ errorType: 'SessionUseError' })])
  expect((await new Visitor().ask(shop, '/who')).body).toBe('nobody: ')
})

test('the example counts visits', async () => {
  const example = await start(await bundle('../../examples/lambda/handler.ts'), 'handler', [server.address])
  const alice = new Visitor('function URL')
  for (const visits of [1, 2, 3]) expect((await alice.ask(example, '/')).body).toBe(`{"visits":${visits}}`)
  expect((await alice.ask(example, '/logout')).body).toBe('{"visits":0}')
  expect([alice.cookie, (await alice.ask(example, '/')).body]).toEqual([undefined, '{"visits":1}'])
  await example.stop()
})
