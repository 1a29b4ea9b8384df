import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import { replicate } from '../../adapters/stores/replication/store.ts'
import { isTombstone } from '../../src/record/tombstone.ts'
import { failingStore } from '../support/stores.ts'

test('a session created while the first store, itself a composition, is away lives on when that is back', async () => {
  const node = failingStore(memoryStore())
  // What memcachedStore is: a composition of its nodes.
  const members = [{ name: 'node', store: node }]
  const memcached = replicate('memcached', { members, giveUpSeconds: 30, now: Date.now })
  const store = replicatedStore({ stores: [memcached, memoryStore()] })
  const value = new Uint8Array(80).fill(1)
  node.always('throw')
  expect(await store.create('key', value, 60)).toMatchObject({ status: 'stored' })
  node.always(undefined)
  await sleep(1500)
  const entry = await store.read('key')
  expect(isTombstone(entry?.value as Uint8Array)).toBe(false)
  expect(entry?.value).toEqual(value)
})
