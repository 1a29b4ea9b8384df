import { assert } from '../assert.ts'
import {
  begin,
  cookieOf,
  expectCalls,
  expectData,
  expectNoCookie,
  expectStatus,
  request,
  type SessionCase,
} from './world.ts'

/** G2 and G10: what a session costs, and that it costs nothing before there is one. */
export const startingCases: readonly SessionCase[] = [
  {
    name: 'start: nothing is stored and no cookie is sent until the first write',
    async run(world) {
      const site = world.site()
      const looked = await request(site, undefined, async (session) => {
        assert((await session.get('a')) === undefined, 'a new session must be empty')
        assert(!(await session.has('a')), 'a new session has no keys')
        await session.pull('a')
        session.clear()
        session.delete('a')
        session.regenerate()
      })
      expectNoCookie(looked, 'a request that wrote nothing')
      expectCalls(world, {}, 'a request that wrote nothing')
      expectCalls(world, {}, 'no cookie: 0 round trips')
    },
  },
  {
    name: 'start: an untouched session costs 0 round trips and leaves the headers alone',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      world.resetCounters()
      const outcome = await request(site, cookie)
      expectNoCookie(outcome, 'an untouched session')
      expectCalls(world, {}, 'an untouched session')
      assert(!outcome.headers.has('Vary'), 'an untouched session must not make the response vary')
      assert(!outcome.headers.has('Cache-Control'), 'an untouched session must leave Cache-Control alone')
    },
  },
  {
    name: 'start: the first write costs 1 round trip',
    async run(world) {
      const outcome = await request(world.site(), undefined, (session) => session.set('a', 1))
      expectCalls(world, { create: 1 }, 'the first write')
      cookieOf(outcome)
      assert(outcome.setCookie?.includes('; HttpOnly; Secure; SameSite=Lax'), 'the cookie must be protected')
      assert(outcome.headers.get('Cache-Control') === 'private, no-store', 'a Set-Cookie must not be cached')
    },
  },
  {
    name: 'start: reading costs 1 round trip, however often, and sends no cookie',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site, { a: 1, b: 2 })
      world.resetCounters()
      const outcome = await request(site, cookie, async (session) => {
        await Promise.all([session.get('a'), session.get('b'), session.has('c'), session.all()])
        assert((await session.get('a')) === 1, 'what was written must be read')
      })
      expectNoCookie(outcome, 'a request that read')
      expectCalls(world, { read: 1 }, 'a request that read')
      assert(outcome.headers.get('Vary')?.toLowerCase().includes('cookie'), 'the response depends on the cookie')
      assert(outcome.headers.get('Cache-Control') === 'private, no-cache', 'a cache must ask again')
    },
  },
  {
    name: 'start: a change costs 2 round trips, read before or not',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      for (const reads of [true, false]) {
        world.resetCounters()
        const outcome = await request(site, cookie, async (session) => {
          if (reads) await session.get('count')
          session.set('count', reads ? 1 : 2)
        })
        cookieOf(outcome, 'a change')
        expectCalls(world, { read: 1, update: 1 }, 'a change')
      }
    },
  },
  {
    name: 'start: an update costs 2 round trips',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      world.resetCounters()
      cookieOf(await request(site, cookie, (session) => session.update('n', (n) => Number(n ?? 0) + 1)))
      expectCalls(world, { read: 1, update: 1 }, 'an update')
    },
  },
  {
    name: 'start: regenerating a loaded session costs 2 round trips more',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      world.resetCounters()
      const outcome = await request(site, cookie, async (session) => {
        await session.get('userId')
        session.regenerate()
      })
      cookieOf(outcome)
      expectCalls(world, { read: 1, create: 1, update: 1 }, 'a regenerate')
    },
  },
  {
    name: 'start: ending a session costs 1 round trip; without one it costs none',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      world.resetCounters()
      expectStatus(await request(site, cookie, (session) => session.destroy()), 200, 'a logout')
      expectCalls(world, { delete: 1 }, 'a logout')
      world.resetCounters()
      expectNoCookie(await request(site, undefined, (session) => session.destroy()), 'a logout of nobody')
      expectCalls(world, {}, 'a logout of nobody')
    },
  },
  {
    name: 'start: a forged, malformed or foreign cookie costs 0 round trips',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const foreign = await begin(world.site({ secret: ['another secret of 32 bytes, 0123456789'] }))
      const flipped = cookie.endsWith('A') ? `${cookie.slice(0, -1)}B` : `${cookie.slice(0, -1)}A`
      const [name] = cookie.split('=', 1)
      world.resetCounters()
      for (const bad of [flipped, foreign, `${name}=`, `${name}=x`, `${name}=a.b.c`, `${cookie}.x`]) {
        await expectData(site, bad, {}, 'a cookie that is not ours')
        expectNoCookie(await request(site, bad, (session) => session.destroy()), 'a logout with a bad cookie')
      }
      expectCalls(world, {}, 'cookies that are not ours')
      await expectData(site, cookie, { userId: 'u1' }, 'the session they imitate')
    },
  },
  {
    name: 'start: the id of a session that is not stored is never adopted',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      await world.store.delete(world.keys[0] as string)
      const next = cookieOf(await request(site, cookie, (session) => session.set('a', 1)))
      assert(world.keys.length === 2 && world.keys[0] !== world.keys[1], 'a fresh id must be drawn')
      assert((await world.store.read(world.keys[0] as string)) === null, 'the absent id must stay absent')
      await expectData(site, cookie, {}, 'the old cookie')
      await expectData(site, next, { a: 1 }, 'the new cookie')
    },
  },
]
