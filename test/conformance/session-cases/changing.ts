import { assert } from '../assert.ts'
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

/** G3 and G8 among requests that overlap. A visit that is opened and read early stands for a slow request. */
export const changingCases: readonly SessionCase[] = [
  {
    name: 'change: a request reads its own writes before and after the load',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site, { a: 1, b: 2, c: 3 })
      const outcome = await request(site, cookie, async (session) => {
        session.set('a', 10)
        assert((await session.get('a')) === 10, 'a write before the load')
        session.delete('b')
        assert(!(await session.has('b')), 'a deleted key')
        await session.update('c', (c) => Number(c) + 1)
        assert((await session.get('c')) === 4, 'an updated key')
        assert((await session.pull('c')) === 4 && !(await session.has('c')), 'a pulled key')
        session.set('a', undefined)
        session.set('d', { deep: [1, null] })
      })
      await expectData(site, cookieOf(outcome), { d: { deep: [1, null] } }, 'after the commit')
    },
  },
  {
    name: 'change: the next request sees the change, with the old cookie and with the new one',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const next = cookieOf(await request(site, cookie, (session) => session.set('a', 1)))
      assert(next !== cookie, 'a change must hand out its revision')
      await expectData(site, cookie, { userId: 'u1', a: 1 }, 'the old cookie')
      await expectData(site, next, { userId: 'u1', a: 1 }, 'the new cookie')
    },
  },
  {
    name: 'change: what is set to the same value is not written',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site, { a: { b: [1] } })
      world.resetCounters()
      const outcome = await request(site, cookie, async (session) => {
        session.set('a', { b: [1] })
        session.set('x', 1)
        session.delete('x')
        await session.update('a', (a) => a)
      })
      expectNoCookie(outcome, 'a request that changed nothing')
      expectCalls(world, { read: 1 }, 'a request that changed nothing')
    },
  },
  {
    name: 'change: parallel changes of different keys merge',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const slow = await site.visit(cookie)
      await slow.session.get('userId')
      expectStatus(await request(site, cookie, (session) => session.set('a', 1)), 200, 'the fast request')
      slow.session.set('b', 2)
      const merged = cookieOf(await slow.finish(), 'the slow request')
      await expectData(site, merged, { userId: 'u1', a: 1, b: 2 }, 'after both')
    },
  },
  {
    name: 'change: what was set without looking overwrites; what was looked at first conflicts',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site, { n: 0 })
      const [blind, looking] = [await site.visit(cookie), await site.visit(cookie)]
      await blind.session.get('other')
      assert((await looking.session.get('n')) === 0, 'both start from 0')
      expectStatus(await request(site, cookie, (session) => session.set('n', 1)), 200, 'the fast request')
      blind.session.set('n', 2)
      expectStatus(await blind.finish(), 200, 'a blind set')
      looking.session.set('n', 3)
      looking.session.set('more', true)
      expectRefused(await looking.finish(), 409, 'conflict', 'a set after a look')
      await expectData(site, cookie, { n: 2 }, 'after all: nothing of the refused request')
    },
  },
  {
    name: 'change: has, all and pull are looks; delete and clear are changes',
    async run(world) {
      const site = world.site()
      type Step = (session: Parameters<Parameters<typeof request>[2] & object>[0]) => unknown
      const looks: Step[] = [(s) => s.get('n'), (s) => s.has('n'), (s) => s.all(), (s) => s.pull('n')]
      const changes: Step[] = [(s) => s.set('n', 5), (s) => s.delete('n'), (s) => s.clear(), (s) => s.pull('n')]
      for (const look of looks) {
        for (const change of changes) {
          const cookie = await begin(site, { n: 1 })
          const slow = await site.visit(cookie)
          await look(slow.session)
          expectStatus(await request(site, cookie, (session) => session.set('n', 2)), 200, 'the fast request')
          await change(slow.session)
          expectRefused(await slow.finish(), 409, 'conflict', `${look} then ${change}`)
          await expectData(site, cookie, { n: 2 }, 'after the conflict')
        }
      }
    },
  },
  {
    name: 'change: a request that only looks never conflicts',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site, { n: 1 })
      const slow = await site.visit(cookie)
      await slow.session.all()
      expectStatus(await request(site, cookie, (session) => session.set('n', 2)), 200, 'the fast request')
      expectNoCookie(await slow.finish(), 'a request that only looked')
    },
  },
  {
    name: 'change: update runs again on newer data, the handler does not',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site, { n: 1 })
      const slow = await site.visit(cookie)
      const saw: unknown[] = []
      await slow.session.get('n')
      await slow.session.update('n', (n) => {
        saw.push(n)
        return Number(n) + 10
      })
      expectStatus(await request(site, cookie, (session) => session.set('n', 5)), 200, 'the fast request')
      expectStatus(await slow.finish(), 200, 'an update')
      assert(saw.join() === '1,5', `the recipe must see 1, then 5; it saw ${saw}`)
      await expectData(site, cookie, { n: 15 }, 'after both')
    },
  },
  {
    name: 'change: of two pulls exactly one gets the value',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site, { token: 't' })
      const visits = [await site.visit(cookie), await site.visit(cookie)]
      for (const { session } of visits) assert((await session.pull('token')) === 't', 'both may see it')
      const outcomes = await Promise.all(visits.map((visit) => visit.finish()))
      const statuses = outcomes.map(({ status }) => status).sort()
      assert(statuses.join() === '200,409', `one 200 and one 409 expected, got ${statuses}`)
      await expectData(site, cookie, {}, 'after both')
    },
  },
  {
    name: 'change: values are copied when set and frozen when handed out',
    async run(world) {
      const site = world.site()
      const list = [1]
      const visit = await site.visit()
      visit.session.set('list', list)
      list.push(2)
      const cookie = cookieOf(await visit.finish())
      await expectData(site, cookie, { list: [1] }, 'changed after set')
      await request(site, cookie, async (session) => {
        assert(Object.isFrozen(await session.get('list')), 'a value must be handed out frozen')
        assert(Object.isFrozen(await session.all()), 'all values must be handed out frozen')
      })
    },
  },
]
