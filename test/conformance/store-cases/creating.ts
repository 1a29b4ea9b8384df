import { assert, assertAbsent, assertHolds, assertStatus, assertStored } from '../assert.ts'
import { afterBriefMs, briefSeconds, longSeconds, type StoreCase } from '../store-case.ts'
import { freshKey, record } from '../values.ts'

/** `create`: add-only. */
export const creatingCases: readonly StoreCase[] = [
  {
    name: 'create: taken leaves the other value and its version untouched',
    async run(store) {
      const [key, value] = [freshKey(), record()]
      const version = assertStored(await store.create(key, value, longSeconds), 'the first create')
      assertStatus(await store.create(key, record(), longSeconds), 'taken', 'the second create')
      const entry = await assertHolds(store, key, value, 'after the second create')
      assert(entry.version === version, 'a create that was refused must not change the version')
    },
  },
  {
    name: 'create: taken leaves the life of the other value untouched',
    async run(store, clock) {
      const key = freshKey()
      await store.create(key, record(), briefSeconds)
      assertStatus(await store.create(key, record(), longSeconds), 'taken', 'the second create')
      await clock.sleep(afterBriefMs)
      await assertAbsent(store, key, 'after the time to live of the first create')
    },
  },
  {
    name: 'create: the entry lives for its time to live, then is gone',
    async run(store, clock) {
      const [key, value] = [freshKey(), record()]
      await store.create(key, value, briefSeconds + 1)
      // 3 s are 2 to 3 s on memcached.
      await clock.sleep(1_500)
      await assertHolds(store, key, value, '1.5 s after a create for 3 s')
      await clock.sleep(3_000)
      await assertAbsent(store, key, '4.5 s after a create for 3 s')
    },
  },
  {
    name: 'create: stores where the former entry has expired',
    async run(store, clock) {
      const [key, value] = [freshKey(), record()]
      const former = assertStored(await store.create(key, record(), briefSeconds), 'the first create')
      await clock.sleep(afterBriefMs)
      const version = assertStored(await store.create(key, value, longSeconds), 'create over an expired entry')
      assert(version !== former, 'the new entry must not have the version of the expired one')
      await assertHolds(store, key, value, 'after the second create')
    },
  },
  {
    name: 'create: of 20 at the same time exactly one is stored',
    async run(store) {
      const key = freshKey()
      const values = Array.from({ length: 20 }, () => record())
      const results = await Promise.all(values.map((value) => store.create(key, value, longSeconds)))
      const stored = values.filter((_, index) => results[index]?.status === 'stored')
      const taken = results.filter((result) => result.status === 'taken')
      assert(stored.length === 1, `of 20 creates of one key ${stored.length} were stored`)
      assert(taken.length === 19, `of 20 creates of one key ${taken.length} were told it is taken`)
      for (const value of stored) await assertHolds(store, key, value, 'after 20 creates, the one that was stored')
    },
  },
]
