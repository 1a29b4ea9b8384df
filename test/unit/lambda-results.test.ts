import { describe, expect, it } from 'vitest'
import { withSession } from '../../adapters/platforms/lambda.ts'
import type { Session } from '../../src/index.ts'
import { eventOf, received, type Sender, senders } from '../lambda/gateway.ts'
import { type Any, kit, withData } from '../support/app.ts'

type Work = (session: Session<Any>) => unknown
const write: Work = (session) => session.set('user', 'bob')
const read: Work = (session) => session.get('user')

/** One invocation: the handler uses its session so and returns this. */
async function invoke(sender: Sender, work: Work, result: unknown, cookie?: string, options = kit().options) {
  const handler = withSession(options, async (_event: object, session: Session<Any>) => {
    await work(session)
    return result
  })
  const given = await handler(eventOf(sender, { cookie }), {})
  return { given: given as Any, ...received(sender, given) }
}

/** Frozen all the way down: writing to it throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) for (const part of Object.values(Object.freeze(value))) frozen(part)
  return value
}

const multi = (sender: Sender) => sender === 'ALB, multi-value'
/** Headers of a handler in the form of its sender. */
const inForm = (sender: Sender, headers: Record<string, string>) =>
  multi(sender)
    ? { multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])) }
    : { headers }

describe.each(senders)('results of %s', (sender) => {
  it('an untouched session leaves the result alone: the same object', async () => {
    const result = frozen({ statusCode: 200, ...inForm(sender, { 'X-Own': '1' }), body: 'x' })
    expect((await invoke(sender, () => {}, result)).given).toBe(result)
  })

  it('a write sets one cookie, and no cache may keep the answer', async () => {
    const { status, headers, body } = await invoke(sender, write, { statusCode: 201, body: 'made' })
    expect([status, body]).toEqual([201, 'made'])
    expect(headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-sid=[^;]+; Path=\/; HttpOnly; Secure/)])
    expect(headers.get('Cache-Control')).toBe('private, no-store')
    expect(headers.get('Vary')).toBe('Cookie')
  })

  it('a read sets none, and varies', async () => {
    const { headers } = await invoke(sender, read, { statusCode: 200, body: '' })
    expect(Object.fromEntries(headers)).toEqual({ 'cache-control': 'private, no-cache', vary: 'Cookie' })
  })

  it('a logout takes the cookie back', async () => {
    const { test, user } = await withData()
    const one = await invoke(sender, (session) => session.destroy(), { statusCode: 200 }, user.cookie, test.options)
    // A load balancer without multi-value headers sends one cookie: then it is the claim check that goes.
    const cleared = [/^__Host-sid=; Max-Age=0;/, /^__Host-sid-rev=; Max-Age=0;/].slice(0, sender === 'ALB' ? 1 : 2)
    expect(one.headers.getSetCookie()).toEqual(cleared.map((pattern) => expect.stringMatching(pattern)))
  })

  it("the handler's own headers keep their spelling, values and place", async () => {
    const headers = { 'X-Own': '1', 'Content-Type': 'text/html; charset=utf-8', ETag: '"a"', 'x-name': 'ä' }
    const result = frozen({ statusCode: 200, ...inForm(sender, headers), body: 'aGk=', isBase64Encoded: true, more: 1 })
    const { given } = await invoke(sender, write, result)
    const expected: Any = inForm(sender, headers)
    expect(given).toMatchObject({ body: 'aGk=', isBase64Encoded: true, more: 1, ...expected })
    expect(Object.keys(given).filter((key) => key.endsWith('eaders')).length).toBe(sender === 'REST API' ? 2 : 1)
  })

  it('cache headers of the handler give way to a cookie, whatever their spelling', async () => {
    const mine = {
      'CACHE-control': 'public, max-age=60',
      'cdn-Cache-Control': 'max-age=60',
      expires: 'never',
      vary: 'Accept',
    }
    const { headers, given } = await invoke(sender, write, frozen({ statusCode: 200, ...inForm(sender, mine) }))
    expect(headers.get('Cache-Control')).toBe('private, no-store')
    expect(headers.get('Vary')).toBe('Accept, Cookie')
    expect([headers.has('Expires'), headers.has('CDN-Cache-Control')]).toEqual([false, false])
    expect(JSON.stringify(given)).not.toContain('max-age=60')
  })

  it('a read leaves them, but varies', async () => {
    const mine = { 'Cache-control': 'private, max-age=60', VARY: 'Accept-Encoding' }
    const { headers } = await invoke(sender, read, frozen({ statusCode: 200, ...inForm(sender, mine) }))
    expect([headers.get('Cache-Control'), headers.get('Vary')]).toEqual([
      'private, max-age=60',
      'Accept-Encoding, Cookie',
    ])
  })

  it("the session's cookie comes first, and the handler's after it, where more than one can be sent", async () => {
    const own = { 'SET-cookie': 'own=1; Path=/' }
    const { headers } = await invoke(sender, write, frozen({ statusCode: 200, ...inForm(sender, own) }))
    const [first, ...others] = headers.getSetCookie()
    expect(first).toMatch(/^__Host-sid=/)
    expect(others).toEqual(sender === 'ALB' ? [] : ['own=1; Path=/'])
  })

  it("the handler's cookie stays where the session has none to send", async () => {
    const own = { 'set-Cookie': 'own=1; Path=/' }
    const { headers } = await invoke(sender, read, frozen({ statusCode: 200, ...inForm(sender, own) }))
    expect(headers.getSetCookie()).toEqual(['own=1; Path=/'])
  })

  it('an answer of 500 that is returned is an answer: it commits', async () => {
    const test = kit()
    const { status, headers } = await invoke(sender, write, { statusCode: 500 }, undefined, test.options)
    expect([status, headers.getSetCookie().length, test.store.calls.create]).toEqual([500, 1, 1])
  })
})

describe('bare results of format 2.0', () => {
  it.each([
    ['a text', 'hello', 'hello'],
    ['an object', { a: 1 }, '{"a":1}'],
    ['a list', [1, 2], '[1,2]'],
    ['a number', 5, '5'],
    ['nothing', undefined, 'null'],
    ['null', null, 'null'],
    ['an object without a status', { headers: { a: 'b' }, body: 'x' }, '{"headers":{"a":"b"},"body":"x"}'],
  ])('%s becomes what the gateway makes of it, with the headers', async (_, result, body) => {
    for (const sender of ['HTTP API', 'function URL'] as const) {
      const bare = await invoke(sender, () => {}, result)
      expect(bare.given).toBe(result)
      const { status, headers, ...rest } = await invoke(sender, write, result)
      expect([status, rest.body, bare.status, bare.body]).toEqual([200, body, 200, body])
      expect(headers.get('Content-Type')).toBe(bare.headers.get('Content-Type'))
      expect([headers.getSetCookie().length, headers.get('Vary')]).toEqual([1, 'Cookie'])
    }
  })

  it.each(['REST API', 'ALB'] as const)('are none of %s: the gateway says so itself', async (sender) => {
    for (const result of [undefined, 'hello', [1]]) expect((await invoke(sender, write, result)).given).toBe(result)
  })
})

describe.each(['REST API', 'HTTP API', 'function URL', 'ALB, multi-value'] as const)('cookies on %s', (sender) => {
  const own = ['plain=1', 'name=Zo\u00eb', 'snow=\u2603; Path=/', 'last=2']
  it("of the handler's own with a character above U+00FF are kept, in their order (F33)", async () => {
    const cookies =
      sender === 'REST API' || multi(sender) ? { multiValueHeaders: { 'Set-Cookie': own } } : { cookies: own }
    const handler = withSession(kit().options, async (_event: object, session: Session<Any>) => {
      await write(session)
      return frozen({ statusCode: 200, ...cookies })
    })
    const given: Any = await handler(eventOf(sender), {})
    const sent: readonly string[] = given.cookies ?? given.multiValueHeaders['set-cookie']
    expect([sent[0]?.slice(0, 11), sent.slice(1)]).toEqual(['__Host-sid=', own])
  })
})

describe('one form of its own', () => {
  it('format 2.0 keeps cookies in their list', async () => {
    const result = frozen({ statusCode: 200, cookies: ['a=1', 'b=2'], headers: { 'Set-Cookie': 'c=3' } })
    const { given } = await invoke('HTTP API', write, result)
    expect(given.cookies).toEqual([expect.stringMatching(/^__Host-sid=/), 'a=1', 'b=2', 'c=3'])
    expect(Object.keys(given.headers)).toEqual(['cache-control', 'vary'])
  })

  it('a REST API merges both maps, and what stands in both is sent once', async () => {
    const own = { 'Set-Cookie': 'a=1', Vary: 'Accept' }
    const result = frozen({
      statusCode: 200,
      headers: own,
      multiValueHeaders: { 'set-cookie': ['a=1', 'b=2'], vary: ['Origin'] },
    })
    const { given, headers } = await invoke('REST API', write, result)
    expect(headers.getSetCookie().slice(1)).toEqual(['a=1', 'b=2'])
    expect(headers.get('Vary')).toBe('Origin, Accept, Cookie')
    expect(given.multiValueHeaders).toEqual({ 'set-cookie': expect.any(Array) })
    expect(given.headers).toEqual({ 'cache-control': 'private, no-store', vary: 'Origin, Accept, Cookie' })
  })

  it('a load balancer looks at one map only: what stands in the other does not count', async () => {
    const open = { 'Cache-Control': 'public, max-age=60' }
    const single = await invoke('ALB', read, { statusCode: 200, multiValueHeaders: { 'Cache-Control': ['public'] } })
    const multi = await invoke('ALB, multi-value', read, { statusCode: 200, headers: open })
    for (const { headers } of [single, multi]) expect(headers.get('Cache-Control')).toBe('private, no-cache')
  })

  it('what is no header of HTTP is left to the gateway', async () => {
    const { options } = kit()
    const headers = frozen({ 'x-ümlaut': 'a', 'x-line': 'a\nb', 'x-wide': '\u20ac', 'cache-control': 'a\nb' })
    const handler = withSession(options, async (_event: object, session: Session<Any>) => {
      await session.get('user')
      return { statusCode: 200, headers }
    })
    const { headers: sent } = await handler(eventOf('HTTP API'), {})
    expect(sent).toEqual({ ...headers, 'cache-control': 'private, no-cache', vary: 'Cookie' })
  })

  it('numbers and booleans are header values', async () => {
    const result = frozen({ statusCode: 200, headers: { Age: 5, 'X-On': true, Vary: undefined } })
    const { given } = await invoke('ALB', read, result)
    expect(given.headers).toEqual({ Age: 5, 'X-On': true, 'cache-control': 'private, no-cache', vary: 'Cookie' })
  })
})
