import { assert, assertAbsent, assertBytes, assertHolds, assertStored } from '../assert.ts'
import { afterBriefMs, briefSeconds, longSeconds, type StoreCase } from '../store-case.ts'
import { freshKey, record } from '../values.ts'

/** `read`, and what a touch does and does not do. */
export const readingCases: readonly StoreCase[] = [
  {
    name: 'read: an absent key is null',
    async run(store) {
      await assertAbsent(store, freshKey(), 'a key never written')
      const entry = await store.read(freshKey(), { atLeast: 1 })
      assert(entry === null, 'a key never written, with atLeast: expected null')
    },
  },
  {
    name: 'read: gives the bytes and the version that create stored',
    async run(store) {
      const [key, value] = [freshKey(), record()]
      const version = assertStored(await store.create(key, value, longSeconds), 'create')
      const entry = await assertHolds(store, key, value, 'read')
      assert(entry.version === version, 'read must give the version that create returned')
    },
  },
  {
    name: 'read: gives the bytes and the version that update stored',
    async run(store) {
      const [key, value] = [freshKey(), record()]
      const first = assertStored(await store.create(key, record(), longSeconds), 'create')
      const second = assertStored(await store.update(key, value, longSeconds, first), 'update')
      const entry = await assertHolds(store, key, value, 'read')
      assert(entry.version === second, 'read must give the version that update returned')
    },
  },
  {
    name: 'read: options that are undefined are options not given',
    async run(store) {
      const [key, value] = [freshKey(), record()]
      await store.create(key, value, longSeconds)
      const entry = await store.read(key, { touchSeconds: undefined, atLeast: undefined, signal: undefined })
      assert(entry, 'expected an entry')
      assertBytes(entry.value, value, 'read with undefined options')
    },
  },
  {
    name: 'read: does not extend the life of an entry without touchSeconds',
    async run(store, clock) {
      const [key, value] = [freshKey(), record()]
      await store.create(key, value, briefSeconds + 1)
      await assertHolds(store, key, value, 'right after create')
      // Once a second: a store that slides on every read would keep the entry alive all along.
      for (let second = 0; second < 4; second++) {
        await clock.sleep(1_000)
        await store.read(key)
      }
      await clock.sleep(1_000)
      await assertAbsent(store, key, '5 s after a create for 3 s, read every second')
    },
  },
  {
    name: 'touch: extends the life of an entry',
    async run(store, clock) {
      const [key, value] = [freshKey(), record()]
      await store.create(key, value, briefSeconds)
      const entry = await store.read(key, { touchSeconds: longSeconds })
      assert(entry, 'the touching read must give the entry')
      assertBytes(entry.value, value, 'the touching read')
      await clock.sleep(afterBriefMs)
      await assertHolds(store, key, value, 'after the time to live of create, touched for longer')
    },
  },
  {
    name: 'touch: sets the life of an entry also where that is shorter',
    async run(store, clock) {
      const key = freshKey()
      await store.create(key, record(), longSeconds)
      await store.read(key, { touchSeconds: briefSeconds })
      await clock.sleep(afterBriefMs)
      await assertAbsent(store, key, 'after the time to live of the touch')
    },
  },
  {
    name: 'touch: keeps the version',
    async run(store) {
      const [key, next] = [freshKey(), record()]
      const version = assertStored(await store.create(key, record(), longSeconds), 'create')
      const touched = await store.read(key, { touchSeconds: longSeconds })
      assert(touched?.version === version, 'the touching read must give the version that create returned')
      assert((await store.read(key))?.version === version, 'a read after the touch must give the same version')
      assertStored(await store.update(key, next, longSeconds, version), 'update with the version from before the touch')
      await assertHolds(store, key, next, 'after the update')
    },
  },
  {
    name: 'touch: never creates',
    async run(store) {
      const key = freshKey()
      const touched = await store.read(key, { touchSeconds: longSeconds })
      assert(touched === null, 'a touch of an absent key: expected null')
      await assertAbsent(store, key, 'after the touch of an absent key')
      assertStored(await store.create(key, record(), longSeconds), 'create after the touch of an absent key')
    },
  },
  {
    name: 'touch: never brings an expired entry back',
    async run(store, clock) {
      const key = freshKey()
      await store.create(key, record(), briefSeconds)
      await clock.sleep(afterBriefMs)
      const touched = await store.read(key, { touchSeconds: longSeconds })
      assert(touched === null, 'a touch of an expired entry: expected null')
      await assertAbsent(store, key, 'after the touch of an expired entry')
    },
  },
]
