import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { session } from '../../adapters/frameworks/node.ts'
import type { Session } from '../../src/index.ts'
import { kit } from '../support/app.ts'
import { nodeServer } from '../support/node-server.ts'
import { gatedStore } from '../support/stores.ts'
import { waitFor } from '../support/wait-for.ts'

async function loggedIn() {
  const test = kit()
  const user = test.browser()
  await user.visit((one) => one.set('user', 'alice'))
  const stored = () => test.browser(user.cookie).visit((one) => one.all())
  return { test, cookie: user.cookie, stored }
}

describe('what a handler writes leaves as it would without a session', () => {
  const note = { Connection: 'close' }
  it.each<[string, (res: ServerResponse) => unknown]>([
    ['end with a text', (res) => res.end('text')],
    ['end with nothing', (res) => res.end()],
    ['end with a callback', (res) => res.end('text', 'utf8', () => {})],
    ['a length of its own', (res) => res.setHeader('Content-Length', 4).end('text')],
    ['write and end', (res) => [res.write('te'), res.end('xt')]],
    ['many writes', (res) => [...'text'].map((one) => res.write(one)) && res.end()],
    ['bytes and encodings', (res) => [res.write('dGV4', 'base64'), res.end(Buffer.from('t'))]],
    ['writeHead with a reason', (res) => res.writeHead(207, 'Many').end('text')],
    [
      'writeHead with headers',
      (res) => res.setHeader('X-A', 'a').writeHead(201, { 'X-A': 'b', 'X-B': 'c' }).end('text'),
    ],
    ['writeHead with a reason and headers', (res) => res.writeHead(201, 'Made', { 'X-B': ['c', 'd'] }).end('text')],
    ['writeHead with a list', (res) => res.writeHead(200, ['X-B', 'c', 'X-B', 'd', 'Content-Length', '4']).end('text')],
    ['a status of its own', (res) => Object.assign(res, { statusCode: 404, statusMessage: 'Nowhere' }).end('text')],
    ['flushHeaders first', (res) => [res.flushHeaders(), res.end('text')]],
    ['204', (res) => res.writeHead(204).end()],
    ['a stream', (res) => Readable.from(['te', 'xt']).pipe(res)],
    ['a pipeline', (res) => pipeline(Readable.from(['te', 'xt']), new PassThrough(), res)],
    ['an iterable', (res) => pipeline(['te', 'xt'], res)],
  ])('%s', async (_, write) => {
    const { test, cookie } = await loggedIn()
    await using here = await nodeServer(test.options, async (req, res) => {
      res.setHeader('Date', 'Thu, 26 Nov 2026 08:00:00 GMT')
      if (req.url === '/with') await req.session.update('count', (count = 0) => count + 1)
      await write(res)
    })
    const [plain, held] = await Promise.all(
      ['/without', '/with'].map(async (path) => {
        const response = await here.fetch(path, cookie, { headers: note })
        const headers = [...response.headers].filter(([name]) => !/^(vary|cache-control|set-cookie)$/.test(name))
        return [response.status, response.statusText, headers, await response.text()]
      }),
    )
    expect(held).toEqual(plain)
    expect(here.errors).toEqual([])
  })
})

it('an answer that only read its session is not held', async () => {
  const { test, cookie } = await loggedIn()
  const seen: unknown[] = []
  await using here = await nodeServer(test.options, async (req, res) => {
    await req.session.get('user')
    res.end('page')
    seen.push(Object.hasOwn(res, 'headersSent'), res.headersSent)
    if (req.url === '/twice') seen.push(await req.session.get('user'))
  })
  for (const path of ['/', '/twice']) {
    const { headers } = await here.fetch(path, cookie)
    expect([headers.get('Vary'), headers.get('Cache-Control')]).toEqual(['Cookie', 'private, no-cache'])
  }
  expect(seen).toEqual([false, true, false, true, 'alice'])
})

describe('while an answer is held', () => {
  it('it looks sent: a second answer fails as it would, and changes nothing', async () => {
    const { test, cookie } = await loggedIn()
    const gated = gatedStore(test.store)
    const seen: unknown[] = []
    await using here = await nodeServer({ ...test.options, store: gated }, async (req, res) => {
      req.session.set('count', 1)
      res.setHeader('X-First', 'yes')
      seen.push(res.headersSent, res.writableEnded)
      res.end('first')
      seen.push(res.headersSent, res.writableEnded)
      for (const again of [
        () => res.setHeader('Content-Length', 3),
        () => res.removeHeader('X-First'),
        () => res.writeHead(500),
      ]) {
        try {
          again()
        } catch (error) {
          seen.push((error as { code: string }).code)
        }
      }
      res.statusCode = 500
    })
    const gate = gated.hold('update')
    const answer = here.fetch('/', cookie)
    await gate.reached
    gate.release()
    const response = await answer
    expect([response.status, response.headers.get('X-First'), await response.text()]).toEqual([200, 'yes', 'first'])
    const sent = 'ERR_HTTP_HEADERS_SENT'
    expect(seen).toEqual([false, false, true, true, sent, sent, sent])
  })

  it('R24: a writer is told to wait, and goes on when it may: what is held is one chunk', async () => {
    const { test, cookie } = await loggedIn()
    const gated = gatedStore(test.store)
    let made = 0
    const source = new Readable({
      highWaterMark: 1000,
      read() {
        this.push(made++ < 100 ? Buffer.alloc(1000) : null)
      },
    })
    await using here = await nodeServer({ ...test.options, store: gated }, async (req, res) => {
      req.session.set('count', 1)
      source.pipe(res)
    })
    const gate = gated.hold('update')
    const answer = here.fetch('/', cookie)
    await gate.reached
    await new Promise((turn) => setTimeout(turn, 20))
    expect(made).toBeLessThan(5)
    gate.release()
    expect((await (await answer).bytes()).length).toBe(100_000)
  })

  it('E13: a client that leaves does not keep the commit from happening, nor is anything left behind', async () => {
    const { test, cookie, stored } = await loggedIn()
    const gated = gatedStore(test.store)
    await using here = await nodeServer({ ...test.options, store: gated }, (req, res) => {
      req.session.set('count', 1)
      res.end('done')
    })
    const gate = gated.hold('update')
    const socket = connect(here.port, '127.0.0.1')
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`)
    await gate.reached
    socket.destroy()
    gate.release()
    await waitFor(async () => expect(await stored()).toEqual({ user: 'alice', count: 1 }))
    expect(here.errors).toEqual([])
  })

  it('E8: an error after the first byte breaks the answer off; the commit stands', async () => {
    const { test, cookie, stored } = await loggedIn()
    await using here = await nodeServer(test.options, async (req, res) => {
      req.session.set('count', 1)
      const source = async function* () {
        yield 'one'
        await new Promise((turn) => setTimeout(turn, 20))
        throw new Error('a bug')
      }
      await pipeline(source, res)
    })
    const response = await here.fetch('/', cookie)
    expect(response.headers.getSetCookie()).toHaveLength(1)
    await expect(response.text()).rejects.toThrow()
    expect(await stored()).toEqual({ user: 'alice', count: 1 })
    expect(here.errors).toEqual([new Error('a bug')])
  })
})

describe('where the commit is refused', () => {
  it.each<[string, (res: ServerResponse, source: Readable) => unknown]>([
    ['a piped source', (res, source) => source.pipe(res)],
    ['a pipeline', (res, source) => pipeline(source, res)],
    ['a pipeline of several', (res, source) => pipeline(source, new PassThrough(), res)],
    [
      'an iterable',
      (res, source) =>
        pipeline(async function* () {
          yield* source
        }, res),
    ],
    [
      'a handler that writes by itself',
      async (res, source) => {
        for await (const chunk of source) if (!res.write(chunk)) await once(res, 'drain')
        res.end()
      },
    ],
  ])('E14: %s is not heard any more, is ended, and the error handler answers, also later', async (_, write) => {
    const { test, cookie } = await loggedIn()
    let made = 0
    const source = new Readable({
      read() {
        this.push(made++ < 50 ? Buffer.alloc(20_000, 'x') : null)
      },
    })
    const withSession = session(test.options)
    const outcomes: unknown[] = []
    const server = createServer((req, res) => {
      withSession(req, res, async (error) => {
        outcomes.push(error)
        if (error) {
          await new Promise((turn) => setTimeout(turn, 20))
          return void res.writeHead((error as { status: number }).status, { 'Content-Type': 'text/plain' }).end('sorry')
        }
        const { session } = req as never as { session: Session }
        await session.get('user')
        session.set('user', 'bob')
        res.setHeader('Content-Type', 'application/octet-stream')
        test.failing.always('throw')
        await Promise.resolve(write(res, source)).catch(() => {})
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const response = await fetch(`http://127.0.0.1:${port}`, { headers: { Cookie: cookie ?? '' } })
    expect([response.status, response.headers.get('Content-Type'), await response.text()]).toEqual([
      ...[503, 'text/plain', 'sorry'],
    ])
    expect([response.headers.get('Retry-After'), response.headers.getSetCookie()]).toEqual(['1', []])
    await waitFor(() => expect(source.destroyed).toBe(true))
    expect(outcomes).toEqual([undefined, expect.objectContaining({ code: 'unavailable' })])
    server.closeAllConnections()
    server.close()
  })

  it('headers from before the session stay, those of the answer go', async () => {
    const { test, cookie } = await loggedIn()
    await using here = await nodeServer(
      test.options,
      async (req, res) => {
        await req.session.get('user')
        req.session.set('user', 'bob')
        res.setHeader('X-Frame-Options', 'SAMEORIGIN').setHeader('X-Page', '1')
        test.failing.always('throw')
        res.end()
      },
      (_, res) => void res.setHeader('X-Frame-Options', 'DENY'),
    )
    const { status, headers } = await here.fetch('/', cookie)
    expect([status, headers.get('X-Frame-Options'), headers.get('X-Page')]).toEqual([503, 'DENY', null])
    expect([headers.get('Vary'), headers.get('Cache-Control')]).toEqual(['Cookie', 'private, no-store'])
  })

  it('an answer that cannot be sent after all goes to the error handler, with the cookie of what is stored', async () => {
    const { test, cookie, stored } = await loggedIn()
    await using here = await nodeServer(test.options, (req, res) => {
      req.session.set('count', 1)
      res.writeHead(99).end()
    })
    const { status, headers } = await here.fetch('/', cookie)
    expect([status, headers.getSetCookie().length]).toEqual([500, 1])
    expect(here.errors).toEqual([expect.objectContaining({ code: 'ERR_HTTP_INVALID_STATUS_CODE' })])
    expect(await stored()).toEqual({ user: 'alice', count: 1 })
  })
})

describe('upgrades', () => {
  it('E7: a 101 has no header of the session, which is committed all the same', async () => {
    const { test, cookie, stored } = await loggedIn()
    await using here = await nodeServer(test.options, (req, res) => {
      req.session.set('socket', 1)
      res.writeHead(101, { Connection: 'Upgrade', Upgrade: 'test' }).end()
    })
    const socket = connect(here.port, '127.0.0.1')
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    expect(`${head}`).toMatch(/^HTTP\/1\.1 101 /)
    expect(`${head}`).not.toMatch(/cookie|cache/i)
    socket.destroy()
    await waitFor(async () => expect(await stored()).toEqual({ user: 'alice', socket: 1 }))
  })

  it.each([
    ['no response', {}],
    ['something with a few of its methods, as of Engine.IO', { writeHead() {}, setHeader() {}, end() {} }],
  ])('at the event of an upgrade there is %s: the session is read, and a change throws', async (_, response) => {
    const { test, cookie, stored } = await loggedIn()
    await using here = await nodeServer(test.options, () => {})
    const withSession = session(test.options)
    const seen: unknown[] = []
    here.server.on('upgrade', (req, socket) => {
      withSession(req, response as never, async () => {
        const { session } = req as never as { session: Session }
        seen.push(await session.get('user'))
        try {
          session.set('user', 'bob')
        } catch (error) {
          seen.push(error)
        }
        const again = session.reopen()
        again.session.set('messages', 1)
        seen.push((await again.commit()).status)
        socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\n')
      })
    })
    const socket = connect(here.port, '127.0.0.1')
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: test\r\nCookie: ${cookie}\r\n\r\n`)
    socket.resume()
    await once(socket, 'close')
    expect(seen).toEqual(['alice', expect.objectContaining({ code: 'invalid-use' }), 'live'])
    expect(await stored()).toEqual({ user: 'alice', messages: 1 })
  })
})

describe('mounted twice', () => {
  const second = async (options: (first: ReturnType<typeof kit>) => Parameters<typeof session>[0]) => {
    const { test, cookie, stored } = await loggedIn()
    const inner = session(options(test))
    await using here = await nodeServer(test.options, async (req, res) => {
      const outer = req.session
      await new Promise<void>((done, fail) => inner(req, res, (error) => (error ? fail(error as Error) : done())))
      outer.set('same', req.session === outer)
      res.end()
    })
    const { status } = await here.fetch('/', cookie)
    return { status, errors: here.errors, stored: await stored() }
  }

  it('E17, F20: with the same options it is one session', async () => {
    expect(await second(({ options }) => ({ ...options }))).toEqual({
      ...{ status: 200, errors: [], stored: { user: 'alice', same: true } },
    })
  })

  it('E17, F20: with different ones it is an error', async () => {
    const { status, errors } = await second(({ options }) => ({ ...options, idleSeconds: 60 }))
    expect([status, errors]).toEqual([500, [expect.objectContaining({ code: 'invalid-options' })]])
  })

  it('beside another library it is an error', async () => {
    const { test, cookie } = await loggedIn()
    await using here = await nodeServer(
      test.options,
      () => {},
      (req) => void Object.assign(req, { session: {} }),
    )
    const { status } = await here.fetch('/', cookie)
    expect([status, `${here.errors}`]).toEqual([500, expect.stringContaining('req.session is taken')])
  })
})
