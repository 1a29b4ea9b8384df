import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { startBrowser } from '../support/chromium.ts'

interface Data {
  user: string
  seen: number
}

const secret = 'the secret of late answers, drawn at random 5Hw!'
const rounds = 60

/** An answer leaves as late as its request asks: the network, as the browser sees it. The commit is not delayed. */
function build() {
  const app = new Hono<SessionEnv<Data>>()
  app.use(async (c, next) => {
    await next()
    await new Promise((wake) => setTimeout(wake, Number(c.req.header('X-Delay') ?? 0)))
  })
  app.use(session({ store: memoryStore(), secret, cookie: { insecure: true } }))
  app.get('/', (c) => c.html('<!doctype html><title>late answers</title>'))
  app.get('/me', async (c) => c.text((await c.var.session.get('user')) ?? ''))
  app.post('/ping', async (c) => {
    await c.var.session.update('seen', (seen = 0) => seen + 1)
    return c.text('pong')
  })
  app.post('/login/:user', (c) => {
    c.var.session.regenerate({ reauthenticated: true })
    c.var.session.set('user', c.req.param('user'))
    return c.text('welcome')
  })
  return createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false })
}

/** What the page does: a ping and 3 ms later a login, again and again, and who it is then. */
const script = (jitterMs: number) => `(async () => {
  const undone = []
  const post = (path, delay) => fetch(path, { method: 'POST', headers: { 'X-Delay': String(delay) } })
  for (let round = 0; round < ${rounds}; round++) {
    await post('/ping', 0)
    const ping = post('/ping', ((round * 37) % ${rounds}) / ${rounds} * ${jitterMs})
    await new Promise((wake) => setTimeout(wake, 3))
    const login = await post('/login/user-' + round, ((round * 17 + 30) % ${rounds}) / ${rounds} * ${jitterMs})
    await ping
    if (login.status === 200 && await (await fetch('/me')).text() !== 'user-' + round) undone.push(round)
  }
  return undone
})()`

let browser: Browser
let server: ReturnType<typeof build>
let url: string
beforeAll(async () => {
  server = build()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  browser = await startBrowser()
})
afterAll(async () => {
  await browser?.close()
  server?.close()
})

test.each([0, 10, 60, 200])(
  'a login is not undone by a ping beside it, with %i ms of jitter (F35)',
  async (jitterMs) => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(url)
    expect(await page.evaluate(script(jitterMs))).toEqual([])
    expect((await context.cookies()).map(({ name }) => name).sort()).toEqual(['sid', 'sid-rev'])
    await context.close()
  },
)
