import { describe, expect, test } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { createDemo, type DemoOptions } from '../../examples/demo/app.tsx'
import type { Store } from '../../src/store.ts'
import { nextCookies } from '../support/jar.ts'
import { countingStore, failingStore, gatedStore } from '../support/stores.ts'

const origin = 'http://localhost'

/** The shop, and a browser with one cookie, however many tabs it has. */
function openShop(store: Store = memoryStore(), options: Partial<DemoOptions> = {}) {
  const app = createDemo({ store, secret: 'a-secret-of-the-test-32-bytes-long', ...options })
  let cookie = ''
  const send = async (path: string, init: RequestInit = {}) => {
    const headers = new Headers(init.headers)
    if (cookie !== '' && !headers.has('Cookie')) headers.set('Cookie', cookie)
    const response = await app.request(path, { ...init, headers })
    cookie = nextCookies(cookie, response.headers.getSetCookie()) ?? ''
    return response
  }
  const post = (
    path: string,
    form: Record<string, string> = {},
    headers: Record<string, string> = { Origin: origin },
  ) => send(path, { method: 'POST', body: new URLSearchParams(form), headers })
  return {
    get cookie() {
      return cookie
    },
    send,
    post,
    page: async (path = '/') => (await send(path)).text(),
    follow: async (response: Response) => (await send(response.headers.get('Location') ?? '/')).text(),
    add: (sku: string) => post('/bag', { sku, change: 'more' }),
    logIn: (name: string) => post('/login', { name }),
  }
}

const quantities = (html: string) =>
  Object.fromEntries(
    [...html.matchAll(/data-sku="(\w+)".*?class="quantity">(\d+)</gs)].map(([, sku, quantity]) => [
      sku,
      Number(quantity),
    ]),
  )

const halves = (html: string) => html.split('<article class="half').slice(1)

/** The text of a row of the panel. */
const row = (half: string | undefined, term: string) =>
  new RegExp(`<dt>${term}</dt><dd>(.*?)</dd>`).exec(half ?? '')?.[1]?.replace(/<[^>]*>/g, '')

const ref = (half: string | undefined) => /<small>Ref. no.<\/small> (\S{8})</.exec(half ?? '')?.[1]

describe('visiting', () => {
  test('looking around stores nothing and sends no cookie', async () => {
    const store = countingStore(memoryStore())
    const response = await openShop(store).send('/')
    const html = await response.text()
    expect(response.status).toBe(200)
    expect(response.headers.getSetCookie()).toEqual([])
    expect(store.roundTrips).toBe(0)
    expect(row(halves(html)[0], 'Round trips')).toBe('0 to memory')
    expect(html).toContain('>log in</button>')
  })

  test('nothing may run, frame or cache the page', async () => {
    const { headers } = await openShop().send('/')
    expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    expect(headers.get('Content-Security-Policy')).not.toContain('unsafe')
    expect(headers.get('Cache-Control')).toBe('private, no-store')
    expect(headers.get('Referrer-Policy')).toBe('same-origin')
  })

  test('a name is text', async () => {
    const shop = openShop()
    const html = await shop.follow(await shop.logIn('<!--panel--><b>&'))
    expect(html).not.toContain('<b>')
    expect(html).toContain('&lt;b&gt;&amp;')
    expect(halves(html)).toHaveLength(2)
  })

  test.each([
    ['/login', { name: ' ' }],
    ['/bag', { sku: 'nothing', change: 'more' }],
    ['/bag', { sku: '__proto__', change: 'more' }],
    ['/bag', { sku: 'hat', change: 'all' }],
  ])('%s refuses %j and stores nothing', async (path, form) => {
    const store = memoryStore()
    const response = await openShop(store).post(path, form as Record<string, string>)
    expect(response.status).toBe(400)
    expect(store.size).toBe(0)
  })
})

describe('an address', () => {
  test.each(['', '__proto__', '%00', '%ff', 'x'.repeat(9000)])(
    'with a receipt that is none shows the shop',
    async (receipt) => {
      const shop = openShop()
      await shop.logIn('Ada')
      const response = await shop.send(`/?receipt=${receipt}`)
      expect(response.status).toBe(200)
      expect(await response.text()).toContain('<strong>Ada</strong>')
    },
  )
})

describe('forms of other sites (E20)', () => {
  test.each([
    ['an evil Origin', { Origin: 'https://evil.example' }],
    ['no Origin', {}],
    ['a null Origin', { Origin: 'null' }],
    ['cross-site', { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }],
  ])('%s is refused before the store is asked', async (_, headers) => {
    const store = countingStore(memoryStore())
    const shop = openShop(store)
    await shop.logIn('Ada')
    store.reset()
    for (const path of ['/bag', '/login', '/logout']) {
      const response = await shop.post(
        path,
        { name: 'Eve', sku: 'hat', change: 'more' },
        headers as Record<string, string>,
      )
      expect(response.status).toBe(403)
      expect(response.headers.getSetCookie()).toEqual([])
      expect(await response.text()).toContain('another site')
    }
    expect(store.roundTrips).toBe(0)
    expect(await shop.page()).toContain('<strong>Ada</strong>')
  })

  test.each(['/login', '/bag', '/logout'])('GET %s changes nothing', async (path) => {
    const shop = openShop()
    await shop.logIn('Ada')
    expect((await shop.send(`${path}?name=Eve&sku=hat&change=more`)).status).toBe(404)
    expect(await shop.page()).toContain('<strong>Ada</strong>')
  })
})

describe('logging in', () => {
  test('gives a new ticket, voids the old one and keeps the bag', async () => {
    const shop = openShop()
    const before = await shop.follow(await shop.add('hat'))
    const old = shop.cookie
    const after = await shop.follow(await shop.logIn('Ada'))
    expect(ref(halves(after)[0])).not.toBe(ref(halves(before)[0]))
    expect(row(halves(after)[1], 'Outcome')).toBe('regenerated')
    expect(quantities(after)).toEqual({ hat: 1 })
    const stolen = await (await shop.send('/', { headers: { Cookie: old } })).text()
    expect(quantities(stolen)).toEqual({})
    expect(stolen).not.toContain('Ada')
  })

  test('under another name empties the bag', async () => {
    const shop = openShop()
    await shop.logIn('Ada')
    await shop.add('hat')
    const html = await shop.follow(await shop.logIn('Bob'))
    expect(html).toContain('<strong>Bob</strong>')
    expect(quantities(html)).toEqual({})
  })

  test('out ends it everywhere', async () => {
    const shop = openShop()
    await shop.logIn('Ada')
    const old = shop.cookie
    const html = await shop.follow(await shop.post('/logout'))
    expect(shop.cookie).toBe('')
    expect(html).toContain('Logged out.')
    expect(row(halves(html)[1], 'Outcome')).toBe('destroyed')
    expect(await (await shop.send('/', { headers: { Cookie: old } })).text()).not.toContain('Ada')
  })
})

describe('two tabs', () => {
  test('changes made at once are all kept', async () => {
    const shop = openShop()
    await shop.logIn('Ada')
    await Promise.all(
      Array.from({ length: 40 }, (_, at) => shop.add(at % 2 ? 'hat' : ['label', 'valise'][at % 4 ? 1 : 0]!)),
    )
    await Promise.all([
      shop.post('/bag', { sku: 'label', change: 'none' }),
      shop.post('/bag', { sku: 'hat', change: 'less' }),
    ])
    expect(quantities(await shop.page())).toEqual({ hat: 19, valise: 10 })
  })

  test('each gets its own message, once, also when both fetch at once', async () => {
    const shop = openShop()
    await shop.logIn('Ada')
    const [one, two] = await Promise.all([shop.add('hat'), shop.add('label')])
    const pages = await Promise.all([shop.follow(one), shop.follow(two)])
    expect(pages[0]).toContain('One more: Bowler hat.')
    expect(pages[1]).toContain('One more: Luggage labels.')
    for (const response of [one, two]) expect(await shop.follow(response)).not.toContain('One more:')
  })

  test('messages nobody came for are thrown away after a minute', async () => {
    let time = 1_700_000_000_000
    const store = countingStore(memoryStore())
    const shop = openShop(store, { now: () => time })
    const response = await shop.add('hat')
    store.reset()
    await Promise.all([shop.page(), shop.page()])
    expect(store.calls).toMatchObject({ read: 2, update: 0 })
    time += 61_000
    expect((await Promise.all([shop.send('/'), shop.send('/')])).map(({ status }) => status)).toEqual([200, 200])
    expect(store.calls.update).toBe(1)
    expect(await shop.follow(response)).not.toContain('One more:')
  })
})

describe('the panel', () => {
  test('tells what the page cost and what the POST before it did', async () => {
    const shop = openShop(memoryStore(), { idleSeconds: 90, absoluteSeconds: 3600, now: () => 1_700_000_000_000 })
    await shop.add('hat')
    const [page, post] = halves(await shop.follow(await shop.add('hat')))
    expect(row(page, 'Round trips')).toBe('2 to memory')
    expect(row(page, 'Outcome')).toBe('updated')
    expect(row(post, 'Round trips')).toBe('2 to memory')
    expect(row(post, 'Attempts')).toBe('1')
    expect(row(post, 'Idle time left')).toBe('1 min 30 s')
    expect(row(post, 'Absolute time left')).toBe('1 h 0 min 0 s')
    expect(Number(row(page, 'Revision'))).toBe(Number(row(post, 'Revision')) + 1)
    const [again] = halves(await shop.page())
    expect(row(again, 'Round trips')).toBe('1 to memory')
    expect(row(again, 'Outcome')).toBe('read')
    expect(row(again, 'Set-Cookie')).toBe('none')
  })

  test('does not believe a forged ticket', async () => {
    const payload = Buffer.from(JSON.stringify({ rev: 123_456, exp: 9_999_999_999 })).toString('base64url')
    const response = await openShop().send('/', { headers: { Cookie: `__Host-sid=e30.${payload}.e30` } })
    const [page] = halves(await response.text())
    expect(row(page, 'Outcome')).toMatch(/^ticket refused/)
    expect(row(page, 'Revision')).toBe('–')
  })
})

describe('when it cannot work', () => {
  test('an outage is a 503 that keeps the cookie, and passes', async () => {
    const store = failingStore(memoryStore())
    const shop = openShop(store)
    await shop.logIn('Ada')
    store.always('throw')
    for (const response of [await shop.send('/'), await shop.add('hat'), await shop.post('/logout')]) {
      expect(response.status).toBe(503)
      expect(response.headers.get('Retry-After')).toBe('1')
      expect(response.headers.getSetCookie()).toEqual([])
      const html = await response.text()
      expect(html).toContain('closed for a moment')
      expect(row(halves(html)[0], 'Outcome')).toBe('unavailable')
      expect(row(halves(html)[0], 'Idle time left')).toBe('–')
    }
    store.always(undefined)
    expect(await shop.page()).toContain('<strong>Ada</strong>')
  })

  test('a form overtaken by a logout is a 409 that leaves the cookie alone', async () => {
    const store = gatedStore(memoryStore())
    const shop = openShop(store)
    await shop.logIn('Ada')
    const gate = store.hold('update')
    const late = shop.add('hat')
    await gate.reached
    await shop.post('/logout')
    gate.release()
    const response = await late
    expect(response.status).toBe(409)
    expect(response.headers.getSetCookie()).toEqual([])
    expect(await response.text()).toContain('handed in')
  })
})
