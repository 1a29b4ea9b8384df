import { EventEmitter, once } from 'node:events'
import { mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { View } from '../../adapters/dashboard/view.ts'
import { dashboard } from '../../adapters/dashboard.ts'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { type SessionEnv, session } from '../../src/hono.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { startBrowser } from '../support/chromium.ts'
import { nextCookies } from '../support/jar.ts'
import { callMs, promised, requestMs } from '../support/lab/busy.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'

type Data = Record<string, unknown>

const pictures = process.env.DASHBOARD_SCREENSHOTS || join(tmpdir(), 'claimcheck-dashboard')
const peerToken = 'a token for the peers of this test: 5kQ'.replaceAll(' ', '-')

let nodes: readonly TestServer[]
let sessions: Sessions<Data>
let app: Hono<SessionEnv<Data>>
let server: Server
let url: string
let browser: Browser
let context: BrowserContext
/** Whether the operator may look. */
let isAllowed = true
/** What a browser complains about: refused by the CSP, not found, broken. */
let complaints: string[] = []
/** Hosts that the page asked for anything. */
let hosts = new Set<string>()
let load: { readonly stop: () => Promise<void> }

beforeAll(async () => {
  nodes = await Promise.all([startMemcached(), startMemcached(), startMemcached()])
  const store = memcachedStore({ servers: nodes.map(({ address }) => address), callMs: callMs() })
  sessions = createSessions<Data>({
    store,
    secret: 'a secret for the dashboard in a browser: 4Zt9',
    requestMs: requestMs(),
  })
  app = new Hono<SessionEnv<Data>>()
  app.use(session(sessions))
  const peers = () => [`${url}/ops/sessions`]
  ;({ server, url } = await listening(app))
  app.route('/ops/sessions', dashboard({ sessions, authorize: () => isAllowed, peers: peers(), peerToken }))
  browser = await startBrowser()
  load = startLoad()
})
afterEach(async () => {
  isAllowed = true
  await context.close()
})
afterAll(async () => {
  await load?.stop()
  await browser?.close()
  ;(server as Server & { closeAllConnections(): void })?.closeAllConnections()
  server?.close()
  await sessions?.close()
  await Promise.all(nodes?.map((node) => node.stop()) ?? [])
})

async function listening(app: { fetch: Hono['fetch'] }): Promise<{ server: Server; url: string }> {
  const server = createAdaptorServer({ fetch: (request: Request, env: object) => app.fetch(request, env) }) as Server
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Twenty users, each with some five requests of some kind in a second: the page is tested, and not the machine. */
function startLoad(): { readonly stop: () => Promise<void> } {
  let isOver = false
  const user = async (number: number) => {
    let cookie: string | undefined
    for (let round = 0; !isOver; round++) {
      const { session, commit } = sessions.open(cookie)
      try {
        if (cookie === undefined) session.set('user', `user ${number}`)
        else if (round % 40 === 0) session.regenerate()
        else if (round % 5 === 0) session.set('cart', 'an article '.repeat((round * number) % 300))
        else if (round % 7 === 0 && number === 3) await sessions.open('__Host-sid=junk').session.get('user')
        else await session.get('cart')
        cookie = nextCookies(cookie, (await commit()).setCookies)
        if (round % 30 === 29) await endTwice(cookie)
      } catch {
        cookie = undefined
      }
      await new Promise((wait) => setTimeout(wait, 100 + Math.random() * 200))
    }
  }
  const users = Array.from({ length: 20 }, (_, number) => user(number))
  return {
    async stop() {
      isOver = true
      await Promise.all(users)
    },
  }
}

/** A logout, and another tab that comes with the cookie after it. */
async function endTwice(cookie: string | undefined): Promise<void> {
  const logout = sessions.open(cookie)
  logout.session.destroy()
  await logout.commit()
  await sessions.open(cookie).session.get('cart')
}

async function open(colorScheme: 'light' | 'dark' = 'light', width = 1280): Promise<Page> {
  context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } })
  complaints = []
  hosts = new Set()
  const page = await context.newPage()
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('request', (request) => hosts.add(new URL(request.url()).origin))
  await page.goto(`${url}/ops/sessions`)
  await page.locator('[data-live=yes]').waitFor()
  return page
}

async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true })
  const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  expect(overflow).toBe(0)
  await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
}

const tile = (page: Page, name: string) =>
  page
    .locator('#tiles div', { has: page.locator('dt', { hasText: new RegExp(`^${name}$`) }) })
    .locator('dd')
    .first()

const stateOf = (page: Page, node: TestServer) =>
  page.getByRole('row', { name: node.address }).first().locator('td').first().textContent()

/** What the dashboard tells everybody who looks, view by view, until it is left. */
function following(): { readonly views: readonly View[]; next(): Promise<void>; leave(): void } {
  const views: View[] = []
  const told = new EventEmitter()
  let isOver = false
  const follow = async () => {
    while (!isOver)
      for await (const chunk of (await app.request('/ops/sessions/events')).body ?? []) {
        const [, view] = /^data: (.*)$/m.exec(new TextDecoder().decode(chunk)) ?? []
        if (view === undefined) continue
        views.push(JSON.parse(view))
        told.emit('view')
        if (isOver) break
      }
  }
  void follow()
  return {
    views,
    next: async () => void (await once(told, 'view')),
    leave() {
      isOver = true
    },
  }
}

/** How many pixels of a chart have the colour of its first line. */
const drawnIn = (page: Page, id: string) =>
  page.evaluate<number>(`(() => {
    const canvas = document.querySelector('#${id} canvas')
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    return data.filter((value, at) => at % 4 === 0 && value === 11 && data[at + 1] === 98 && data[at + 2] === 164).length
  })()`)

describe('the dashboard under load', () => {
  test('shows rates, times, sizes and nodes, from its own host alone and without a complaint of the browser', async () => {
    const page = await open()
    await waitFor(async () => expect(Number(await tile(page, 'Loads').textContent())).toBeGreaterThan(1))
    await waitFor(async () => expect(Number(await tile(page, 'Commits').textContent())).toBeGreaterThan(0))
    expect(await tile(page, 'Hit ratio').textContent()).toMatch(/^[\d.]+ %$/)
    expect(await tile(page, 'Load, 99 %').textContent()).toMatch(/^[\d.,]+ ms$/)
    for (const node of nodes) expect(await stateOf(page, node)).toBe('up')
    for (const id of ['requests', 'hits', 'times', 'sizes'])
      await waitFor(async () => expect([id, (await drawnIn(page, id)) > 50]).toEqual([id, true]))
    expect(await page.locator('#verbs').innerText()).toMatch(/commit: created\s+\d/)
    for (const { address } of nodes)
      await waitFor(async () =>
        expect(await page.locator('#commands').innerText()).toMatch(new RegExp(`${address}\\s+gat\\s+\\d`)),
      )
    expect(await page.locator('#nodes tbody tr').first().locator('td').nth(4).innerText()).toMatch(/^\d[\d.]* %$/)
    await waitFor(async () => expect(await page.locator('#notable').innerText()).toMatch(/bad token\s+malformed/))
    expect(await page.locator('#processes').innerText()).toMatch(/this process\s+ready/)
    expect(await page.locator('#processes tbody tr').count()).toBe(1)
    expect(await page.locator('#summary').innerText()).toMatch(/^memcached: ready\. 3 of 3 nodes up/)
    expect([...hosts]).toEqual([url])
    expect(complaints).toEqual([])
  })

  test.each([
    ['killed', 'SIGKILL'],
    ['frozen', 'SIGSTOP'],
  ] as const)('shows a node that is %s within two seconds, and that it is back', async (kind, signal) => {
    const page = await open()
    const [node] = nodes as [TestServer]
    await waitFor(async () => expect(await stateOf(page, node)).toBe('up'))
    const told = following()
    // Just told: no look is under way, and one comes every second.
    await told.next()
    const before = told.views.length
    try {
      node.signal(signal)
      const began = performance.now()
      await page.locator('#nodes tr', { hasText: node.address }).filter({ hasText: 'down' }).waitFor()
      const took = performance.now() - began
      console.log(`a ${kind} node was shown after ${Math.round(took)} ms`)
      expect(took).toBeLessThan(promised(2000))
      // However slow the machine is: the next look tells.
      const isDown = ({ nodes }: View) => nodes.some((one) => one.node === node.address && !one.up)
      expect(told.views.slice(before).findIndex(isDown)).toBe(0)
      expect(await page.locator('#summary').innerText()).toContain('2 of 3 nodes up')
      expect(await page.locator('#announcer').textContent()).toBe(`Node ${node.address} is down.`)
      expect(await page.locator('#notable').innerText()).toMatch(/node down/)
      await page.waitForTimeout(3000)
      await picture(page, kind)
    } finally {
      told.leave()
      await node.stop()
      await node.restart()
    }
    await waitFor(async () => expect(await stateOf(page, node)).toMatch(/^up/))
    expect(complaints).toEqual([])
  })

  test('is drawn for light and dark, wide and narrow', async () => {
    for (const [scheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 390],
    ] as const) {
      const page = await open(scheme, width)
      await waitFor(async () => expect(Number(await tile(page, 'Loads').textContent())).toBeGreaterThan(1))
      await page.waitForTimeout(2000)
      await picture(page, `${scheme}-${width}`)
      expect(complaints).toEqual([])
      if (scheme === 'light') await context.close()
    }
    // A change of the scheme while it is open.
    const page = (context.pages()[0] ?? (await open())) as Page
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(21, 20, 18)')
  })
})

describe('without a mouse, without eyes', () => {
  test('every chart has a name, what it shows now in words, and a table that the keyboard opens', async () => {
    const page = await open()
    await waitFor(async () => expect(Number(await tile(page, 'Loads').textContent())).toBeGreaterThan(1))
    const charts = await page.getByRole('img').all()
    expect(charts).toHaveLength(6)
    const labels = await Promise.all(charts.map((chart) => chart.getAttribute('aria-label')))
    expect(labels[0]).toMatch(/^Loads and commits: loads [\d.,]+, commits [\d.,]+$/)
    for (const label of labels) expect(label).not.toContain('waiting')
    const summaries = await page.locator('figure summary').all()
    expect(summaries).toHaveLength(6)
    for (const summary of summaries) {
      await summary.focus()
      await page.keyboard.press('Enter')
    }
    await waitFor(async () => expect(await page.locator('figure table tbody tr').count()).toBeGreaterThan(100))
    const heads = await page.locator('#requests-table thead th').allInnerTexts()
    expect(heads.map((text) => text.trim())).toEqual(['', 'loads', 'commits'])
    // Everything that scrolls can be reached and has a name.
    for (const place of await page.locator('.scroll').all()) {
      expect(await place.getAttribute('tabindex')).toBe('0')
      expect((await place.getAttribute('aria-label')) ?? (await place.getAttribute('aria-labelledby'))).toBeTruthy()
    }
    await picture(page, 'tables')
    expect(complaints).toEqual([])
  })

  test('it can be held still by the keyboard, and goes on', async () => {
    const page = await open()
    await page.keyboard.press('Tab')
    expect(await page.locator(':focus').innerText()).toBe('Pause')
    await page.keyboard.press('Enter')
    const held = await page.locator('main').innerText()
    expect(await page.locator('#live').innerText()).toMatch(/^paused/)
    await page.waitForTimeout(2500)
    expect(await page.locator('main').innerText()).toBe(held)
    await page.keyboard.press('Enter')
    await page.locator('[data-live=yes]').waitFor()
    await waitFor(async () => expect(await page.locator('main').innerText()).not.toBe(held))
  })
})

test('an operator who may not look any more sees nothing further within seconds, and is told', async () => {
  const page = await open()
  isAllowed = false
  await waitFor(async () => expect(await page.locator('#live').innerText()).toMatch(/no access any more/))
  isAllowed = true
  await page.locator('[data-live=yes]').waitFor()
})
