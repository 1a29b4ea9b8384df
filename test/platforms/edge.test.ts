import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { forge } from '../support/forge.ts'
import { nextCookies } from '../support/jar.ts'
import { stats } from '../support/memcached.ts'
import { startMemcached, startServer, type TestServer } from '../support/servers.ts'
import { startWorker, type TestWorker } from '../support/wrangler.ts'
import { startUpstream, type Upstream } from './edge-upstream.ts'

const secret = 'a-secret-of-the-test-32-bytes-long'

let memcached: TestServer
let container: TestServer
let upstream: Upstream
let worker: TestWorker
/** The two ways to the same application. */
let edge: string
let direct: string

beforeAll(async () => {
  ;[memcached, upstream] = await Promise.all([startMemcached(), startUpstream()])
  // First, because this builds what the container runs on.
  worker = await startWorker('examples/edge/wrangler.toml', { SESSION_SECRET: secret }, { UPSTREAM: upstream.url })
  const settings = [`MEMCACHED_SERVERS=${memcached.address}`, `SESSION_SECRET=${secret}`]
  const command = [...settings, process.execPath, 'examples/edge/app.ts']
  container = await startServer((port) => ['env', `PORT=${port}`, ...command])
  upstream.port = container.port
  ;[edge, direct] = [worker.url, `http://${container.address}`]
})
afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  await Promise.all([upstream?.stop(), container?.stop(), memcached?.stop()])
})
beforeEach(() => {
  upstream.log.length = 0
})
afterEach(() => {
  upstream.answer = undefined
})

interface Ask {
  readonly cookie?: string | undefined
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

/** With a form it is a POST, from a page of the same address. */
function ask(base: string, path: string, { cookie, form, headers = {} }: Ask = {}): Promise<Response> {
  const sent = { ...headers, ...(cookie === undefined ? {} : { Cookie: cookie }) }
  const post = { method: 'POST', body: new URLSearchParams(form), headers: { Origin: base, ...sent } }
  return fetch(base + path, { redirect: 'manual', ...(form === undefined ? { headers: sent } : post) })
}

/** The cookie that an answer sets. */
function cookieOf(response: Response): string {
  const [cookie = ''] = response.headers.getSetCookie().map((value) => value.split(';')[0])
  return cookie
}

async function logIn(base: string, name: string): Promise<string> {
  const response = await ask(base, '/login', { form: { name } })
  expect(response.status).toBe(303)
  return cookieOf(response)
}

const dataOf = async (base: string, cookie: string): Promise<unknown> => (await ask(base, '/', { cookie })).json()

/** What the store has been asked so far; asking for it does not count. */
async function commands(): Promise<number> {
  const counters = Object.entries(await stats(memcached))
  const counted = /^(?:cmd_(?:get|set|touch|meta)|(?:delete|cas)_(?:hits|misses)|cas_badval)$/
  return counters.reduce((sum, [name, count]) => sum + (counted.test(name) ? count : 0), 0)
}

describe('a Worker and the container behind it share one session', () => {
  test('logged in through the Worker, read both ways', async () => {
    const cookie = await logIn(edge, 'Ada')
    const added = await ask(edge, '/bag/hat', { form: {}, cookie })
    expect([added.status, added.headers.get('Location')]).toEqual([303, '/'])
    expect(upstream.log).toHaveLength(2)
    const newer = nextCookies(cookie, added.headers.getSetCookie()) ?? ''
    expect(newer).toContain('__Host-sid-rev=')
    expect(await dataOf(edge, newer)).toEqual({ name: 'Ada', bag: ['hat'] })
    expect(upstream.log).toHaveLength(3)
    expect(await dataOf(direct, newer)).toEqual({ name: 'Ada', bag: ['hat'] })
    expect(await (await ask(edge, '/account', { cookie: newer })).json()).toEqual({ name: 'Ada' })
  })

  test('logged in at the container, read and changed through the Worker', async () => {
    const cookie = await logIn(direct, 'Bob')
    await ask(edge, '/bag/label', { form: {}, cookie })
    expect(await dataOf(edge, cookie)).toEqual({ name: 'Bob', bag: ['label'] })
    expect(await dataOf(direct, cookie)).toEqual({ name: 'Bob', bag: ['label'] })
  })

  test('logged out through the Worker, it has ended for both, and it is the container that notices', async () => {
    const cookie = await logIn(edge, 'Ada')
    const farewell = await ask(edge, '/logout', { form: {}, cookie })
    expect(farewell.headers.getSetCookie()).toEqual(Array(2).fill(expect.stringContaining('Max-Age=0')))
    expect(await dataOf(direct, cookie)).toEqual({})
    upstream.log.length = 0
    const account = await ask(edge, '/account', { cookie })
    expect([account.status, upstream.log.length]).toEqual([401, 1])
  })
})

describe('without a ticket', () => {
  test('the shop is open to everybody, and costs the store nothing', async () => {
    const before = await commands()
    const response = await ask(edge, '/', { cookie: 'theme=dark' })
    expect([response.status, await response.json(), upstream.log.length]).toEqual([200, {}, 1])
    expect(await commands()).toBe(before)
  })

  test('the account is refused by the Worker alone', async () => {
    const response = await ask(edge, '/account')
    expect([response.status, response.headers.getSetCookie(), upstream.log.length]).toEqual([401, [], 0])
  })
})

test('which of two tickets counts, the Worker leaves to the container (F15)', async () => {
  const old = await logIn(edge, 'Ada')
  const cookie = await logIn(edge, 'Bob')
  await ask(edge, '/logout', { form: {}, cookie: old })
  expect(await dataOf(edge, `${old}; ${cookie}`)).toEqual({ name: 'Bob' })
})

describe('a ticket that is not ours', () => {
  const hours = 3_600_000
  const valid = async () => (await forge(Date.now(), secret)).cookie
  const spoilt = (cookie: string, at: number) => {
    const place = at < 0 ? cookie.length + at : at
    return `${cookie.slice(0, place)}${cookie[place] === 'A' ? 'B' : 'A'}${cookie.slice(place + 1)}`
  }
  const tickets: Readonly<Record<string, () => Promise<string>>> = {
    'not a token': async () => '__Host-sid=hello',
    forged: async () => '__Host-sid=eyJhbGciOiJub25lIn0.eyJzaWQiOiJBZGEifQ.',
    'altered in its claims': async () => spoilt(await valid(), 150),
    'altered in its signature': async () => spoilt(await valid(), -20),
    'cut short': async () => (await valid()).slice(0, -1),
    'signed with another secret': async () => (await forge(Date.now(), 'another-secret-of-32-bytes-or-more')).cookie,
    'of another namespace': async () => (await forge(Date.now(), secret, 'other')).cookie,
    expired: async () => (await forge(Date.now() - 9 * hours, secret)).cookie,
  }

  test.each(Object.keys(tickets))('%s: refused with 0 requests upstream and 0 store commands', async (name) => {
    const cookie = (await tickets[name]?.()) ?? ''
    const before = await commands()
    for (const [path, form] of [['/'], ['/account'], ['/bag/hat', {}]] as const) {
      const response = await ask(edge, path, { cookie, ...(form ? { form } : {}) })
      expect(response.status).toBe(401)
      expect(response.headers.get('Cache-Control')).toBe('no-store')
      expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-sid=; .*Max-Age=0/)])
      expect(await response.text()).not.toMatch(/signature|expired|claims/)
    }
    expect(upstream.log).toEqual([])
    expect(await commands()).toBe(before)
  })

  test('one that is ours passes, so the list above is refused for what was changed', async () => {
    const before = await commands()
    expect((await ask(edge, '/', { cookie: await valid() })).status).toBe(200)
    expect(upstream.log).toHaveLength(1)
    expect(await commands()).toBeGreaterThan(before)
  })

  test('forty at once, good and bad in turn, are told apart', async () => {
    const cookies = await Promise.all(
      Array.from({ length: 20 }, (_, at) => tickets[at % 2 ? 'expired' : 'cut short']?.()),
    )
    const good = await valid()
    const asked = cookies.flatMap((bad) => [ask(edge, '/', { cookie: bad ?? '' }), ask(edge, '/', { cookie: good })])
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    expect(statuses).toEqual(cookies.flatMap(() => [401, 200]))
    expect(upstream.log).toHaveLength(20)
  })
})

describe('forwarding', () => {
  test('says where the browser is, and does not repeat what the client says about it', async () => {
    const claims = { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-For': '6.6.6.6', Forwarded: 'for=6.6.6.6' }
    await ask(edge, '/?a=1&b=%2F', { headers: { ...claims, 'X-Own': 'kept' } })
    const [{ path, headers } = { path: '', headers: {} }] = upstream.log
    expect(path).toBe('/?a=1&b=%2F')
    expect(headers).toMatchObject({
      'x-forwarded-host': new URL(edge).host,
      'x-forwarded-proto': 'http',
      'x-own': 'kept',
    })
    expect(headers.host).toBe(new URL(upstream.url).host)
    expect(JSON.stringify(headers)).not.toMatch(/evil|6\.6\.6\.6/)
  })

  test('a path that looks like an address stays a path', async () => {
    expect((await ask(edge, '//evil.example/x')).status).toBe(404)
    expect(upstream.log).toMatchObject([{ path: '//evil.example/x' }])
  })

  test('a form of another site is refused by the container, one of this site is not', async () => {
    const cookie = await logIn(edge, 'Ada')
    const forged = await ask(edge, '/bag/hat', {
      form: { a: 'b' },
      cookie,
      headers: { Origin: 'https://evil.example' },
    })
    expect(forged.status).toBe(403)
    expect(await dataOf(edge, cookie)).toEqual({ name: 'Ada' })
  })

  test('the answer is streamed, its redirect and cookies untouched', async () => {
    let finish = () => {}
    upstream.answer = (response) => {
      response.writeHead(302, ['Location', '/next', 'Set-Cookie', 'a=1; Path=/', 'Set-Cookie', 'b=2; Path=/'])
      response.write('first')
      finish = () => response.end(' and second')
    }
    // Compressed, which `wrangler dev` does where it may, the first word would wait for more.
    const response = await ask(edge, '/', { headers: { 'Accept-Encoding': 'identity' } })
    expect([response.status, response.headers.get('Location')]).toEqual([302, '/next'])
    expect(response.headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2; Path=/'])
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toBe('first')
    finish()
    expect((await reader?.read())?.value).toBe(' and second')
  })

  test('an outage behind it is a 502 that leaves the cookie alone', async () => {
    const cookie = await logIn(direct, 'Ada')
    upstream.answer = (response) => void response.socket?.resetAndDestroy()
    const response = await ask(edge, '/', { cookie })
    expect([response.status, response.headers.get('Retry-After')]).toEqual([502, '1'])
    expect(response.headers.getSetCookie()).toEqual([])
    upstream.answer = undefined
    expect(await dataOf(edge, cookie)).toEqual({ name: 'Ada' })
  })
})
