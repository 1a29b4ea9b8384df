import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { nextCookies } from '../support/jar.ts'
import { startRedis, type TestServer } from '../support/servers.ts'
import { startUpstash, type UpstashBridge } from '../support/upstash.ts'
import { runWrangler, startWorker, type TestWorker } from '../support/wrangler.ts'

/** The part of esbuild's metafile that is used. */
interface Meta {
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly imports: readonly { readonly path: string }[]
        readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>
      }
    >
  >
}

/** First, because it builds: a later build would make the Worker below load its code again. */
describe('wrangler deploy --dry-run', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'claimcheck-worker-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('makes a Worker that takes nothing from Node but the AsyncLocalStorage of the demo', async () => {
    const metafile = join(folder, 'meta.json')
    const { code, output } = await runWrangler(['deploy', '--dry-run', '--outdir', folder, '--metafile', metafile])
    expect(output).toContain('--dry-run: exiting now.')
    expect(output).not.toMatch(/warning|error/i)
    expect(code).toBe(0)
    const bundle = await readFile(join(folder, 'index.js'), 'utf8')
    const { inputs, imports } = outputOf(JSON.parse(await readFile(metafile, 'utf8')))
    const parts = partsOf(inputs)
    console.log(`the demo: ${bundle.length} bytes, ${gzipSync(bundle).length} gzipped; ${JSON.stringify(parts)}`)
    expect(imports.map(({ path }) => path)).toEqual(['node:async_hooks'])
    expect(new Set(Object.keys(parts))).toEqual(new Set(['claimcheck', 'examples', 'hono']))
    const library = sectionsOf(bundle).filter(({ path }) => /^(?:\.\.\/)*dist\//.test(path))
    expect(library.length).toBeGreaterThan(3)
    for (const { path, code } of library)
      expect.soft(code.match(/\bBuffer\b|\bprocess\b|memjs|createHmac|node:\w|require\(/)?.[0], path).toBeUndefined()
  })
})

function outputOf({ outputs }: Meta): Meta['outputs'][string] {
  const [output] = Object.entries(outputs).flatMap(([path, output]) => (path.endsWith('.js') ? [output] : []))
  if (!output) throw new Error('no output')
  return output
}

/** Bytes by package. */
function partsOf(inputs: Meta['outputs'][string]['inputs']): Readonly<Record<string, number>> {
  const parts: Record<string, number> = {}
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
    const part = name ?? (path.includes('examples/') ? 'examples' : 'claimcheck')
    if (bytesInOutput > 0) parts[part] = (parts[part] ?? 0) + bytesInOutput
  }
  return parts
}

/** The files of a bundle that is not minified: esbuild names each in a comment before it. */
function sectionsOf(bundle: string): readonly { readonly path: string; readonly code: string }[] {
  const [, ...pieces] = bundle.split(/^\/\/ (\S+\.[cm]?[jt]sx?)$/m)
  return pieces.flatMap((path, at) => (at % 2 === 0 ? [{ path, code: pieces[at + 1] ?? '' }] : []))
}

describe('wrangler dev', () => {
  let redis: TestServer
  let upstash: UpstashBridge
  let worker: TestWorker
  beforeAll(async () => {
    redis = await startRedis()
    upstash = await startUpstash(redis.port)
    const { url, token } = upstash
    worker = await startWorker('wrangler.toml', {
      UPSTASH_REDIS_REST_URL: url,
      UPSTASH_REDIS_REST_TOKEN: token,
      SESSION_SECRET: 'a-secret-of-the-test-32-bytes-long',
    })
  })
  afterAll(async () => {
    await worker?.[Symbol.asyncDispose]()
    await upstash?.[Symbol.asyncDispose]()
    await redis?.stop()
  })
  beforeEach(() => {
    upstash.log.length = 0
  })

  /** Visitors who log in and then put a hat into their bag, each round all at once. */
  async function fillBags(visitors: number, rounds: number) {
    const shops = Array.from({ length: visitors }, () => openShop(worker.url))
    const all = (act: (shop: Shop, at: number) => Promise<Response>) => Promise.all(shops.map(act))
    const answers = await all((shop, at) => shop.post('/login', { name: `Visitor ${at}` }))
    for (let round = 0; round < rounds; round++)
      answers.push(...(await all((shop) => shop.post('/bag', { sku: 'hat', change: 'more' }))))
    return { shops, statuses: answers.map(({ status }) => status) }
  }

  /** How many requests the store got since this was asked last. */
  const requests = () => upstash.log.splice(0).length

  test('a page without a cookie costs the store nothing and sets none', async () => {
    const shop = openShop(worker.url)
    const response = await shop.send('/')
    const html = await response.text()
    expect(response.status).toBe(200)
    expect(html).toContain('<strong>0</strong> to upstash')
    const style = await shop.send(/href="(\/style-[^"]+)"/.exec(html)?.[1] ?? '')
    expect([style.status, style.headers.get('Content-Type')]).toEqual([200, 'text/css'])
    expect((await shop.send('/', { headers: { Cookie: '__Host-sid=e30.e30.e30' } })).status).toBe(200)
    expect(shop.cookie).toBe('')
    expect(requests()).toBe(0)
  })

  test('logging in, filling the bag and logging out cost what docs/costs.md says', async () => {
    const shop = openShop(worker.url)
    const welcome = await shop.post('/login', { name: 'Ada' })
    expect([welcome.status, requests()]).toEqual([303, 1])
    expect(await shop.follow(welcome)).toContain('Welcome, Ada.')
    expect(requests()).toBe(2)
    expect(await shop.page()).toContain('<strong>Ada</strong>')
    expect(requests()).toBe(1)
    await shop.post('/bag', { sku: 'hat', change: 'more' })
    expect(requests()).toBe(2)
    expect(quantityOf('hat', await shop.page())).toBe(1)
    const old = shop.cookie
    requests()
    const farewell = await shop.post('/logout')
    expect([farewell.status, shop.cookie, requests()]).toEqual([303, '', 1])
    expect(await (await shop.send('/', { headers: { Cookie: old } })).text()).not.toContain('Ada')
  })

  test('a form of another site is refused before the store is asked', async () => {
    const shop = openShop(worker.url)
    const response = await shop.post('/login', { name: 'Eve' }, 'https://evil.example')
    expect([response.status, shop.cookie, requests()]).toEqual([403, '', 0])
  })

  test('twenty visitors at once, round after round, get their own pages from one isolate', async () => {
    const { shops, statuses } = await untilAllAnswer(() => fillBags(20, 4))
    expect(new Set(statuses)).toEqual(new Set([303]))
    const pages = await Promise.all(shops.map((shop) => shop.page()))
    expect(pages.map((html) => quantityOf('hat', html))).toEqual(shops.map(() => 4))
    expect(pages.map((html) => /<strong>(Visitor \d+)</.exec(html)?.[1])).toEqual(shops.map((_, at) => `Visitor ${at}`))
    expect(worker.output).not.toMatch(/hung|canceled|error/i)
  })
})

type Shop = ReturnType<typeof openShop>

/** With visitors of its own each time: a busy machine may miss a deadline of the store, which is what no test here is about. */
async function untilAllAnswer<Try extends { statuses: number[] }>(attempt: () => Promise<Try>): Promise<Try> {
  for (let left = 10; ; left--) {
    const made = await attempt()
    if (left === 0 || !made.statuses.includes(503)) return made
  }
}

/** A visitor with one cookie; Node's fetch keeps none. */
function openShop(url: string) {
  let cookie = ''
  const send = async (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    if (cookie !== '' && !headers.has('Cookie')) headers.set('Cookie', cookie)
    const response = await fetch(new URL(path, url), { redirect: 'manual', ...init, headers })
    cookie = nextCookies(cookie, response.headers.getSetCookie()) ?? ''
    return response
  }
  return {
    get cookie() {
      return cookie
    },
    send,
    post: (path: string, form: Record<string, string> = {}, origin = url) =>
      send(path, { method: 'POST', body: new URLSearchParams(form), headers: { Origin: origin } }),
    page: async (path = '/') => (await send(path)).text(),
    follow: async (response: Response) => (await send(response.headers.get('Location') ?? '/')).text(),
  }
}

function quantityOf(sku: string, html: string): number {
  return Number(new RegExp(`data-sku="${sku}".*?class="quantity">(\\d+)<`, 's').exec(html)?.[1] ?? 0)
}
