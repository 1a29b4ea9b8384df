import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isTombstone } from '../../src/record/tombstone.ts'
import { type OpenedStore, openStore } from '../concurrency/backends.ts'
import { startBrowser } from '../support/chromium.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { wrapStore } from '../support/stores.ts'
import { isListKey } from '../support/subjects.ts'
import { type Login, type LoginSite, openLoginSite, press, send } from './login-site.ts'

let browser: Browser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser?.close())

describe.each([
  ['memory', '/login?subject'],
  ['memcached', '/login?subject&reads'],
] as const)('a login of a subject that is sent twice: %s, POST %s', (kind, path) => {
  let server: TestServer | undefined
  let opened: OpenedStore
  let site: LoginSite
  let page: Page
  let keys: string[] = []
  beforeAll(async () => {
    server = kind === 'memcached' ? await startMemcached() : undefined
    opened = await openStore(kind, server?.port ?? 0)
  })
  beforeEach(async () => {
    keys = []
    const store = wrapStore(opened.store, (call) => {
      if (call.verb === 'create' && call.key !== undefined) keys.push(call.key)
      return call.apply()
    })
    site = await openLoginSite(store)
    page = await (await browser.newContext()).newPage()
    await page.goto(`${site.url}${path}`)
    await page.fill('input', `alice-${kind}`)
  })
  afterEach(async () => {
    await page.context().close()
    await site[Symbol.asyncDispose]()
  })
  afterAll(async () => {
    await opened?.close()
    await server?.stop()
  })

  const finish = async (login: Login, how?: 'lost') => {
    login.work()
    await login.committed
    login.answer(how)
  }
  /** Logged in, the cart there, exactly one live record, and nobody met an error. */
  const expectOneSession = async () => {
    await site.idle()
    await page.goto(site.url)
    expect(await page.textContent('body')).toBe(`alice-${kind}`)
    expect(await page.evaluate(`fetch('/cart').then((answer) => answer.text())`)).toBe('tea')
    const records = keys.filter((key) => !isListKey(key))
    const entries = await Promise.all(records.map((key) => opened.store.read(key)))
    expect(entries.filter((entry) => entry && !isTombstone(entry.value))).toHaveLength(1)
    expect(site.statuses.filter((status) => status >= 400)).toEqual([])
  }

  test('a double click, the handler 200 ms long (F12)', async () => {
    site.handlerMs = 200
    const { x, y } = (await page.locator('button').boundingBox()) ?? { x: 0, y: 0 }
    const loaded = page.waitForEvent('load')
    await page.mouse.dblclick(x + 5, y + 5)
    await loaded
    await expectOneSession()
  })

  test.each([
    [0, 1],
    [1, 0],
  ])('two at once by a script, answered in the order %i, %i (F12)', async (...order) => {
    const sent = [page.evaluate(send)]
    const logins = [await site.next()]
    sent.push(page.evaluate(send))
    logins.push(await site.next())
    for (const login of logins) {
      login.work()
      await login.committed
    }
    for (const at of order) {
      logins[at]?.answer()
      expect(await sent[at]).toContain(`alice-${kind}`)
    }
    await expectOneSession()
  })

  test.each(['kept', 'closed'] as const)('the answer is lost, connections are %s (F12)', async (connections) => {
    site.connections = connections
    const loaded = page.waitForEvent('load')
    await page.evaluate(press)
    await finish(await site.next(), 'lost')
    const repeated = site.next()
    const answer = await Promise.race([loaded.then(() => 'no answer'), repeated.then(() => 'sent again')])
    const again = answer === 'no answer' ? page.reload() : loaded
    await finish(await repeated)
    await again
    await expectOneSession()
  })
})
