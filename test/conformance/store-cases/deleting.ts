import { assert, assertAbsent, assertHolds, assertStatus, assertStored } from '../assert.ts'
import { afterBriefMs, briefSeconds, longSeconds, type StoreCase } from '../store-case.ts'
import { freshKey, record, tombstone } from '../values.ts'

/** `delete`, and the tombstone it may leave. */
export const deletingCases: readonly StoreCase[] = [
  {
    name: 'delete: a deleted entry is absent, and its key free again',
    async run(store) {
      const [key, value] = [freshKey(), record()]
      await store.create(key, record(), longSeconds)
      await store.delete(key)
      await assertAbsent(store, key, 'after delete')
      assertStored(await store.create(key, value, longSeconds), 'create after delete')
      await assertHolds(store, key, value, 'created after delete')
    },
  },
  {
    name: 'delete: takes an entry of any version, and only the one named',
    async run(store) {
      const [key, other, value] = [freshKey(), freshKey(), record()]
      await store.create(other, value, longSeconds)
      const version = assertStored(await store.create(key, record(), longSeconds), 'create')
      assertStored(await store.update(key, record(), longSeconds, version), 'update')
      await store.delete(key, { tombstone: undefined, signal: undefined })
      await assertAbsent(store, key, 'after delete of an updated entry')
      await assertHolds(store, other, value, 'another key')
    },
  },
  {
    name: 'delete: an absent key is not an error, and stays absent',
    async run(store) {
      const key = freshKey()
      await store.delete(key)
      await store.delete(key)
      await assertAbsent(store, key, 'after delete of an absent key')
    },
  },
  {
    name: 'tombstone: takes the place of the record',
    async run(store) {
      const [key, value] = [freshKey(), tombstone()]
      const version = assertStored(await store.create(key, record(), longSeconds), 'create')
      await store.delete(key, { tombstone: { value, seconds: longSeconds } })
      const entry = await assertHolds(store, key, value, 'after delete with a tombstone')
      assert(entry.version !== version, 'a tombstone must not have the version of the record')
      assertStatus(await store.create(key, record(), longSeconds), 'taken', 'create over a tombstone')
      await assertHolds(store, key, value, 'after create over a tombstone')
    },
  },
  {
    name: 'tombstone: no late update with a version of the record gets past it',
    async run(store) {
      const [key, value] = [freshKey(), tombstone()]
      const first = assertStored(await store.create(key, record(), longSeconds), 'create')
      const second = assertStored(await store.update(key, record(), longSeconds, first), 'update')
      await store.delete(key, { tombstone: { value, seconds: longSeconds } })
      for (const version of [first, second]) {
        const { status } = await store.update(key, record(), longSeconds, version)
        assert(status === 'conflict' || status === 'missing', `a late update over a tombstone: got ${status}`)
      }
      await assertHolds(store, key, value, 'after late updates')
    },
  },
  {
    name: 'tombstone: is left also where nothing was stored',
    async run(store) {
      const [key, value] = [freshKey(), tombstone()]
      await store.delete(key, { tombstone: { value, seconds: longSeconds } })
      await assertHolds(store, key, value, 'a tombstone over an absent key')
      assertStatus(await store.create(key, record(), longSeconds), 'taken', 'create over that tombstone')
    },
  },
  {
    name: 'tombstone: a later one takes the place of an earlier one',
    async run(store) {
      const [key, later] = [freshKey(), tombstone()]
      await store.delete(key, { tombstone: { value: tombstone(), seconds: longSeconds } })
      await store.delete(key, { tombstone: { value: later, seconds: longSeconds } })
      await assertHolds(store, key, later, 'after the second tombstone')
    },
  },
  {
    name: 'tombstone: lives for its own seconds, longer and shorter than the record',
    async run(store, clock) {
      const [longer, shorter, value] = [freshKey(), freshKey(), tombstone()]
      await store.create(longer, record(), briefSeconds)
      await store.create(shorter, record(), longSeconds)
      await store.delete(longer, { tombstone: { value, seconds: longSeconds } })
      await store.delete(shorter, { tombstone: { value: tombstone(), seconds: briefSeconds } })
      await clock.sleep(afterBriefMs)
      await assertHolds(store, longer, value, 'a tombstone that outlives the record')
      await assertAbsent(store, shorter, 'a tombstone after its seconds')
    },
  },
]
