import { maxTtlSeconds, type Store } from '../../../src/store.ts'
import { assert, assertAbsent, assertHolds, assertRangeError, assertStored, codeOf, nameOf } from '../assert.ts'
import { longSeconds, type StoreCase } from '../store-case.ts'
import { freshKey, record, tombstone } from '../values.ts'

/** Each would end, split or garble a command of some backend. */
const badKeys = [
  ...['', 'k'.repeat(251), 'a b', ' k', 'k ', 'a\r\nflush_all\r\n', 'k\n', 'a\u0000b', 'a\tb', 'a\u007fb'],
  ...['caf\u00e9', '\u{1f511}', 'a\u2028b'],
]

const badSeconds = [Number.NaN, 0, 0.4, 1.5, -1, Number.POSITIVE_INFINITY, maxTtlSeconds + 1]

/** memcached takes more than 30 days for a date, which would be in 1970. */
const longestSeconds = [2_592_000, 2_592_001, maxTtlSeconds]

async function assertDistinct(store: Store, keys: readonly string[]): Promise<void> {
  const values = keys.map(() => record())
  for (const [index, key] of keys.entries())
    assertStored(await store.create(key, values[index] as Uint8Array, longSeconds), `create of key ${index}`)
  for (const [index, key] of keys.entries())
    await assertHolds(store, key, values[index] as Uint8Array, `read of key ${index}`)
  for (const key of keys) await store.delete(key)
}

/** Keys, times, signals and health. */
export const limitCases: readonly StoreCase[] = [
  {
    name: 'keys: those that differ in case or in the last character are different',
    async run(store) {
      const key = freshKey()
      await assertDistinct(store, [`${key}:a`, `${key}:A`, `${key}:b`, `${key}:`, `${key}`])
    },
  },
  {
    name: 'keys: 250 bytes and every printable character work',
    async run(store) {
      const long = freshKey().padEnd(249, 'k')
      const printable = String.fromCharCode(...Array.from({ length: 94 }, (_, index) => 0x21 + index))
      await assertDistinct(store, [`${long}1`, `${long}2`, long, `${freshKey()}${printable}`])
    },
  },
  {
    name: 'keys: a bad one is a RangeError from every verb',
    async run(store) {
      const seconds = longSeconds
      for (const [index, key] of badKeys.entries()) {
        await assertRangeError(() => store.read(key), `read of bad key ${index}`)
        await assertRangeError(() => store.read(key, { touchSeconds: seconds }), `touch of bad key ${index}`)
        await assertRangeError(() => store.create(key, record(), seconds), `create of bad key ${index}`)
        await assertRangeError(() => store.update(key, record(), seconds, '1'), `update of bad key ${index}`)
        await assertRangeError(() => store.delete(key), `delete of bad key ${index}`)
        const buried = { tombstone: { value: tombstone(), seconds } }
        await assertRangeError(() => store.delete(key, buried), `tombstone for bad key ${index}`)
      }
    },
  },
  {
    name: 'times: a bad one is a RangeError from every verb and changes nothing',
    async run(store) {
      const [key, absent, value] = [freshKey(), freshKey(), record()]
      const version = assertStored(await store.create(key, value, longSeconds), 'create')
      for (const seconds of badSeconds) {
        await assertRangeError(() => store.create(absent, record(), seconds), `create for ${seconds} s`)
        await assertRangeError(() => store.update(key, record(), seconds, version), `update for ${seconds} s`)
        await assertRangeError(() => store.read(key, { touchSeconds: seconds }), `touch for ${seconds} s`)
        const buried = { tombstone: { value: tombstone(), seconds } }
        await assertRangeError(() => store.delete(key, buried), `tombstone for ${seconds} s`)
      }
      await assertAbsent(store, absent, 'after creates for bad times')
      const entry = await assertHolds(store, key, value, 'after updates, touches and tombstones for bad times')
      assert(entry.version === version, 'a refused call must not change the version')
    },
  },
  {
    name: 'times: up to 400 days are kept, from every verb',
    async run(store) {
      for (const seconds of longestSeconds) {
        const [key, first, second, buried] = [freshKey(), record(), record(), tombstone()]
        const version = assertStored(await store.create(key, first, seconds), `create for ${seconds} s`)
        await assertHolds(store, key, first, `created for ${seconds} s`)
        await store.read(key, { touchSeconds: seconds })
        await assertHolds(store, key, first, `touched for ${seconds} s`)
        assertStored(await store.update(key, second, seconds, version), `update for ${seconds} s`)
        await assertHolds(store, key, second, `updated for ${seconds} s`)
        await store.delete(key, { tombstone: { value: buried, seconds } })
        await assertHolds(store, key, buried, `a tombstone for ${seconds} s`)
        await store.delete(key)
      }
    },
  },
  {
    name: 'signal: an aborted call settles as usual or rejects as unavailable, and the store goes on',
    async run(store) {
      const [key, other, value] = [freshKey(), freshKey(), record()]
      const signal = AbortSignal.abort()
      const version = assertStored(await store.create(key, value, longSeconds), 'create')
      const settles = async (call: () => Promise<unknown>, what: string) => {
        const error = await call().then(
          () => undefined,
          (reason: unknown) => reason ?? 'nothing',
        )
        assert(error === undefined || codeOf(error) === 'unavailable', `${what}, aborted: got ${nameOf(error)}`)
      }
      await settles(() => store.read(key, { signal }), 'read')
      await settles(() => store.create(other, record(), longSeconds, { signal }), 'create')
      await settles(() => store.update(key, record(), longSeconds, version, { signal }), 'update')
      await settles(() => store.delete(other, { signal }), 'delete')
      const [fresh, next] = [freshKey(), record()]
      assertStored(await store.create(fresh, next, longSeconds), 'create after aborted calls')
      await assertHolds(store, fresh, next, 'after aborted calls')
    },
  },
  {
    name: 'check: says ready and names its nodes, where the store has it',
    async run(store) {
      if (!store.check) return
      const health = await store.check()
      assert(health.ready === true, 'check must say ready on a server that works')
      assert(health.nodes.length > 0, 'check must name at least one node')
      for (const { node, up } of health.nodes)
        assert(typeof node === 'string' && node !== '' && up === true, 'each node has a name and is up')
    },
  },
]
