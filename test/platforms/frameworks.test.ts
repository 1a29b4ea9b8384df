import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMemcached, startServer, type TestServer } from '../support/servers.ts'
import { type Answer, ask, type Bundle, bundle, secret } from './container/processes.ts'

/** The examples without Hono, as programs of their own on a real memcached. */
const examples = ['node-http', 'express']

describe.each(examples)('the example %s', (name) => {
  let program: Bundle
  let memcached: TestServer
  let server: TestServer
  beforeAll(async () => {
    program = await bundle(`examples/frameworks/${name}.ts`)
    memcached = await startMemcached()
    server = await startServer((port) => [
      ...[
        'env',
        'NODE_ENV=production',
        `PORT=${port}`,
        `SESSION_SECRET=${secret}`,
        `MEMCACHED_SERVERS=${memcached.address}`,
      ],
      ...[process.execPath, program.file],
    ])
  })
  afterAll(async () => {
    await server?.stop()
    await memcached?.stop()
    await program?.[Symbol.asyncDispose]()
  })
  const send = (method: string, path: string, cookie: string | undefined): Promise<Answer> => {
    const { host, port } = server
    return ask({ host, port, path, method, headers: cookie === undefined ? {} : { cookie } })
  }
  const get = async (cookie?: string) => JSON.parse((await send('GET', '/', cookie)).text)
  const post = (path: string, cookie?: string) => send('POST', path, cookie)

  test('stores before it answers, and reads what was stored', async () => {
    const added = await post('/cart/tea')
    expect([added.status, added.text]).toEqual([200, 'added'])
    expect(added.headers['set-cookie']).toEqual([
      expect.stringMatching(/^__Host-sid=.+; Path=\/; HttpOnly; Secure; SameSite=Lax$/i),
    ])
    expect(added.headers).toMatchObject({
      vary: expect.stringMatching(/cookie/i),
      'cache-control': 'private, no-store',
    })
    const read = await send('GET', '/', added.cookie)
    expect([read.status, JSON.parse(read.text)]).toEqual([200, { userId: null, cart: ['tea'] }])
    expect(read.headers['set-cookie']).toBeUndefined()
    expect(read.headers['cache-control']).toBe('private, no-cache')
  })

  test('a visitor who writes nothing gets no cookie', async () => {
    const { headers, text } = await send('GET', '/', undefined)
    expect([headers['set-cookie'], JSON.parse(text)]).toEqual([undefined, { userId: null, cart: [] }])
    expect((await send('GET', '/nowhere/at/all', undefined)).headers.vary).toBeUndefined()
  })

  test('a login changes the id and keeps the cart, a logout ends the session', async () => {
    const { cookie } = await post('/cart/tea')
    const login = await post('/login', cookie)
    expect(login.text).toBe('welcome')
    expect(await get(login.cookie)).toEqual({ userId: 'alice', cart: ['tea'] })
    expect(await get(cookie)).toEqual({ userId: null, cart: [] })
    const logout = await post('/logout', login.cookie)
    expect([logout.text, logout.cookie]).toEqual(['bye', undefined])
    expect(await get(login.cookie)).toEqual({ userId: null, cart: [] })
  })

  test('ten parallel changes are ten changes', async () => {
    const { cookie } = await post('/cart/first')
    const items = Array.from({ length: 10 }, (_, at) => `item-${at}`)
    const answers = await Promise.all(items.map((item) => post(`/cart/${item}`, cookie)))
    const stored = items.filter((_, at) => answers[at]?.status === 200)
    const { cart } = await get(cookie)
    expect(stored.length).toBeGreaterThan(5)
    expect(cart.toSorted()).toEqual(['first', ...stored].toSorted())
    // Whoever lost too many races is told so, and was not half stored.
    for (const { status } of answers) expect([200, 409, 503]).toContain(status)
  })

  test('of two that take the same cart one is refused, without a cookie', async () => {
    for (let round = 0; round < 20; round++) {
      const { cookie } = await post('/cart/tea')
      const answers = await Promise.all([post('/checkout', cookie), post('/checkout', cookie)])
      expect((await get(cookie)).cart).toEqual([])
      const refused = answers.find(({ status }) => status !== 200)
      if (refused === undefined) continue
      expect([refused.status, refused.headers['set-cookie'], refused.headers.etag]).toEqual([409, undefined, undefined])
      return
    }
    throw new Error('twenty pairs never met')
  })

  test('a handler that fails changes nothing', async () => {
    const { cookie } = await post('/cart/gold')
    const failed = await post('/checkout', cookie)
    expect([failed.status, failed.headers['set-cookie']]).toEqual([500, undefined])
    expect(failed.text).not.toContain('bank')
    expect((await get(cookie)).cart).toEqual(['gold'])
  })

  test('a forged cookie is nobody, and is not asked for', async () => {
    const { cookie = '' } = await post('/cart/tea')
    const forged = `${cookie.slice(0, -4)}AAAA`
    expect(await get(forged)).toEqual({ userId: null, cart: [] })
    // With the store away: nothing is asked of it for a cookie that proves nothing.
    memcached.signal('SIGSTOP')
    const answer = await send('GET', '/', forged)
    memcached.signal('SIGCONT')
    expect(answer.status).toBe(200)
  })

  test('an outage is 503 with Retry-After, not a logout', async () => {
    const { cookie } = await post('/cart/tea')
    memcached.signal('SIGSTOP')
    const [read, write] = await Promise.all([send('GET', '/', cookie), post('/cart/milk', cookie)])
    memcached.signal('SIGCONT')
    for (const { status, headers } of [read, write])
      expect([status, headers['retry-after'], headers['set-cookie']]).toEqual([503, '1', undefined])
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
      const { status, text } = await send('GET', '/', cookie)
      if (status === 200) return expect(JSON.parse(text).cart[0]).toBe('tea')
      await new Promise((wait) => setTimeout(wait, 50))
    }
    throw new Error('it did not recover')
  })

  if (name === 'express')
    test('a stream leaves after the commit too', async () => {
      const { cookie } = await post('/cart/tea')
      const exported = await post('/export', (await post('/cart/milk', cookie)).cookie)
      expect([exported.status, exported.text]).toEqual([200, 'tea\nmilk\n'])
      expect(exported.headers['set-cookie']).toHaveLength(1)
      expect((await get(exported.cookie)).cart).toEqual([])
    })
})
