import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type OpenedStore, openStore } from '../concurrency/backends.ts'
import { startBrowser } from '../support/chromium.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { type Login, type LoginSite, openLoginSite, press, send } from './login-site.ts'

let browser: Browser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser?.close())

const orders: [number, number][] = [
  [0, 1],
  [1, 0],
]
/** Whose handler looks at the session first: it has found what the other login ends. The other learns of it at its commit. */
const places = [
  ['memory', '/login'],
  ['memcached', '/login?reads'],
] as const

describe.each(places)('a login that is sent twice: %s, POST %s', (kind, path) => {
  let server: TestServer | undefined
  let store: OpenedStore
  let site: LoginSite
  let page: Page
  beforeAll(async () => {
    server = kind === 'memcached' ? await startMemcached() : undefined
    store = await openStore(kind, server?.port ?? 0)
    // One window for all of them: to open one takes as long as a test.
    page = await (await browser.newContext()).newPage()
  })
  beforeEach(async () => {
    await page.context().clearCookies()
    site = await openLoginSite(store.store)
  })
  afterEach(async () => {
    await page.goto('about:blank')
    await site[Symbol.asyncDispose]()
  })
  afterAll(async () => {
    await page?.context().close()
    await store?.close()
    await server?.stop()
  })

  /** The form, in a browser that has a session with a cart. */
  const openForm = async (path: string, user = 'alice') => {
    await page.goto(`${site.url}${path}`)
    await page.fill('input', user)
  }
  /** Where a hand would press: a script's second press within one task is not sent, and waits for a navigation. */
  const buttonAt = async () => {
    const { x, y } = (await page.locator('button').boundingBox()) ?? { x: 0, y: 0 }
    return { x: x + 5, y: y + 5 }
  }
  const page200 = (user: string) => `200 <!doctype html><title>shop</title>${user}`
  const finish = async (login: Login) => {
    login.work()
    await login.committed
    login.answer()
  }
  const lose = async (login: Login) => {
    login.work()
    await login.committed
    login.answer('lost')
  }
  /** Nobody met an error, the browser is logged in, and logging in once more works at once. */
  const expectLoggedIn = async () => {
    await site.idle()
    await page.goto(site.url)
    expect(await page.textContent('body')).toBe('alice')
    await openForm('/login', 'bob')
    const again = page.evaluate(send)
    await finish(await site.next())
    expect(await again).toBe(page200('bob'))
    expect((await page.context().cookies()).map(({ name }) => name)).toContain('sid')
    expect(site.statuses.filter((status) => status >= 400)).toEqual([])
  }

  test.each([0, 60, 150])(
    'a double click, the second after %i ms and the handler 200 ms long (F12)',
    async (afterMs) => {
      await openForm(path)
      site.handlerMs = 200
      const { x, y } = await buttonAt()
      const loaded = page.waitForEvent('load')
      if (afterMs === 0) await page.mouse.dblclick(x, y)
      else {
        await page.mouse.click(x, y)
        await sleep(afterMs)
        await page.mouse.click(x, y)
      }
      await loaded
      await site.idle()
      expect(await page.textContent('body')).toBe('alice')
      site.handlerMs = undefined
      await expectLoggedIn()
    },
  )

  test.each(orders)('a double click, whose handlers end in the order %i, %i (F12)', async (...commits) => {
    await openForm(path)
    const { x, y } = await buttonAt()
    const loaded = page.waitForEvent('load')
    const logins: Login[] = []
    for (const _ of commits) {
      await page.mouse.click(x, y)
      logins.push(await site.next())
    }
    for (const at of commits) await finish(logins[at] as Login)
    await loaded
    expect(await page.textContent('body')).toBe('alice')
    await expectLoggedIn()
  })

  test.each(orders.flatMap((commits) => orders.map((answers) => ({ commits, answers }))))(
    'two at once by a script, committed in the order $commits and answered in the order $answers (F12)',
    async ({ commits, answers }) => {
      await openForm(path)
      const sent = [page.evaluate(send)]
      const logins = [await site.next()]
      sent.push(page.evaluate(send))
      logins.push(await site.next())
      for (const at of commits) {
        logins[at]?.work()
        await logins[at]?.committed
      }
      for (const at of answers) {
        logins[at]?.answer()
        expect(await sent[at]).toBe(page200('alice'))
      }
      await expectLoggedIn()
    },
  )

  describe.each(['kept', 'closed'] as const)('the answer is lost, and connections are %s', (connections) => {
    // On a connection that was open before Chromium itself sends it again, a POST too; on a new one it tells the page.
    test('a login by a script is sent again (F12)', async () => {
      site.connections = connections
      await openForm(path)
      const sent = page.evaluate(send)
      await lose(await site.next())
      const repeated = site.next()
      const answer = await Promise.race([sent, repeated.then(() => 'sent again')])
      const again = answer === 'no answer' ? page.evaluate(send) : sent
      await finish(await repeated)
      expect(await again).toBe(page200('alice'))
      await expectLoggedIn()
    })

    test('a login by the form is sent again (F12)', async () => {
      site.connections = connections
      await openForm(path)
      const loaded = page.waitForEvent('load')
      await page.evaluate(press)
      await lose(await site.next())
      const repeated = site.next()
      const failed = loaded.then(() => 'no answer')
      const answer = await Promise.race([failed, repeated.then(() => 'sent again')])
      // As the browser's own page for a failed request does it.
      const again = answer === 'no answer' ? page.reload() : loaded
      await finish(await repeated)
      await again
      expect(await page.textContent('body')).toBe('alice')
      await expectLoggedIn()
    })
  })
})
