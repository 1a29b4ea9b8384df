import { assert, assertAbsent, assertBytes, assertHolds, assertStored, codeOf, rejectionOf } from '../assert.ts'
import { longSeconds, type StoreCase } from '../store-case.ts'
import { everyByte, freshKey, record, tombstone } from '../values.ts'

/** 900 kB is safe below memcached's 1 MiB for key, value and header; the others meet every remainder of base64's groups of 3. */
const bodyBytes = [0, 1, 2, 3, 1_000, 64 * 1024, 900_000]

/** Over every limit known: memcached's default item is 1 MiB. */
const tooLargeBytes = 2_000_000

/** That bytes come back as they went in, and belong to their owner. */
export const byteCases: readonly StoreCase[] = [
  {
    name: 'bytes: every byte value comes back, from create, update and tombstone',
    async run(store) {
      const [key, first, second] = [freshKey(), record(everyByte()), record(everyByte().toReversed())]
      const version = assertStored(await store.create(key, first, longSeconds), 'create')
      await assertHolds(store, key, first, 'after create')
      assertStored(await store.update(key, second, longSeconds, version), 'update')
      await assertHolds(store, key, second, 'after update')
      const buried = tombstone().map((byte, index) => (index < 8 ? byte : 255 - index))
      await store.delete(key, { tombstone: { value: buried, seconds: longSeconds } })
      await assertHolds(store, key, buried, 'after delete with a tombstone')
    },
  },
  {
    name: 'bytes: a value of one byte comes back',
    async run(store) {
      const [key, value] = [freshKey(), Uint8Array.of(1)]
      assertStored(await store.create(key, value, longSeconds), 'create')
      await assertHolds(store, key, value, 'one byte')
    },
  },
  {
    name: 'bytes: values up to 900 kB come back',
    async run(store) {
      for (const length of bodyBytes) {
        const [key, first, second] = [freshKey(), record(length), record(length)]
        const version = assertStored(await store.create(key, first, longSeconds), `create of ${first.length} bytes`)
        await assertHolds(store, key, first, `created with ${first.length} bytes`)
        assertStored(await store.update(key, second, longSeconds, version), `update of ${second.length} bytes`)
        await assertHolds(store, key, second, `updated with ${second.length} bytes`)
        await store.delete(key)
      }
    },
  },
  {
    name: 'bytes: a value too large is refused before the old one is touched',
    async run(store) {
      const [key, value, large] = [freshKey(), record(), record(tooLargeBytes)]
      const version = assertStored(await store.create(key, value, longSeconds), 'create')
      const pending = store.update(key, large, longSeconds, version)
      const status = await pending.then((result) => result.status).catch((error: unknown) => codeOf(error))
      // A store that can hold more may; what none may is to answer with anything else, or to lose the old value.
      assert(status === 'stored' || status === 'too-large', `update of 2 MB: got ${status}`)
      await assertHolds(store, key, status === 'stored' ? large : value, 'after update with 2 MB')
      if (status === 'stored') return await store.delete(key)
      const other = freshKey()
      const error = await rejectionOf(() => store.create(other, large, longSeconds), 'create of 2 MB')
      assert(codeOf(error) === 'too-large', 'create of 2 MB must reject with the code too-large')
      await assertAbsent(store, other, 'after create of 2 MB')
    },
  },
  {
    name: 'bytes: a view of a larger buffer is stored as the view',
    async run(store) {
      const [key, value] = [freshKey(), record()]
      const buffer = new Uint8Array(value.length + 200).fill(0xee)
      buffer.set(value, 100)
      assertStored(await store.create(key, buffer.subarray(100, 100 + value.length), longSeconds), 'create')
      await assertHolds(store, key, value, 'a view with an offset')
    },
  },
  {
    name: 'bytes: what was handed in stays as it was when the caller reuses it',
    async run(store) {
      const [key, value] = [freshKey(), record()]
      const [first, second, buried] = [value.slice(), record(), tombstone()]
      const version = assertStored(await store.create(key, value, longSeconds), 'create')
      value.fill(0xee)
      await assertHolds(store, key, first, 'after the created bytes were overwritten')
      const updated = second.slice()
      assertStored(await store.update(key, updated, longSeconds, version), 'update')
      updated.fill(0xee)
      await assertHolds(store, key, second, 'after the updated bytes were overwritten')
      const stone = buried.slice()
      await store.delete(key, { tombstone: { value: stone, seconds: longSeconds } })
      stone.fill(0xee)
      await assertHolds(store, key, buried, 'after the bytes of the tombstone were overwritten')
    },
  },
  {
    name: 'bytes: what was handed out belongs to the caller',
    async run(store) {
      const [key, value] = [freshKey(), record()]
      await store.create(key, value.slice(), longSeconds)
      const [one, two] = await Promise.all([store.read(key), store.read(key, { touchSeconds: longSeconds })])
      assert(one && two, 'expected an entry from both reads')
      one.value.fill(0xee)
      assertBytes(two.value, value, 'another read at the same time')
      two.value.fill(0xee)
      await assertHolds(store, key, value, 'after the bytes of two reads were overwritten')
      const result = await store.update(key, record(), longSeconds, 'stale')
      if (result.status === 'conflict') result.current?.value.fill(0xee)
      await assertHolds(store, key, value, 'after the bytes of a conflict were overwritten')
    },
  },
]
