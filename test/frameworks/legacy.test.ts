import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { kit, tokenOf } from '../support/app.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import { held, type OldStack, oldStacks } from './old-stacks.ts'
import { isInstalled } from './packages.ts'
import type { Loose } from './worlds.ts'

let memcached: TestServer
let redisServer: TestServer
let redis: Loose
beforeAll(async () => {
  memcached = await startMemcached()
  redisServer = await startRedis()
  redis = createClient({ url: `redis://${redisServer.address}` })
  await redis.connect()
})
afterAll(async () => {
  redis?.destroy()
  await memcached?.stop()
  await redisServer?.stop()
})

describe.skipIf(!isInstalled).each(oldStacks)('$name', ({ build, isInCookie }) => {
  let old: OldStack
  let test: ReturnType<typeof kit>
  /** As the old application has left it in a browser. */
  let cookie: string
  beforeEach(async () => {
    old = await build({ memcached, redis })
    test = kit({ legacy: old.legacy, now: Date.now, requestMs: 5000 })
    cookie = (await old.ask('POST', '/login')).cookie as string
    expect(JSON.parse((await old.ask('GET', '/', cookie)).text)).toEqual(held)
  })
  afterEach(() => old[Symbol.asyncDispose]())
  const seenBy = async (one: string | undefined) => {
    const { user, cart } = await test.browser(one).visit((session) => session.all())
    return user === undefined && cart === undefined ? undefined : { user, cart }
  }
  const outcomes = () =>
    test.events.flatMap((event) =>
      event.type === 'legacy' ? [{ outcome: event.outcome, message: event.message }] : [],
    )

  it('a login there is a login here, and still one there', async () => {
    expect(await seenBy(cookie)).toEqual(held)
    expect(outcomes()).toEqual([{ outcome: 'imported' }])
    expect(JSON.parse((await old.ask('GET', '/', cookie)).text)).toEqual(held)
  })

  it('20 first requests at once are one session', async () => {
    const requests = Array.from({ length: 20 }, () => test.sessions.open(cookie))
    await Promise.all(requests.map(({ session }) => session.get('user')))
    const answers = await Promise.all(requests.map((one) => one.commit()))
    const ids = answers.map(({ setCookie }) => tokenOf(setCookie).split('.')[1] as string)
    const sids = ids.map((payload) => JSON.parse(Buffer.from(payload, 'base64url').toString()).sid)
    expect([new Set(sids).size, test.memory.size, outcomes().length]).toEqual([1, 1, 1])
  })

  it('a change here is not seen there, nor one there here, and both go on', async () => {
    const browser = test.browser(cookie)
    await browser.visit((session) => session.set('cart', ['coffee']))
    expect(JSON.parse((await old.ask('GET', '/', browser.cookie)).text)).toEqual(held)
    expect(await seenBy(browser.cookie)).toEqual({ ...held, cart: ['coffee'] })
  })

  it('a logout here is one there, and the cookies are cleared (G4)', async () => {
    const browser = test.browser(cookie)
    await browser.visit((session) => session.get('user'))
    const { cookie: before } = browser
    await browser.visit((session) => session.destroy())
    expect(browser.cookie).toBeUndefined()
    expect(await seenBy(cookie)).toBeUndefined()
    expect(await seenBy(before)).toBeUndefined()
    // A cookie that holds the session itself no server can take back: who has kept a copy of it has what it always was.
    if (!isInCookie) expect(JSON.parse((await old.ask('GET', '/', cookie)).text)).toEqual({})
  })

  it('a logout there is one here, for who has not come over yet', async () => {
    const { cookie: after } = await old.ask('POST', '/logout', cookie)
    expect(await seenBy(after)).toBeUndefined()
    if (!isInCookie) expect(await seenBy(cookie)).toBeUndefined()
  })

  it('a cookie that was altered costs no store call (G1)', async () => {
    // Behind the signature of an iron seal stands its version, which no one has signed.
    const at = cookie.includes('~') ? cookie.indexOf('~') - 5 : cookie.length - 5
    const altered = cookie.slice(0, at) + (cookie[at] === 'x' ? 'y' : 'x') + cookie.slice(at + 1)
    expect(await seenBy(altered)).toBeUndefined()
    expect([test.store.roundTrips, outcomes().map(({ outcome }) => outcome)]).toEqual([0, ['not-genuine']])
  })
})
