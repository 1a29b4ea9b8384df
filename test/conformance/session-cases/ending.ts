import { assert } from '../assert.ts'
import {
  begin,
  cookieOf,
  countEvents,
  expectCalls,
  expectData,
  expectNoCookie,
  expectRefused,
  expectStatus,
  request,
  type SessionCase,
} from './world.ts'

/** What an id that has ended is good for: nothing. */
const justAfterGoneMs = 5200

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
    name: 'regenerate: of parallel logins from one session exactly one wins',
    async run(world) {
      const site = world.site()
      const old = await begin(site, { cart: [1] })
      const login = () =>
        request(site, old, (session) => {
          session.regenerate({ reauthenticated: true })
          session.set('userId', 'u1')
        })
      const outcomes = await Promise.all(Array.from({ length: 8 }, login))
      const [winner, ...others] = outcomes.filter(({ status }) => status === 200)
      assert(winner && others.length === 0, `exactly one login must win, got ${others.length + (winner ? 1 : 0)}`)
      for (const outcome of outcomes) if (outcome !== winner) expectRefused(outcome, 409, 'gone', 'another login')
      await expectData(site, old, {}, 'the old cookie')
      await expectData(site, cookieOf(winner), { cart: [1], userId: 'u1' }, 'the winner')
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
      expectRefused(await request(site, old, (session) => session.regenerate()), 409, 'gone', 'a late login')
      assert(countEvents(world, 'gone') === 2, 'both must be reported')
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
      expectRefused(await slow[0].finish(), 409, 'gone', 'a slow write')
      expectRefused(await slow[1].finish(), 409, 'gone', 'a slow login')
      expectNoCookie(await slow[2].finish(), 'a slow read')
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
