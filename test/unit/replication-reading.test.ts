import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { StoreUnavailableError } from '../../src/errors.ts'
import { recordOf, type TestMember, testCluster, tombstoneOf } from '../support/replication.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)
const key = 'key'
const [older, newer] = [recordOf(1), recordOf(2)]
const outage = expect.any(StoreUnavailableError)

async function takeOut({ store, members }: ReturnType<typeof testCluster>, ...which: readonly number[]) {
  for (const at of which) members[at]?.always('throw')
  for (let i = 0; i < 3; i++) await store.read('another').catch(() => {})
}

describe('copies that differ', () => {
  it('are made equal BEFORE the answer', async () => {
    const { store, members, held } = testCluster(3)
    await members[0]?.inner.create(key, older, 60)
    await members[1]?.inner.create(key, newer, 60)
    const gate = members[2]?.hold('create')
    let isAnswered = false
    const answer = store.read(key).finally(() => {
      isAnswered = true
    })
    await gate?.reached
    await pass(100)
    expect(isAnswered).toBe(false)
    gate?.release()
    expect((await answer)?.value).toEqual(newer)
    expect(await held(key)).toEqual([newer, newer, newer])
  })

  it('a copy that is written again lives as long as the record does, not as long as the longest session', async () => {
    const { store, members } = testCluster(2)
    const [home, copy] = members as [TestMember, TestMember]
    await store.create('remembered', older, 86_400)
    await store.read('remembered', { touchSeconds: 86_400 })
    await home.inner.create(key, newer, 60)
    await store.read(key, { recordSeconds: 60 })
    expect((await copy.inner.read(key))?.value).toEqual(newer)
    await pass(61_000)
    expect([await home.inner.read(key), await copy.inner.read(key)]).toEqual([null, null])
  })

  it('so does one that a node missed while it was away, and gets when it is back', async () => {
    const test = testCluster(2)
    const { store, members } = test
    const copy = members[1] as TestMember
    await store.read('remembered', { touchSeconds: 86_400 })
    await takeOut(test, 1)
    await store.create(key, newer, 60)
    copy.always(undefined)
    await pass(3000)
    expect((await copy.inner.read(key))?.value).toEqual(newer)
    await pass(61_000)
    expect(await copy.inner.read(key)).toBeNull()
  })

  it('are read again where another writer came between', async () => {
    const { store, members, held } = testCluster(2)
    const third = recordOf(3)
    await members[0]?.inner.create(key, older, 60)
    await members[1]?.inner.create(key, newer, 60)
    const gate = members[0]?.hold('update')
    const answer = store.read(key)
    await gate?.reached
    for (const { inner } of members) {
      const entry = await inner.read(key)
      await inner.update(key, third, 60, entry?.version ?? '')
    }
    gate?.release()
    expect((await answer)?.value).toEqual(third)
    expect(await held(key)).toEqual([third, third])
  })

  it('come to rest although rivals write between over and over: each round waits a little longer', async () => {
    const { store, members } = testCluster(2)
    const [home, copy] = members as [TestMember, TestMember]
    await home.inner.create(key, older, 60)
    await copy.inner.create(key, newer, 60)
    const update = vi.spyOn(home, 'update')
    for (let rival = 0; rival < 8; rival++) update.mockResolvedValueOnce({ status: 'conflict' })
    const answer = store.read(key)
    await pass(1000)
    expect((await answer)?.value).toEqual(newer)
    expect(update).toHaveBeenCalledTimes(9)
  })

  it('live on for the time of the touch, or as long as any record does', async () => {
    const { store, members, cluster } = testCluster(2)
    await members[0]?.inner.create(key, newer, 6000)
    const create = vi.spyOn(members[1]?.inner as never as { create: () => unknown }, 'create')
    await store.read(key, { touchSeconds: 90 })
    expect((await members[1]?.inner.read(key))?.value).toEqual(newer)
    await pass(91_000)
    expect(await members[1]?.inner.read(key)).toBeNull()
    expect(cluster.recordSeconds).toBe(90)
    create.mockRestore()
  })
})

describe('a tombstone', () => {
  it('wins, and is set on all others before the answer', async () => {
    const { store, members, held } = testCluster(3)
    const stone = tombstoneOf(1)
    await members[0]?.inner.create(key, newer, 60)
    await members[1]?.inner.create(key, stone, 60)
    expect((await store.read(key))?.value).toEqual(stone)
    expect(await held(key)).toEqual([stone, stone, stone])
  })

  it('is passed on when its node is back, also over a record written there meanwhile', async () => {
    const all = testCluster(2)
    const { store, members, held } = all
    await store.create(key, older, 60)
    await takeOut(all, 1)
    const stone = tombstoneOf(5)
    await store.delete(key, { tombstone: { value: stone, seconds: 60 } })
    expect(await held(key)).toEqual([stone, older])
    members[1]?.always(undefined)
    await pass(2000)
    expect(await held(key)).toEqual([stone, stone])
  })

  it('that a touch has shortened is renewed in full on every copy', async () => {
    const { store } = testCluster(2)
    await store.create('other', older, 1800)
    await store.delete(key, { tombstone: { value: tombstoneOf(5), seconds: 1860 } })
    await store.read(key, { touchSeconds: 30 })
    await pass(1_800_000)
    expect(await store.read(key)).not.toBeNull()
  })

  it('lives 400 days at most: a longer time no store would take', async () => {
    const { store, members } = testCluster(2)
    await store.create('other', older, 34_560_000)
    await members[0]?.inner.create(key, tombstoneOf(5), 60)
    expect((await store.read(key))?.value).toEqual(tombstoneOf(5))
  })
})

describe('absent', () => {
  it('is an answer only where every copy gave it', async () => {
    const { store, members } = testCluster(2)
    expect(await store.read(key)).toBeNull()
    members[0]?.fail('read', 'throw')
    await expect(store.read(key)).rejects.toEqual(outage)
    members[1]?.fail('read', 'throw')
    await expect(store.read(key)).rejects.toEqual(outage)
  })

  it('is unavailable until giveUpSeconds, then null and told', async () => {
    const all = testCluster(3, { ownersOf: () => ['n0', 'n1'] })
    const onGivenUp = vi.fn()
    await takeOut(all, 0, 1)
    await pass(29_000)
    await expect(all.store.read(key, { onGivenUp })).rejects.toEqual(outage)
    expect(onGivenUp).not.toHaveBeenCalled()
    await pass(2000)
    expect(await all.store.read(key, { onGivenUp })).toBeNull()
    expect(onGivenUp.mock.calls).toEqual([['n0'], ['n1']])
  })

  it('is unavailable for ever where nothing else is up', async () => {
    const all = testCluster(2)
    const onGivenUp = vi.fn()
    await takeOut(all, 0, 1)
    await pass(3_600_000)
    await expect(all.store.read(key, { onGivenUp })).rejects.toEqual(outage)
    expect(onGivenUp).not.toHaveBeenCalled()
  })

  it('is found again within 2 s by those who ask, however long the outage was', async () => {
    const all = testCluster(1)
    await takeOut(all, 0)
    await pass(1_000_000)
    await all.store.read(key).catch(() => {})
    all.members[0]?.always(undefined)
    await pass(1200)
    expect(await all.store.read(key)).toBeNull()
  })

  it('a copy older than asked for is no answer while another may know better', async () => {
    const { store, members } = testCluster(2)
    await store.create(key, older, 60)
    members[1]?.fail('read', 'throw')
    await expect(store.read(key, { atLeast: 2 })).rejects.toEqual(outage)
    expect((await store.read(key, { atLeast: 2 }))?.value).toEqual(older)
  })
})

it('work for one node does not wait for another: a repair asks only whether its own member has it', async () => {
  const all = testCluster(3)
  const { store, members, cluster, held } = all
  await takeOut(all, 1, 2)
  await store.create(key, older, 60)
  members[1]?.always(undefined)
  await pass(1500)
  const [, one] = cluster.members
  expect(await held(key)).toEqual([older, older, null])
  expect(one && cluster.handover.hasWork(one)).toBe(false)
  members[2]?.always(undefined)
  await pass(1500)
  expect(await held(key)).toEqual([older, older, older])
})

describe('a server that is back is asked at once where there is nothing else to ask (F5)', () => {
  it.each([
    ['an only copy', ['n0'], [0]],
    ['two copies that were both out', ['n0', 'n1'], [0, 1]],
    ['the copy that has it, where the other has nothing', ['n0', 'n1'], [0]],
  ])('%s', async (_, owners, which) => {
    const all = testCluster(2, { ownersOf: () => owners })
    await all.members[0]?.inner.create(key, newer, 60)
    await takeOut(all, ...which)
    for (const member of all.members) member.always(undefined)
    expect((await all.store.read(key))?.value).toEqual(newer)
  })

  it('an only copy, with what was to be written', async () => {
    const all = testCluster(1)
    await takeOut(all, 0)
    all.members[0]?.always(undefined)
    expect((await all.store.create(key, newer, 60)).status).toBe('stored')
  })
})
