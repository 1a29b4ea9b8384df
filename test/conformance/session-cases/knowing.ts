import { assert } from '../assert.ts'
import { begin, cookieOf, expectData, expectNoCookie, expectStatus, request, type SessionCase } from './world.ts'

/** What is known of a session beside its data, and what does not count as activity. */
export const knowingCases: readonly SessionCase[] = [
  {
    name: 'know: the first write and the last proof are told apart',
    async run(world) {
      const site = world.site({ absoluteSeconds: 600 })
      const first = await begin(site)
      await world.advance(1500)
      const cookie = cookieOf(
        await request(site, first, async (session) => {
          assert(!(await session.authenticatedWithin(600)), 'nobody has proved anything yet')
          session.regenerate({ reauthenticated: true })
          assert(await session.authenticatedWithin(600), 'a proof counts at once')
        }),
      )
      const visit = await site.visit(cookie)
      const info = await visit.session.info()
      assert(info?.authenticated !== undefined, 'a proof must be remembered')
      assert(info.authenticated > info.created, 'the first write must not move with a proof')
      assert(info.until === info.authenticated + 600, 'the absolute time must begin with the proof')
      assert(await visit.session.authenticatedWithin(600), 'a proof counts in later requests')
      assert(info.ref === visit.session.ref, 'info and session must have one ref')
      expectNoCookie(await visit.finish(), 'a request that asked for info')
    },
  },
  {
    name: 'know: passive reads do not keep a session alive',
    async run(world) {
      const site = world.site({ idleSeconds: 6, absoluteSeconds: 600 })
      const cookie = await begin(site)
      await world.advance(4000)
      const outcome = await request(site, cookie, async (session) => {
        session.passive()
        assert((await session.get('userId')) === 'u1', 'a passive read must see the session')
      })
      expectNoCookie(outcome, 'a passive read')
      await world.advance(3500)
      await expectData(site, cookie, {}, 'after the idle time, with a passive read in it')
    },
  },
  {
    name: 'know: a session is opened again after its response, and an end is told',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const visit = await site.visit(cookie)
      expectNoCookie(await visit.finish(), 'a request before')
      const again = visit.session.reopen()
      assert((await again.session.get('userId')) === 'u1', 'a reopened session must be read')
      again.session.set('done', true)
      assert((await again.commit()).status === 'live', 'a change must be stored')
      await expectData(site, cookie, { userId: 'u1', done: true }, 'after the change of a reopened session')
      expectStatus(await request(site, cookie, (session) => session.destroy()), 200, 'a logout')
      const late = visit.session.reopen()
      late.session.set('late', true)
      assert((await late.commit()).status === 'ended', 'an end must be told')
      await expectData(site, cookie, {}, 'after the end')
    },
  },
]
