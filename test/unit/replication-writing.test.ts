import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { replicate } from '../../adapters/stores/replication/store.ts'
import { StoreUnavailableError } from '../../src/errors.ts'
import { revisionOf } from '../../src/record/revision.ts'
import { isTombstone } from '../../src/record/tombstone.ts'
import type { CreateResult, Store, UpdateResult } from '../../src/store.ts'
import { recordOf, testCluster, tombstoneOf } from '../support/replication.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const key = 'key'
const first = recordOf(1)
/** After any revision asked for by a failover. */
const late = (ms: number, iv?: number) => recordOf(Date.now() + ms, iv)
const outage = expect.any(StoreUnavailableError)

function versionOf(result: CreateResult | UpdateResult): string {
  if (result.status !== 'stored') throw new Error(result.status)
  return result.version
}
async function takeOut({ store, members }: ReturnType<typeof testCluster>, ...which: readonly number[]) {
  for (const at of which) members[at]?.always('throw')
  for (let i = 0; i < 3; i++) await store.read('another').catch(() => {})
}

describe('create', () => {
  it('asks for another id where an owner is out and others could serve', async () => {
    const all = testCluster(3, { ownersOf: (of) => (of === key ? ['n0', 'n1'] : ['n1', 'n2']) })
    all.members[0]?.always('throw')
    for (let i = 0; i < 3; i++) await all.store.read(key).catch(() => {})
    expect(await all.store.create(key, first, 60)).toEqual({ status: 'taken' })
    expect(await all.held(key)).toEqual([null, null, null])
    expect((await all.store.create('other', first, 60)).status).toBe('stored')
  })

  it('takes what is there where no others could serve', async () => {
    const all = testCluster(2)
    await takeOut(all, 0)
    expect((await all.store.create(key, first, 60)).status).toBe('stored')
    expect(await all.held(key)).toEqual([null, first])
  })

  it('that is taken on one copy leaves a tombstone on the others, and the other record alone', async () => {
    const { store, members, held } = testCluster(2)
    const theirs = recordOf(9, 9)
    await members[1]?.inner.create(key, theirs, 60)
    expect(await store.create(key, first, 60)).toEqual({ status: 'taken' })
    const [mine, other] = await held(key)
    expect(mine && isTombstone(mine)).toBe(true)
    expect(other).toEqual(theirs)
  })

  it('that failed everywhere is an outage, and whoever drew the id undoes it', async () => {
    const { store, members, held } = testCluster(2)
    members[0]?.fail('create', 'applied-then-throw')
    members[1]?.fail('create', 'throw')
    await expect(store.create(key, first, 60)).rejects.toEqual(outage)
    // No tombstone of its own: in a composition of compositions another part may have taken the record.
    expect(await held(key)).toEqual([first, null])
  })

  it('whose answer came twice is its own: the same bytes are no stranger', async () => {
    const { store, members } = testCluster(2)
    await members[0]?.inner.create(key, first, 60)
    expect((await store.create(key, first, 60)).status).toBe('stored')
  })
})

describe('update', () => {
  it('that misses the home copy must be sealed again, with a revision no late write can outrank', async () => {
    const all = testCluster(2)
    const version = versionOf(await all.store.create(key, first, 60))
    await takeOut(all, 0)
    const result = await all.store.update(key, late(0), 60, version)
    if (result.status !== 'outranked') throw new Error(result.status)
    expect(result.revision).toBe(Date.now() + 2000)
    expect(await all.held(key)).toEqual([first, first])
    const sealed = recordOf(result.revision)
    expect((await all.store.update(key, sealed, 60, version)).status).toBe('stored')
    all.members[0]?.always(undefined)
    await pass(2000)
    expect(await all.held(key)).toEqual([sealed, sealed])
  })

  it('is acknowledged where a later copy is down, which gets it handed over', async () => {
    const all = testCluster(2)
    const version = versionOf(await all.store.create(key, first, 60))
    await takeOut(all, 1)
    const second = late(0)
    expect((await all.store.update(key, second, 60, version)).status).toBe('stored')
    expect(await all.held(key)).toEqual([second, first])
    all.members[1]?.always(undefined)
    await pass(2000)
    expect(await all.held(key)).toEqual([second, second])
  })

  it('applied while its answer was lost is stored, once', async () => {
    const { store, members, held } = testCluster(2)
    const version = versionOf(await store.create(key, first, 60))
    members[0]?.fail('update', 'applied-then-throw')
    const second = late(0)
    expect((await store.update(key, second, 60, version)).status).toBe('stored')
    expect(await held(key)).toEqual([second, second])
  })

  it('of which nobody can tell whether it was applied is unknown, not a conflict', async () => {
    const { store, members } = testCluster(1)
    const version = versionOf(await store.create(key, first, 60))
    const current = await store.read(key)
    members[0]?.fail('update', 'late')
    expect(await store.update(key, late(0), 60, version)).toEqual({ status: 'unknown', current, error: outage })
  })

  it('conflicts with a newer record on any copy, and tells it', async () => {
    const { store, members } = testCluster(2)
    const version = versionOf(await store.create(key, first, 60))
    const theirs = late(5000, 9)
    const entry = await members[0]?.inner.read(key)
    await members[0]?.inner.update(key, theirs, 60, entry?.version ?? '')
    const result = await store.update(key, late(0), 60, version)
    if (result.status !== 'conflict') throw new Error(result.status)
    expect(result.current?.value).toEqual(theirs)
    expect((await store.update(key, late(6000), 60, result.current?.version ?? '')).status).toBe('stored')
  })

  it('that a reader has passed on to the next copy is stored, also where another has written over it since', async () => {
    const { store, members, held } = testCluster(2)
    const version = versionOf(await store.create(key, first, 60))
    const [second, third] = [late(0), late(1)]
    const mine = members[1]?.hold('update')
    const changed = store.update(key, second, 60, version)
    await mine?.reached
    const seen = await store.read(key)
    const theirs = members[1]?.hold('update')
    const over = store.update(key, third, 60, seen?.version ?? '')
    await theirs?.reached
    expect(await held(key)).toEqual([third, second])
    mine?.release()
    expect((await changed).status).toBe('stored')
    theirs?.release()
    expect((await over).status).toBe('stored')
    expect(await held(key)).toEqual([third, third])
  })

  it('that found another in its place on the next copy is unknown, not stored', async () => {
    const { store, members } = testCluster(2)
    const version = versionOf(await store.create(key, first, 60))
    const mine = members[1]?.hold('update')
    const changed = store.update(key, late(0), 60, version)
    await mine?.reached
    const seen = await store.read(key)
    await store.update(key, late(1), 60, seen?.version ?? '')
    mine?.release()
    // Whether the newer one contains this change only the caller can see.
    expect(await changed).toEqual({ status: 'unknown', current: await store.read(key), error: outage })
  })

  it('whose copies broke before the acknowledgement is looked at again', async () => {
    let isStanding = true
    const inner = memoryStore()
    const broken: Store = { ...inner, isCurrent: () => isStanding }
    const store = replicate('r', { members: [{ name: 'n', store: broken }], giveUpSeconds: 30, now: Date.now })
    const version = versionOf(await store.create(key, first, 60))
    const second = recordOf(2)
    const update = inner.update
    broken.update = async (...call) => {
      const result = await update(...call)
      isStanding = false
      await inner.close()
      return result
    }
    await expect(store.update(key, second, 60, version)).rejects.toEqual(outage)
  })
})

describe('destroy and supersede', () => {
  it('a tombstone on one copy is enough, also past an open breaker', async () => {
    const all = testCluster(2)
    await all.store.create(key, first, 60)
    await takeOut(all, 0, 1)
    all.members[1]?.always(undefined)
    const stone = tombstoneOf(5)
    await all.store.delete(key, { tombstone: { value: stone, seconds: 60 } })
    expect(await all.held(key)).toEqual([first, stone])
    all.members[1]?.always('throw')
    await expect(all.store.delete(key, { tombstone: { value: stone, seconds: 60 } })).rejects.toEqual(outage)
  })

  it('without a tombstone every copy must be reached: what was missed would come back', async () => {
    const { store, members } = testCluster(2)
    await store.create(key, first, 60)
    members[1]?.fail('delete', 'throw')
    await expect(store.delete(key)).rejects.toEqual(outage)
  })

  it('of two that supersede exactly one wins, and the other is told by whom', async () => {
    const { store, held } = testCluster(2)
    const version = versionOf(await store.create(key, first, 60))
    const [mine, theirs] = [tombstoneOf(5), tombstoneOf(6)]
    expect((await store.update(key, mine, 60, version)).status).toBe('stored')
    const lost = await store.update(key, theirs, 60, version)
    expect(lost).toMatchObject({ status: 'conflict', current: { value: mine } })
    expect(await held(key)).toEqual([mine, mine])
  })
})

it('no live record is ever set: each unconditional write is a tombstone', async () => {
  const set: Uint8Array[] = []
  const recorded = (store: Store): Store => ({
    ...store,
    delete: async (of, options = {}) => {
      if (options.tombstone) set.push(options.tombstone.value)
      return store.delete(of, options)
    },
  })
  const all = testCluster(3)
  const members = all.members.map((store) => ({ name: store.name, store: recorded(store) }))
  const store = replicate('r', { members, giveUpSeconds: 30, now: Date.now })
  const version = versionOf(await store.create(key, first, 60))
  for (const fault of ['throw', 'applied-then-throw', 'late'] as const) {
    for (const at of [0, 1, 2]) {
      const of = `${fault}-${at}`
      all.members[at]?.always(fault)
      const created = await store.create(of, recordOf(1, at), 60).catch(() => undefined)
      const found = await store.read(of, { touchSeconds: 60 }).catch(() => null)
      await store.update(of, late(3000), 60, found?.version ?? version).catch(() => created)
      all.members[at]?.always(undefined)
      await all.members[at]?.deliver()
      await pass(3000)
    }
  }
  await all.members[1]?.inner.close()
  await store.read(key)
  await store.update(key, late(9000), 60, version)
  await store.delete(key, { tombstone: { value: tombstoneOf(5), seconds: 60 } })
  await store.read(key, { touchSeconds: 60 })
  await pass(5000)
  expect(set.length).toBeGreaterThan(5)
  expect(set.filter((value) => !isTombstone(value)).map(revisionOf)).toEqual([])
})
