import { describe, expect, it } from 'vitest'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import { maxTtlSeconds, type Store } from '../../src/store.ts'
import { kit } from '../support/app.ts'
import { wrapStore } from '../support/stores.ts'

/** A store that notes how long it was asked to keep things. */
function noting(inner: Store) {
  const records: number[] = []
  const tombstones: number[] = []
  const store: Store = {
    ...inner,
    read: (key, options) => {
      if (options?.touchSeconds !== undefined) records.push(options.touchSeconds)
      return inner.read(key, options)
    },
    create: (key, value, seconds, options) => {
      records.push(seconds)
      return inner.create(key, value, seconds, options)
    },
    update: (key, value, seconds, ...rest) => {
      if (value[0] === 0) tombstones.push(seconds)
      else records.push(seconds)
      return inner.update(key, value, seconds, ...rest)
    },
    delete: (key, options) => {
      tombstones.push(options?.tombstone?.seconds ?? 0)
      return inner.delete(key, options)
    },
  }
  return { store, records, tombstones }
}

describe.each([maxTtlSeconds, maxTtlSeconds - 1, maxTtlSeconds - 59, maxTtlSeconds - 60, maxTtlSeconds - 61])(
  'an idle time of %i seconds (F6)',
  (seconds) => {
    it.each(['alone', 'as two copies'])('works: changes, logins and logouts, %s', async (how) => {
      const { memory, clock } = kit()
      const { store, records, tombstones } = noting(memory)
      const other = kit({ now: clock.now }).memory
      const pair =
        how === 'alone' ? store : replicatedStore({ stores: [store, wrapStore(other, (call) => call.apply())] })
      const test = kit({ store: pair, now: clock.now, idleSeconds: seconds, absoluteSeconds: seconds })
      const user = test.browser()
      await user.visit((session) => session.set('n', 1))
      await user.visit((session) => session.update('n', (n) => n + 1))
      const old = user.cookie
      await user.visit((session) => {
        session.regenerate({ reauthenticated: true })
        session.set('user', 'alice')
      })
      expect(await user.visit((session) => session.all())).toEqual({ n: 2, user: 'alice' })
      expect(await test.browser(old).visit((session) => session.all())).toEqual({})
      const last = user.cookie
      await user.visit((session) => session.destroy())
      expect(await test.browser(last).visit((session) => session.all())).toEqual({})
      // What has ended outlives, by the minute that clocks may differ, every record that it outlaws.
      expect(tombstones.length).toBeGreaterThan(1)
      expect(Math.min(...tombstones) - Math.max(...records)).toBeGreaterThanOrEqual(60)
      await test.options.store.close?.()
    })
  },
)
