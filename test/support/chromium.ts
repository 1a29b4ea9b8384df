import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type Browser, type BrowserContext, chromium } from 'playwright-core'

/** Flags for a browser without a display, a user or a reason to talk to anybody but the demo. */
const flags = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
  // One process less, and nothing drawn by an emulated graphics card: the machine has two cores.
  ...['--in-process-gpu', '--disable-software-rasterizer'],
]

/** Chromium, of the system. */
export function startBrowser(): Promise<Browser> {
  // Playwright turns the back/forward cache off; visitors have it on, and it is what could show a page after the logout.
  return chromium.launch({
    executablePath: findChromium(),
    args: flags,
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  })
}

/** Chromium with a profile, as a visitor has it: what it keeps is there when it is opened again. */
export function openProfile(folder: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(folder, { executablePath: findChromium(), args: flags })
}

function findChromium(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  const names = ['chromium', 'chromium-browser', 'google-chrome']
  const candidates = [
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ]
  const found = [process.env.CHROMIUM ?? '', ...candidates].find(isExecutable)
  if (found === undefined)
    throw new Error(
      'no Chromium: apt-get install chromium, or brew install --cask chromium, or set CHROMIUM to its path',
    )
  return found
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return path !== ''
  } catch {
    return false
  }
}
