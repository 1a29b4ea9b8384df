import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { session } from '../../adapters/frameworks/node.ts'
import { session as honoSession, type SessionEnv } from '../../src/hono.ts'
import { type Any, kit } from '../support/app.ts'
import { waitFor } from '../support/wait-for.ts'
import { isInstalled, load } from './packages.ts'
import { listen } from './sites.ts'

// biome-ignore lint/suspicious/noExplicitAny: the packages' types are not installed.
type Loose = any

async function setUp(name: string) {
  const test = kit()
  const user = test.browser()
  await user.visit((one) => one.set('user', 'alice'))
  test.store.reset()
  const express = load(name)
  const app = express()
  return {
    ...{ test, express, app, cookie: user.cookie },
    stored: (cookie = user.cookie) => test.browser(cookie).visit((one) => one.all()),
  }
}

const html = '<p>page</p>'.repeat(500)

describe.skipIf(!isInstalled).each(['express4', 'express5'])('%s', (name) => {
  let folder: string
  let file: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'claimcheck-express-'))
    file = join(folder, 'page.html')
    await writeFile(file, html)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('send, json, jsonp, sendStatus, render, sendFile, download and static go out whole, each with its cookie', async () => {
    const { test, express, app, cookie, stored } = await setUp(name)
    app.engine('txt', (_path: string, _options: unknown, done: Loose) => setTimeout(() => done(null, 'rendered'), 5))
    app.set('view engine', 'txt').set('views', folder)
    await writeFile(join(folder, 'view.txt'), '')
    app.use(session(test.options))
    app.use((req: Loose, _res: Loose, next: Loose) => {
      req.session.update('count', (count = 0) => count + 1).then(() => next(), next)
    })
    app.get('/send', (_req: Loose, res: Loose) => res.send(html))
    app.get('/json', (_req: Loose, res: Loose) => res.json({ a: 1 }))
    app.get('/jsonp', (_req: Loose, res: Loose) => res.jsonp({ a: 1 }))
    app.get('/sendStatus', (_req: Loose, res: Loose) => res.sendStatus(202))
    app.get('/render', (_req: Loose, res: Loose) => res.render('view'))
    app.get('/sendFile', (_req: Loose, res: Loose) => res.sendFile(file))
    app.get('/download', (_req: Loose, res: Loose) => res.download(file))
    app.get('/end', (_req: Loose, res: Loose) => res.end())
    app.use(express.static(folder))
    await using here = await listen(app)
    const texts: Record<string, string> = {}
    const paths = ['send', 'json', 'jsonp', 'sendStatus', 'render', 'sendFile', 'download', 'end', 'page.html']
    for (const path of paths) {
      const { headers, text } = await here.get(`/${path}`, cookie)
      texts[path] = text
      expect([path, headers['set-cookie']?.length, headers['cache-control']]).toEqual([path, 1, 'private, no-store'])
      expect(Number(headers['content-length'] ?? text.length)).toBe(text.length)
    }
    expect(texts).toEqual({
      ...{ send: html, json: '{"a":1}', jsonp: '{"a":1}', sendStatus: 'Accepted', render: 'rendered' },
      ...{ sendFile: html, download: html, end: '', 'page.html': html },
    })
    expect(await stored()).toEqual({ user: 'alice', count: paths.length })
  })

  it('E18: its own 304 carries the cookie; a range is a range', async () => {
    const { test, app, cookie } = await setUp(name)
    app.use(session(test.options))
    app.get('/', (req: Loose, res: Loose) => {
      req.session.set('seen', Math.random())
      res.send(html)
    })
    app.get('/file', async (req: Loose, res: Loose) => {
      await req.session.get('user')
      res.sendFile(file)
    })
    await using here = await listen(app)
    const { headers } = await here.get('/', cookie)
    const fresh = await here.get('/', cookie, 'GET', { 'If-None-Match': `${headers.etag}` })
    expect([fresh.status, fresh.text, fresh.headers['set-cookie']?.length]).toEqual([304, '', 1])
    const range = await here.get('/file', cookie, 'GET', { Range: 'bytes=0-9' })
    expect([range.status, range.text, range.headers.vary]).toEqual([206, html.slice(0, 10), 'Cookie'])
  })

  it.each(['outside', 'inside'])('compression() %s of it compresses, and nothing is lost', async (where) => {
    const { test, app, cookie, stored } = await setUp(name)
    const both = [load('compression')({ threshold: 0 }), session(test.options)]
    app.use(...(where === 'outside' ? both : both.toReversed()))
    app.get('/send', async (req: Loose, res: Loose) => {
      await req.session.update('count', (count = 0) => count + 1)
      res.send(html)
    })
    app.get('/stream', async (req: Loose, res: Loose) => {
      await req.session.update('count', (count = 0) => count + 1)
      res.type('html')
      createReadStream(file, { highWaterMark: 100 }).pipe(res)
    })
    await using here = await listen(app)
    for (const path of ['send', 'stream']) {
      const response = await fetch(`http://127.0.0.1:${here.port}/${path}`, { headers: { Cookie: cookie ?? '' } })
      expect([path, await response.text()]).toEqual([path, html])
      expect([response.headers.get('Content-Encoding'), response.headers.getSetCookie().length]).toEqual([
        expect.stringMatching(/^(gzip|br)$/),
        1,
      ])
      expect(response.headers.get('Vary')?.split(', ').toSorted()).toEqual(['Accept-Encoding', 'Cookie'])
    }
    expect(await stored()).toEqual({ user: 'alice', count: 2 })
  })

  it('E14: a refused commit goes from inside of a router, and from a mounted app, to the error handlers behind', async () => {
    const { test, express, app, cookie } = await setUp(name)
    const errors: string[] = []
    const handler = (_req: Loose, res: Loose) => {
      res.locals.req = _req
      _req.session.set('user', 'bob')
      res.type('png').send('page')
    }
    const router = express.Router()
    router.get('/page', handler)
    const mounted = express()
    mounted.get('/page', handler)
    app.use(session(test.options)).use('/router', router).use('/mounted', mounted)
    app.use((error: Loose, req: Loose, res: Loose, _next: unknown) => {
      errors.push(`${error.code} at ${req.originalUrl}`)
      res.status(error.status).send('sorry')
    })
    await using here = await listen(app)
    test.failing.always('throw')
    for (const path of ['/router/page', '/mounted/page']) {
      const { status, text, headers } = await here.get(path, cookie)
      expect([status, text, headers['content-type'], headers['retry-after']]).toEqual([
        ...[503, 'sorry', 'text/html; charset=utf-8', '1'],
      ])
    }
    expect(errors).toEqual(['unavailable at /router/page', 'unavailable at /mounted/page'])
  })

  it("E14: without an error handler Express's own answers 503, with no word of the page", async () => {
    const { test, app, cookie } = await setUp(name)
    app.set('env', 'test')
    app.use(session(test.options))
    app.get('/', async (req: Loose, res: Loose) => {
      req.session.set('user', 'bob')
      res.set('X-Page', '1').sendFile(file)
    })
    await using here = await listen(app)
    test.failing.always('throw')
    const { status, text, headers } = await here.get('/', cookie)
    expect([status, text.includes('<p>page'), headers['retry-after'], headers['x-page']]).toEqual([
      ...[503, false, '1', undefined],
    ])
    expect(headers).toMatchObject({ vary: 'Cookie', 'cache-control': 'private, no-store' })
  })

  it('E14: a file whose answer is refused is closed, piped or in a pipeline', async () => {
    const { test, app, cookie } = await setUp(name)
    const files: ReturnType<typeof createReadStream>[] = []
    app.use(session(test.options))
    app.get('/:how', (req: Loose, res: Loose, next: Loose) => {
      const source = createReadStream(file, { highWaterMark: 50 })
      files.push(source)
      req.session.set('user', 'bob')
      if (req.params.how === 'pipe') source.pipe(res)
      else pipeline(source, res).catch(next)
    })
    app.use((error: Loose, _req: Loose, res: Loose, next: Loose) => {
      if (res.headersSent) next(error)
      else res.status(error.status).send('sorry')
    })
    await using here = await listen(app)
    test.failing.always('throw')
    for (const how of ['pipe', 'pipeline'])
      expect(await here.get(`/${how}`, cookie)).toMatchObject({ status: 503, text: 'sorry' })
    await waitFor(() => expect(files.map(({ closed }) => closed)).toEqual([true, true]))
  })

  it('a second answer is the error that it would be without a session', async () => {
    const { test, app, cookie } = await setUp(name)
    const codes: unknown[] = []
    app.use(session(test.options))
    app.get('/', (req: Loose, res: Loose) => {
      req.session.set('seen', 1)
      res.send('first')
      try {
        res.send('the second one')
      } catch (error) {
        codes.push((error as { code: string }).code)
      }
    })
    await using here = await listen(app)
    expect(await here.get('/', cookie)).toMatchObject({ status: 200, text: 'first' })
    expect(codes).toEqual(['ERR_HTTP_HEADERS_SENT'])
  })

  it('F20: an app of Hono mounted in it has a session of its own; where both change it, the first is told', async () => {
    const { test, app, cookie, stored } = await setUp(name)
    const inner = new Hono<SessionEnv<Any>>()
    inner.use(honoSession(test.options))
    inner.get('/hono', async (c) => {
      c.var.session.set('inside', 1)
      return c.text(`${await c.var.session.get('user')}`)
    })
    app.use(session(test.options))
    app.use((req: Loose, _res: Loose, next: Loose) => {
      if (req.query.both !== undefined) req.session.set('outside', 1)
      next()
    })
    app.use(getRequestListener(inner.fetch))
    await using here = await listen(app)
    expect(await here.get('/hono', cookie)).toMatchObject({ status: 200, text: 'alice' })
    expect(await stored()).toEqual({ user: 'alice', inside: 1 })
    expect((await here.get('/hono?both', cookie)).status).toBe(500)
    expect(await stored()).toEqual({ user: 'alice', inside: 1 })
  })

  it('SSE: the first event leaves after the commit, the others as they come', async () => {
    const { test, app, cookie } = await setUp(name)
    app.use(session(test.options))
    app.get('/', (req: Loose, res: Loose) => {
      req.session.set('listening', true)
      res.set('Content-Type', 'text/event-stream').flushHeaders()
      let events = 0
      const timer = setInterval(() => {
        res.write(`data: ${++events}\n\n`)
        if (events < 3) return
        clearInterval(timer)
        res.end()
      }, 5)
    })
    await using here = await listen(app)
    const { text, headers } = await here.get('/', cookie)
    expect([text, headers['set-cookie']?.length]).toEqual(['data: 1\n\ndata: 2\n\ndata: 3\n\n', 1])
  })
})

describe.skipIf(!isInstalled)('fastify', () => {
  it('a Response, a hijacked reply, an earlier hook that refuses, and a wrong option', async () => {
    const test = kit()
    const { fastifySession } = await import('../../adapters/frameworks/node.ts')
    const app = load('fastify')()
    app.addHook('onRequest', async (request: Loose) => {
      if (request.url === '/early') throw Object.assign(new Error('early'), { statusCode: 418 })
    })
    await app.register(fastifySession, test.options)
    app.get('/early', async () => 'never')
    app.get('/response', async (request: Loose) => {
      request.session.set('a', 1)
      return new Response('whole', { headers: { 'Cache-Control': 'public', 'Set-Cookie': 'own=1' } })
    })
    app.get('/hijack', (request: Loose, reply: Loose) => {
      request.session.set('a', 2)
      reply.hijack()
      reply.raw.end('raw')
    })
    await app.ready()
    await using here = await listen((req, res) => app.routing(req, res))
    expect((await here.get('/early')).status).toBe(418)
    const response = await here.get('/response')
    expect([response.text, response.headers['cache-control']]).toEqual(['whole', 'private, no-store'])
    expect(response.headers['set-cookie']).toEqual([expect.stringMatching(/^__Host-sid=/), 'own=1'])
    expect((await here.get('/hijack')).headers['set-cookie']).toHaveLength(1)
    test.failing.always('throw')
    const refused = await here.get('/hijack')
    expect([refused.status, refused.text, refused.headers['retry-after']]).toEqual([503, '', '1'])
    const wrong = load('fastify')().register(fastifySession, { ...test.options, idleSecond: 1 })
    await expect(wrong.ready()).rejects.toThrow('unknown option idleSecond')
  })
})
