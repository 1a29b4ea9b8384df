import {
  begin,
  cookieOf,
  expectCalls,
  expectData,
  expectNoCookie,
  request,
  type SessionCase,
  type SessionWorld,
  type Site,
} from './world.ts'

/** memcached counts in whole seconds, so that 4 may be 3; a step leaves a busy machine more than a second. */
const idleSeconds = 4
const stepMs = 1500
const afterIdleMs = 5500

const keep = async (world: SessionWorld, site: Site, cookie: string, steps: number, what: string) => {
  for (let step = 1; step <= steps; step++) {
    await world.advance(stepMs)
    await expectData(site, cookie, { userId: 'u1' }, `${what}, step ${step}`)
  }
}

/** Idle and absolute ends. */
export const expiringCases: readonly SessionCase[] = [
  {
    name: 'expire: reading keeps a session alive, idle time ends it',
    async run(world) {
      const site = world.site({ idleSeconds, absoluteSeconds: 600 })
      const cookie = await begin(site)
      await keep(world, site, cookie, 4, 'read every 1.5 s of 4')
      await world.advance(afterIdleMs)
      await expectData(site, cookie, {}, 'after the idle time')
    },
  },
  {
    name: 'expire: a session nobody touches is not kept alive by requests',
    async run(world) {
      const site = world.site({ idleSeconds, absoluteSeconds: 600 })
      const cookie = await begin(site)
      for (let passed = 0; passed < afterIdleMs; passed += stepMs) {
        expectNoCookie(await request(site, cookie), 'an untouched session')
        await world.advance(stepMs)
      }
      await expectData(site, cookie, {}, 'after the idle time')
    },
  },
  {
    name: 'expire: a write keeps a session alive for the full idle time',
    async run(world) {
      const site = world.site({ idleSeconds, absoluteSeconds: 600 })
      let cookie = await begin(site)
      for (let step = 1; step <= 4; step++) {
        await world.advance(stepMs)
        cookie = cookieOf(await request(site, cookie, (session) => session.set('step', step)))
      }
      await expectData(site, cookie, { userId: 'u1', step: 4 }, 'written every 1.5 s of 4')
    },
  },
  {
    name: 'expire: activity does not move the absolute end, after which a cookie costs nothing',
    async run(world) {
      const site = world.site({ idleSeconds, absoluteSeconds: 8 })
      let cookie = await begin(site)
      await keep(world, site, cookie, 2, 'before the absolute end')
      cookie = cookieOf(await request(site, cookie, (session) => session.set('a', 1)))
      await world.advance(stepMs)
      cookie = cookieOf(await request(site, cookie, (session) => session.set('a', 2)))
      await world.advance(3 * stepMs)
      world.resetCounters()
      await expectData(site, cookie, {}, 'after the absolute end')
      expectCalls(world, {}, 'an expired cookie')
    },
  },
  {
    name: 'expire: regenerate keeps the absolute end, reauthenticated moves it',
    async run(world) {
      const site = world.site({ idleSeconds: 8, absoluteSeconds: 8 })
      const cookies = [await begin(site), await begin(site)]
      await world.advance(3 * stepMs)
      const [kept, moved] = await Promise.all(
        cookies.map(async (cookie, at) =>
          cookieOf(await request(site, cookie, (session) => session.regenerate({ reauthenticated: at === 1 }))),
        ),
      )
      await world.advance(1000)
      await expectData(site, kept, { userId: 'u1' }, 'regenerated, before the end')
      await world.advance(3000)
      await expectData(site, kept, {}, 'regenerated, after the end of the first')
      await expectData(site, moved, { userId: 'u1' }, 'reauthenticated, after the end of the first')
      await world.advance(4500)
      await expectData(site, moved, {}, 'reauthenticated, after its own end')
    },
  },
]
