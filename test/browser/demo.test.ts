import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startBrowser } from '../support/chromium.ts'
import { freePort } from '../support/servers.ts'

const bundle = process.env.DEMO_BUNDLE || fileURLToPath(new URL('../../examples/dist/demo.js', import.meta.url))
const pictures = process.env.DEMO_SCREENSHOTS || join(tmpdir(), 'claimcheck-demo')

let server: ChildProcess
let url: string
let browser: Browser
let context: BrowserContext
/** What a browser complains about: refused by the CSP, not found, broken. */
let complaints: string[] = []

beforeAll(async () => {
  ;[{ server, url }, browser] = await Promise.all([startDemo(), startBrowser()])
})
afterEach(async () => {
  await context.close()
})
afterAll(async () => {
  await browser?.close()
  server?.kill('SIGKILL')
})

describe('a visitor with two tabs', () => {
  test('loses no change, sees each message once, and is gone after logging out', async () => {
    const [one, two] = [await newTab(), await newTab()]
    await one.goto(url)
    expect(await context.cookies()).toEqual([])
    await logIn(one, 'Ada')
    const attributes = { httpOnly: true, sameSite: 'Lax', expires: -1 }
    const cookies = [...(await context.cookies())].sort((a, b) => a.name.localeCompare(b.name))
    expect(cookies).toMatchObject([
      { name: 'sid', ...attributes },
      { name: 'sid-rev', ...attributes },
    ])
    await two.goto(url)
    expect(await two.getByText('Ada').count()).toBe(1)

    for (let round = 0; round < 5; round++) {
      await Promise.all([press(one, 'add Umbrella'), press(two, 'add Umbrella')])
      await Promise.all([press(one, 'add Valise'), press(two, 'add Bowler hat')])
      expect(await one.getByRole('status').textContent()).toBe('One more: Valise.')
      expect(await two.getByRole('status').textContent()).toBe('One more: Bowler hat.')
    }
    await Promise.all([press(one, 'one Umbrella less'), press(two, 'one Umbrella more')])
    await Promise.all([press(one, 'remove Valise'), press(two, 'one Bowler hat less')])
    for (const tab of [one, two]) {
      await tab.reload()
      expect(await tab.getByRole('status').count()).toBe(0)
      expect(await bag(tab)).toEqual({ umbrella: 10, hat: 4 })
    }

    await press(one, 'log out')
    expect(await context.cookies()).toEqual([])
    await press(two, 'add Umbrella')
    for (const tab of [one, two]) {
      expect(await tab.getByRole('button', { name: 'log in', exact: true }).count()).toBe(1)
      expect(await tab.getByText('Ada').count()).toBe(0)
    }
    expect(await bag(two)).toEqual({ umbrella: 1 })
    expect(complaints).toEqual([])
  })

  test('finds nothing private behind the back button', async () => {
    const tab = await newTab()
    await tab.goto(url)
    await logIn(tab, 'Ada')
    await press(tab, 'add Umbrella')
    await press(tab, 'log out')
    for (let back = 0; back < 3; back++) {
      // Not until `load`, which a page from the back/forward cache never fires.
      await tab.goBack({ waitUntil: 'commit' })
      expect(await tab.textContent('body')).toContain('log in')
      expect(await tab.textContent('body')).not.toMatch(/Ada|log out/)
      expect(await bag(tab)).toEqual({})
    }
  })

  test('needs no JavaScript', async () => {
    const tab = await newTab({ javaScriptEnabled: false })
    await tab.goto(url)
    await logIn(tab, 'Ada')
    await press(tab, 'add Valise')
    expect(await bag(tab)).toEqual({ valise: 1 })
    await press(tab, 'log out')
    expect(await context.cookies()).toEqual([])
  })
})

describe('the page', () => {
  test.each([
    ['light', { colorScheme: 'light', viewport: { width: 1280, height: 900 } }],
    ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 900 } }],
    ['phone', { colorScheme: 'light', viewport: { width: 360, height: 780 } }],
    ['phone-dark', { colorScheme: 'dark', viewport: { width: 360, height: 780 } }],
  ] as const)('fits its window: %s', async (name, options) => {
    const tab = await newTab(options)
    await tab.goto(url)
    await picture(tab, `${name}-anonymous`)
    await logIn(tab, 'Ada')
    await press(tab, 'add Umbrella')
    await press(tab, 'add Luggage labels')
    await press(tab, 'one Luggage labels more')
    await picture(tab, name)
    await tab.goto(`${url}/nowhere`)
    await picture(tab, `${name}-error`)
  })
})

test('the server stops when it is told to', async () => {
  const { server } = await startDemo()
  context = await browser.newContext()
  server.kill('SIGTERM')
  expect(await once(server, 'exit')).toEqual([0, null])
})

async function newTab(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  if (!context?.pages().length) {
    context = await browser.newContext(options)
    complaints = []
  }
  const tab = await context.newPage()
  tab.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
  tab.on('pageerror', (error) => void complaints.push(error.message))
  return tab
}

async function logIn(tab: Page, name: string): Promise<void> {
  await tab.getByLabel('Your name').fill(name)
  await press(tab, 'log in')
  expect(await tab.getByRole('status').textContent()).toContain(`Welcome, ${name}.`)
  await tab.reload()
  expect(await tab.getByRole('status').count()).toBe(0)
}

/** Presses a button and waits for the page after the redirect; its address names the POST, so it is always a new one. */
async function press(tab: Page, button: string): Promise<void> {
  const before = tab.url()
  await tab.getByRole('button', { name: button, exact: true }).click()
  await tab.waitForURL((after) => after.href !== before)
}

async function bag(tab: Page): Promise<Record<string, number>> {
  const lines = await tab.locator('[data-sku]').all()
  const entries = lines.map(async (line) => [
    await line.getAttribute('data-sku'),
    Number(await line.locator('.quantity').textContent()),
  ])
  return Object.fromEntries(await Promise.all(entries))
}

async function picture(tab: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true })
  const overflow = await tab.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  expect(overflow).toBe(0)
  await tab.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
}

async function startDemo(): Promise<{ server: ChildProcess; url: string }> {
  if (!existsSync(bundle)) throw new Error(`${bundle} is missing: build the demo first`)
  const port = await freePort()
  const server = spawn(process.execPath, [bundle], {
    env: { PATH: process.env.PATH, PORT: `${port}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await Promise.race([once(server.stdout, 'data'), once(server, 'exit')])
  const url = /http:\/\/localhost:\d+/.exec(`${line}`)?.[0]
  if (url === undefined) throw new Error(`the demo did not start: ${line}`)
  return { server, url }
}
