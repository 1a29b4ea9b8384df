import { assert } from '../assert.ts'
import {
  begin,
  cookieOf,
  countEvents,
  expectData,
  expectRefused,
  request,
  type SessionCase,
  type SessionWorld,
} from './world.ts'

/** Puts other bytes in the place of a record, as somebody with write access could. */
async function overwrite(world: SessionWorld, key: string, value: Uint8Array): Promise<void> {
  const entry = await world.store.read(key)
  assert(entry, 'expected a record to overwrite')
  const { status } = await world.store.update(key, value, 60, entry.version)
  assert(status === 'stored', `expected to overwrite, got ${status}`)
}

const bytesAt = async (world: SessionWorld, key: string): Promise<Uint8Array> => {
  const entry = await world.store.read(key)
  assert(entry, 'expected a record')
  return new Uint8Array(entry.value)
}

const k1 = 'the first secret of this site: 0123456789'
const k2 = 'another secret of this site: 9876543210'

/** G5, G6, G8 and the rotation of secrets: what comes back from a store is checked. */
export const trustingCases: readonly SessionCase[] = [
  {
    name: 'trust: a record older than the cookie is not used, and nothing is written over it',
    async run(world) {
      const site = world.site()
      const old = await begin(site, { role: 'admin' })
      const key = world.keys[0] as string
      const before = await bytesAt(world, key)
      const next = cookieOf(await request(site, old, (session) => session.set('role', 'guest')))
      await overwrite(world, key, before)
      world.resetCounters()
      await expectData(site, next, {}, 'a rolled-back record')
      assert(world.calls.read === 2, 'a record that is too old is read once more')
      assert(countEvents(world, 'rolled-back') === 1, 'it must be reported')
      const fresh = cookieOf(await request(site, next, (session) => session.set('a', 1)))
      await expectData(site, fresh, { a: 1 }, 'a write starts a new session')
    },
  },
  {
    name: 'trust: a corrupt record counts as absent and is reported',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const key = world.keys[0] as string
      const bytes = await bytesAt(world, key)
      bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1
      await overwrite(world, key, bytes)
      world.resetCounters()
      await expectData(site, cookie, {}, 'a corrupt record')
      assert(countEvents(world, 'corrupt') === 1, 'it must be reported')
      const fresh = cookieOf(await request(site, cookie, (session) => session.set('a', 1)))
      await expectData(site, fresh, { a: 1 }, 'a write starts a new session')
    },
  },
  {
    name: 'trust: a record opens only under its own key',
    async run(world) {
      const site = world.site()
      const mine = await begin(site, { userId: 'mine' })
      await begin(site, { userId: 'theirs' })
      const [key, other] = world.keys as [string, string]
      await overwrite(world, key, await bytesAt(world, other))
      await expectData(site, mine, {}, "another session's record")
    },
  },
  {
    name: 'trust: a record of an unknown format is left intact: 503',
    async run(world) {
      const site = world.site()
      const cookie = await begin(site)
      const key = world.keys[0] as string
      const bytes = await bytesAt(world, key)
      bytes[0] = 9
      await overwrite(world, key, bytes)
      const outcome = await request(site, cookie, (session) => session.set('a', 1))
      expectRefused(outcome, 503, 'unavailable', 'a write over an unknown format')
      assert(countEvents(world, 'unknown-key') >= 1, 'it must be reported')
      assert((await bytesAt(world, key))[0] === 9, 'the record must be left as it is')
    },
  },
  {
    name: 'trust: secrets rotate from k1 over both orders to k2 without ending a session',
    async run(world) {
      const rings = [[k1], [k1, k2], [k2, k1], [k2]]
      const sites = rings.map((secret) => world.site({ secret }))
      let cookie = await begin(sites[0] as (typeof sites)[0], { step: -1 })
      for (const [step, site] of sites.entries()) {
        await expectData(site, cookie, { step: step - 1 }, `step ${step} reads what the last wrote`)
        cookie = cookieOf(await request(site, cookie, (session) => session.set('step', step)))
        // Servers are replaced one by one: the release before must read what this one wrote.
        const former = sites[step - 1]
        if (former && step !== 3) await expectData(former, cookie, { step }, `step ${step - 1} reads step ${step}`)
      }
      await expectData(sites[3] as (typeof sites)[0], cookie, { step: 3 }, 'k2 alone')
      await expectData(sites[0] as (typeof sites)[0], cookie, {}, 'k1 alone, after the rotation')
    },
  },
]
