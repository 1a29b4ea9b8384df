import { assert, codeOf } from '../assert.ts'
import {
  begin,
  cookieOf,
  expectCalls,
  expectData,
  expectNoCookie,
  expectRefused,
  expectStatus,
  request,
  type SessionCase,
} from './world.ts'

/** Requests whose handler fails, and stores that do (G7, G9). */
export const failingCases: readonly SessionCase[] = [
  {
    name: 'failed: an unhandled error drops the data',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      world.resetCounters()
      const [visit, fresh] = [await site.visit(cookie), await site.visit()]
      visit.session.set('a', 1)
      fresh.session.set('a', 1)
      for (const { finish } of [visit, fresh]) {
        const outcome = await finish('error')
        expectStatus(outcome, 500, 'a failed request')
        assert(outcome.setCookie === undefined, 'a failed request must not send a cookie')
      }
      expectCalls(world, {}, 'a failed request')
      await expectData(site, cookie, { userId: 'u1' }, 'after it')
    },
  },
  {
    name: 'failed: destroy still happens',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const visit = await site.visit(cookie)
      visit.session.destroy()
      expectStatus(await visit.finish('error'), 500, 'a failed logout')
      await expectData(site, cookie, {}, 'after it')
    },
  },
  {
    name: 'failed: a regenerate changes nothing, and the session works at once (F13)',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site, { cart: [1] })
      world.resetCounters()
      const visit = await site.visit(cookie)
      visit.session.regenerate({ keep: [], reauthenticated: true })
      visit.session.set('role', 'admin')
      const outcome = await visit.finish('error')
      expectStatus(outcome, 500, 'a failed login')
      assert(outcome.setCookie === undefined, 'a failed login must not send a cookie')
      expectCalls(world, {}, 'a failed login')
      await expectData(site, cookie, { cart: [1] }, 'after it')
      cookieOf(await request(site, cookie, (session) => session.set('cart', [1, 2])), 'a write after it')
      await expectData(site, cookie, { cart: [1, 2] }, 'after a write')
    },
  },
  {
    name: 'failed: an answer that is thrown commits',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const visit = await site.visit(cookie)
      await visit.session.update('attempts', (n) => Number(n ?? 0) + 1)
      const outcome = await visit.finish('refusal')
      expectStatus(outcome, 403, 'a wrong password')
      assert(outcome.setCookie !== undefined, 'what was committed hands out its revision')
      await expectData(site, cookie, { userId: 'u1', attempts: 1 }, 'after it')
    },
  },
  {
    name: 'unavailable: reads and writes are 503 and leave the cookie alone; nothing is lost',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      world.setDown(true)
      const reading = await site.visit(cookie)
      const code = await reading.session.get('userId').then(() => 'answered', codeOf)
      assert(code === 'unavailable', `a read must reject as unavailable, got ${code}`)
      expectNoCookie(await reading.finish(), 'a request that handles the outage')
      const outcomes = [
        await request(site, cookie, (session) => session.set('a', 1)),
        await request(site, cookie, (session) => session.regenerate()),
        await request(site, cookie, (session) => session.destroy()),
        await request(site, undefined, (session) => session.set('a', 1)),
      ]
      for (const [at, outcome] of outcomes.entries()) {
        expectRefused(outcome, 503, 'unavailable', `request ${at} during an outage`)
        if (world.http) assert(outcome.headers.get('Retry-After') === '1', 'a 503 must say Retry-After: 1')
      }
      world.setDown(false)
      await expectData(site, cookie, { userId: 'u1' }, 'after the outage')
    },
  },
  {
    name: 'unavailable: untouched sessions and requests without a cookie do not notice',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      world.setDown(true)
      expectNoCookie(await request(site, cookie), 'an untouched session')
      await expectData(site, undefined, {}, 'no cookie')
    },
  },
  {
    name: "unavailable: 'anonymous' reads nothing, refuses writes and leaves the cookie alone",
    async run(world) {
      const site = world.site({ onUnavailable: 'anonymous' })
      const cookie = await begin(site)
      world.setDown(true)
      await expectData(site, cookie, {}, 'a read')
      const visit = await site.visit(cookie)
      await visit.session.get('userId')
      let code: unknown = 'nothing'
      try {
        visit.session.set('a', 1)
      } catch (error) {
        code = codeOf(error)
      }
      assert(code === 'unavailable', `a write after a read must throw unavailable, got ${code}`)
      expectNoCookie(await visit.finish(), 'a request that goes on')
      const blind = await request(site, cookie, (session) => session.set('a', 1))
      expectRefused(blind, 503, 'unavailable', 'a write before any read')
      expectRefused(await request(site, cookie, (session) => session.destroy()), 503, 'unavailable', 'a logout')
      world.setDown(false)
      await expectData(site, cookie, { userId: 'u1' }, 'after the outage')
    },
  },
  {
    name: 'commit: a response leaves only after the record is stored',
    async run(world) {
      const site = world.site()
      const cookie = cookieOf(await request(site, undefined, (session) => session.set('a', 1)))
      assert((await world.store.read(world.keys[0] as string)) !== null, 'stored before the cookie is handed out')
      await expectData(site, cookie, { a: 1 }, 'at once')
    },
  },
]
