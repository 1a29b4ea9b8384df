import type { Store } from '../../../src/store.ts'
import { assert, assertAbsent, assertBytes, assertHolds, assertStatus, assertStored } from '../assert.ts'
import { afterBriefMs, briefSeconds, longSeconds, type StoreCase } from '../store-case.ts'
import { freshKey, record } from '../values.ts'

/** Strings no store has given out: numbers (0 means "unconditional" in memcached's binary protocol), too long, commands. */
const madeUpVersions = [
  ...['', '0', '-1', '18446744073709551616', 'no-such-version', 'x'.repeat(1_000)],
  ...['1 2\r\nflush_all\r\n', '\u0000\u00e9\u{1f4a5}', '__proto__'],
]

/** Throws unless an update with this version is a conflict that changes nothing; `current`, where given, is what a read gives. */
async function assertConflict(store: Store, key: string, version: string, what: string): Promise<void> {
  const before = await store.read(key)
  assert(before, `${what}: expected an entry`)
  const result = assertStatus(await store.update(key, record(), longSeconds, version), 'conflict', what)
  const after = await assertHolds(store, key, before.value, `${what}, after the conflict`)
  assert(after.version === before.version, `${what}: a conflict must not change the version`)
  if (!result.current) return
  assertBytes(result.current.value, before.value, `${what}, the current value`)
  assert(result.current.version === before.version, `${what}: the current version must be the one a read gives`)
}

/** `update`: compare-and-swap, and never a create. */
export const updatingCases: readonly StoreCase[] = [
  {
    name: 'update: each version is good for the next update',
    async run(store) {
      const key = freshKey()
      let version = assertStored(await store.create(key, record(), longSeconds), 'create')
      const seen = new Set([version])
      for (let round = 1; round <= 5; round++) {
        const value = record()
        version = assertStored(await store.update(key, value, longSeconds, version), `update ${round}`)
        assert(!seen.has(version), `update ${round} must have a version of its own`)
        seen.add(version)
        await assertHolds(store, key, value, `after update ${round}`)
      }
    },
  },
  {
    name: 'update: takes the version that a read gave',
    async run(store) {
      const [key, first, second] = [freshKey(), record(), record()]
      await store.create(key, first, longSeconds)
      const { version } = await assertHolds(store, key, first, 'after create')
      assertStored(await store.update(key, second, longSeconds, version), 'update')
      await assertHolds(store, key, second, 'after update')
    },
  },
  {
    name: 'update: a stale version is a conflict',
    async run(store) {
      const key = freshKey()
      const former: string[] = []
      let version = assertStored(await store.create(key, record(), longSeconds), 'create')
      for (let round = 1; round <= 4; round++) {
        former.push(version)
        version = assertStored(await store.update(key, record(), longSeconds, version), `update ${round}`)
        for (const [age, stale] of former.toReversed().entries())
          await assertConflict(store, key, stale, `an update with a version ${age + 1} updates old`)
      }
    },
  },
  {
    name: 'update: the version of an entry deleted and created again is a conflict',
    async run(store) {
      const key = freshKey()
      const former = assertStored(await store.create(key, record(), longSeconds), 'create')
      await store.delete(key)
      assertStored(await store.create(key, record(), longSeconds), 'create after delete')
      await assertConflict(store, key, former, 'an update with a version from before the delete')
    },
  },
  {
    name: 'update: the version of another key is a conflict',
    async run(store) {
      const [key, other] = [freshKey(), freshKey()]
      await store.create(key, record(), longSeconds)
      const version = assertStored(await store.create(other, record(), longSeconds), 'create of the other key')
      await assertConflict(store, key, version, 'an update with the version of another key')
    },
  },
  {
    name: 'update: a version no store gave out is a conflict, never an exception',
    async run(store) {
      const key = freshKey()
      await store.create(key, record(), longSeconds)
      for (const [index, version] of madeUpVersions.entries())
        await assertConflict(store, key, version, `an update with made-up version ${index}`)
    },
  },
  {
    name: 'update: a conflict leaves the life of the entry untouched',
    async run(store, clock) {
      const key = freshKey()
      await store.create(key, record(), briefSeconds)
      assertStatus(await store.update(key, record(), longSeconds, 'stale'), 'conflict', 'update')
      await clock.sleep(afterBriefMs)
      await assertAbsent(store, key, 'after the time to live of create')
    },
  },
  {
    name: 'update: of two at the same time with one version exactly one is stored',
    async run(store) {
      const key = freshKey()
      const version = assertStored(await store.create(key, record(), longSeconds), 'create')
      // Drawn after the first, because revisions rise with every update.
      const values = [record(), record()]
      const results = await Promise.all(values.map((value) => store.update(key, value, longSeconds, version)))
      const statuses = results.map((result) => result.status)
      assert(statuses.toSorted().join() === 'conflict,stored', `expected one stored, one conflict; got ${statuses}`)
      const stored = values.filter((_, index) => statuses[index] === 'stored')
      for (const value of stored) await assertHolds(store, key, value, 'the update that was stored')
    },
  },
  {
    name: 'update: a key never written is not created',
    async run(store) {
      const [key, other] = [freshKey(), freshKey()]
      const version = assertStored(await store.create(other, record(), longSeconds), 'create of another key')
      assertStatus(await store.update(key, record(), longSeconds, version), 'missing', 'update of an absent key')
      await assertAbsent(store, key, 'after the update of an absent key')
    },
  },
  {
    name: 'update: a deleted entry is missing and stays deleted',
    async run(store) {
      const key = freshKey()
      const version = assertStored(await store.create(key, record(), longSeconds), 'create')
      await store.delete(key)
      assertStatus(await store.update(key, record(), longSeconds, version), 'missing', 'update after delete')
      await assertAbsent(store, key, 'after the update of a deleted entry')
    },
  },
  {
    name: 'update: an expired entry is missing and stays gone',
    async run(store, clock) {
      const key = freshKey()
      const version = assertStored(await store.create(key, record(), briefSeconds), 'create')
      await clock.sleep(afterBriefMs)
      assertStatus(await store.update(key, record(), longSeconds, version), 'missing', 'update after the expiry')
      await assertAbsent(store, key, 'after the update of an expired entry')
    },
  },
  {
    name: 'update: sets the life of the entry, longer and shorter',
    async run(store, clock) {
      const [longer, shorter, value] = [freshKey(), freshKey(), record()]
      const first = assertStored(await store.create(longer, record(), briefSeconds), 'create for a short time')
      const second = assertStored(await store.create(shorter, record(), longSeconds), 'create for a long time')
      assertStored(await store.update(longer, value, longSeconds, first), 'update to longer')
      assertStored(await store.update(shorter, record(), briefSeconds, second), 'update to shorter')
      await clock.sleep(afterBriefMs)
      await assertHolds(store, longer, value, 'updated to live longer')
      await assertAbsent(store, shorter, 'updated to live shorter')
    },
  },
]
