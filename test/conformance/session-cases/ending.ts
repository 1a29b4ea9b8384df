import { assert } from '../assert.ts'
import {
  begin,
  cookieOf,
  countEvents,
  dataOf,
  expectCalls,
  expectData,
  expectNoCookie,
  expectRefused,
  expectStatus,
  request,
  type SessionCase,
  type Site,
} from './world.ts'

/** What an id that has ended is good for: nothing. */
const justAfterGoneMs = 5200

const logIn = (site: Site, cookie: string) =>
  request(site, cookie, (session) => {
    session.regenerate({ reauthenticated: true })
    session.set('userId', 'u1')
  })

/** G4: regenerate and destroy. */
export const endingCases: readonly SessionCase[] = [
  {
    name: 'regenerate: a new id with the same data, the old id dead at once',
    async run(world) {
      const site = world.site()
      const old = await begin(site, { cart: [1], csrf: 'c' })
      const next = cookieOf(await request(site, old, (session) => session.regenerate()))
      assert(world.keys.length === 2, 'one record was created for it')
      await expectData(site, old, {}, 'the old cookie')
      await expectData(site, next, { cart: [1], csrf: 'c' }, 'the new cookie')
    },
  },
  {
    name: 'regenerate: keep drops the keys set before that it does not name, not those set after',
    async run(world) {
      const site = world.site()
      const old = await begin(site, { cart: [1], csrf: 'c' })
      const outcome = await request(site, old, (session) => {
        session.set('before', 1)
        session.regenerate({ keep: ['cart'] })
        session.set('userId', 'u1')
      })
      await expectData(site, cookieOf(outcome), { cart: [1], userId: 'u1' }, 'after the login')
    },
  },
  {
    name: 'regenerate: of parallel logins from one session each works, and one takes its data along (F12)',
    async run(world) {
      const site = world.site()
      const old = await begin(site, { cart: [1] })
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => logIn(site, old)))
      const carts = await Promise.all(outcomes.map(async (outcome) => (await dataOf(site, cookieOf(outcome))).cart))
      assert(carts.filter((cart) => cart !== undefined).length === 1, 'exactly one login must take the cart along')
      for (const outcome of outcomes) {
        const { userId } = await dataOf(site, cookieOf(outcome))
        assert(userId === 'u1', 'every login that was answered must work')
      }
      await expectData(site, old, {}, 'the old cookie')
    },
  },
  {
    name: 'regenerate: a login whose answer was lost can be repeated at once, with its own writes only (F12)',
    async run(world) {
      const site = world.site()
      const old = await begin(site, { cart: [1] })
      const lost = cookieOf(await logIn(site, old))
      for (const wait of [0, 1000]) {
        await world.advance(wait)
        const again = cookieOf(await logIn(site, old), 'the repeated login')
        await expectData(site, again, { userId: 'u1' }, 'the repeated login')
      }
      await expectData(site, lost, { cart: [1], userId: 'u1' }, 'the first login')
      await expectData(site, old, {}, 'the old cookie')
      assert(countEvents(world, 'gone') === 0, 'nothing was refused')
    },
  },
  {
    name: 'gone: within 5 s a write is a 409 that leaves the cookie alone, a read sees nothing',
    async run(world) {
      const site = world.site()
      const old = await begin(site)
      const next = cookieOf(await request(site, old, (session) => session.regenerate()))
      await world.advance(1000)
      expectRefused(await request(site, old, (session) => session.set('a', 1)), 409, 'gone', 'a late write')
      assert(countEvents(world, 'gone') === 1, 'it must be reported')
      expectNoCookie(await request(site, old, (session) => session.regenerate()), 'a late regenerate of nothing')
      await expectData(site, old, {}, 'a late read')
      await expectData(site, next, { userId: 'u1' }, 'the new cookie')
    },
  },
  {
    name: 'gone: after more than 5 s a write starts a new session',
    async run(world) {
      const site = world.site()
      const old = await begin(site)
      const next = cookieOf(await request(site, old, (session) => session.regenerate()))
      await world.advance(justAfterGoneMs)
      const fresh = cookieOf(await request(site, old, (session) => session.set('a', 1)))
      await expectData(site, fresh, { a: 1 }, 'the new session')
      await expectData(site, next, { userId: 'u1' }, 'the session that it was')
    },
  },
  {
    name: 'destroy: ends the session in the store and clears the cookie',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const outcome = await request(site, cookie, (session) => session.destroy())
      expectStatus(outcome, 200, 'the logout')
      const cleared = outcome.setCookie ?? ''
      assert(cleared.startsWith(`${cookie.split('=', 1)[0]}=; Max-Age=0; Path=/`), 'the cookie must be cleared')
      await expectData(site, cookie, {}, 'the old cookie')
      expectRefused(await request(site, cookie, (session) => session.set('a', 1)), 409, 'gone', 'a write after it')
    },
  },
  {
    name: 'destroy: wins over every change of its request and needs no load',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      world.resetCounters()
      const outcome = await request(site, cookie, async (session) => {
        session.set('a', 1)
        session.regenerate()
        session.destroy()
        assert((await session.get('userId')) === undefined, 'reads after destroy give undefined')
      })
      assert(outcome.setCookie?.includes('=; Max-Age=0'), 'the cookie must be cleared')
      expectCalls(world, { delete: 1 }, 'a destroy')
      await expectData(site, cookie, {}, 'the old cookie')
    },
  },
  {
    name: 'destroy: is final for a request that has loaded before',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const slow = [await site.visit(cookie), await site.visit(cookie), await site.visit(cookie)] as const
      for (const { session } of slow) assert((await session.get('userId')) === 'u1', 'loaded before the logout')
      expectStatus(await request(site, cookie, (session) => session.destroy()), 200, 'the logout')
      slow[0].session.set('a', 1)
      slow[1].session.regenerate()
      slow[1].session.set('a', 1)
      expectRefused(await slow[0].finish(), 409, 'gone', 'a slow write')
      const next = cookieOf(await slow[1].finish(), 'a slow login')
      expectNoCookie(await slow[2].finish(), 'a slow read')
      await expectData(site, next, { a: 1 }, 'a slow login: its own writes only')
      await expectData(site, cookie, {}, 'the old cookie')
    },
  },
  {
    name: 'destroy: an old id is not valid again after the next login',
    async run(world) {
      const site = world.site()
      const first = await begin(site)
      await request(site, first, (session) => session.destroy())
      const second = await begin(site)
      await expectData(site, first, {}, 'the first token')
      await expectData(site, second, { userId: 'u1' }, 'the second token')
    },
  },
]
