import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, test, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import { replicate } from '../../adapters/stores/replication/store.ts'
import { isTombstone } from '../../src/record/tombstone.ts'
import { recordOf, type TestCluster, testCluster } from '../support/replication.ts'
import { failingStore, gatedStore } from '../support/stores.ts'

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

describe('a record that is repaired into a composition', () => {
  /** Three nodes of which two keep each record, as a member beside a store that has it. */
  function nested(inner: TestCluster) {
    const other = memoryStore()
    return { other, store: replicatedStore({ stores: [inner.store, other], giveUpSeconds: 1 }) }
  }

  it('gets there while one of its owners is away: its key is given, so no other can be drawn (G7)', async () => {
    const inner = testCluster(3, { ownersOf: () => ['n0', 'n1'], giveUpSeconds: 0.01 })
    const { store, other } = nested(inner)
    await other.create('key', recordOf(5), 60)
    inner.members[0]?.always('throw')
    await vi.waitFor(async () => expect(await inner.store.read('key')).toBeNull())
    expect((await store.read('key'))?.value).toEqual(recordOf(5))
    expect((await inner.held('key')).map((value) => value?.[10])).toEqual([undefined, 5, undefined])
  })

  it('does not end where two repair it at once, each with what it has read (G4)', async () => {
    const inner = testCluster(2)
    const gates = [gatedStore(inner.store), gatedStore(inner.store)] as const
    const others = [memoryStore(), memoryStore()] as const
    await others[0].create('key', recordOf(5), 60)
    await others[1].create('key', recordOf(6), 60)
    const [first, second] = gates.map((gate, at) => replicatedStore({ stores: [gate, others[at] as never] }))
    // The second has found it absent, and comes between the two nodes of the first.
    const late = gates[1].hold('create')
    const reading = second?.read('key')
    await late.reached
    const between = inner.members[1]?.hold('create')
    const before = first?.read('key')
    await between?.reached
    late.release()
    expect((await reading)?.value).toEqual(recordOf(6))
    between?.release()
    expect((await before)?.value).toEqual(recordOf(6))
    const held = await inner.held('key')
    expect(held).toEqual([recordOf(6), recordOf(6)])
  })
})
