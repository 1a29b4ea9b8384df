import { describe, expect, it } from 'vitest'
import { replicate } from '../../adapters/stores/replication/store.ts'
import type { Identity } from '../../src/claim/identity.ts'
import { createSessions, type Session, type Sessions } from '../../src/index.ts'
import { isTombstone, namesSuccessor, tombstone } from '../../src/record/tombstone.ts'
import { recordOf, testCluster } from '../support/replication.ts'
import { wrapStore } from '../support/stores.ts'

const key = 'key'
const first = recordOf(1)
const newer = recordOf(9, 9)
const supersededBy = (revision: number, by: number) =>
  tombstone('regenerated', revision, { hash: Buffer.alloc(32, by).toString('base64url') } as Identity)

/** Two copies of the first record, and the version that names both. */
async function begun(options: Parameters<typeof testCluster>[1] = {}) {
  const all = testCluster(2, options)
  const result = await all.store.create(key, first, 60)
  if (result.status !== 'stored') throw new Error(result.status)
  const { version } = result
  /** What another acknowledged past this process: a copy that it could reach. */
  const write = async (at: number, value: Uint8Array) => {
    const inner = all.members[at]?.inner
    const entry = await inner?.read(key)
    await inner?.update(key, value, 60, entry?.version ?? '')
  }
  return { ...all, version, write }
}

describe('a supersession (F2)', () => {
  it('does not overwrite a newer record on a later copy: it tells it, and goes on from it', async () => {
    const { store, held, version, write } = await begun()
    await write(1, newer)
    const mine = supersededBy(5, 1)
    const result = await store.update(key, mine, 60, version)
    expect(result).toMatchObject({ status: 'superseded', current: { value: newer } })
    expect(await held(key)).toEqual([mine, newer])
    if (result.status !== 'superseded') throw new Error(result.status)
    const again = supersededBy(10, 1)
    expect((await store.update(key, again, 60, result.current.version)).status).toBe('stored')
    expect(await held(key)).toEqual([again, again])
  })

  it('goes on where its tombstone was renewed meanwhile, and another still does not win', async () => {
    const { store, members, held, version, write } = await begun({ now: () => 5 })
    await write(1, newer)
    const mine = supersededBy(5, 1)
    const result = await store.update(key, mine, 60, version)
    if (result.status !== 'superseded') throw new Error(result.status)
    await members[0]?.inner.delete(key, { tombstone: { value: mine, seconds: 60 } })
    const theirs = store.update(key, supersededBy(10, 2), 60, result.current.version)
    await expect(theirs).rejects.toMatchObject({ code: 'unavailable' })
    const again = supersededBy(10, 1)
    expect((await store.update(key, again, 60, result.current.version)).status).toBe('stored')
    expect(await held(key)).toEqual([mine, again])
  })

  it('begins again where the first copy has a newer one, also one that was away when it was read', async () => {
    const { store, members, held, write } = await begun()
    members[0]?.fail('read', 'throw')
    const version = (await store.read(key))?.version ?? ''
    await write(0, newer)
    const result = await store.update(key, supersededBy(5, 1), 60, version)
    expect(result).toMatchObject({ status: 'conflict', current: { value: newer } })
    expect(await held(key)).toEqual([newer, newer])
  })

  it('begins again where the first copy has lost what it held: the others may have more', async () => {
    const { store, members, held, version, write } = await begun()
    await write(1, newer)
    await members[0]?.inner.delete(key)
    const result = await store.update(key, supersededBy(5, 1), 60, version)
    expect(result).toMatchObject({ status: 'conflict', current: { value: newer } })
    expect(await held(key)).toEqual([newer, newer])
  })

  it('looks again before it trusts a version that was read long ago', async () => {
    const { store, version, write, held } = await begun()
    await write(1, newer)
    const result = await store.update(key, supersededBy(5, 1), 60, version, { versionAgeMs: 7000 })
    expect(result).toMatchObject({ status: 'conflict', current: { value: newer } })
    expect(await held(key)).toEqual([newer, newer])
  })

  it('under way is passed on by readers, but a newer record is left to the login, and nobody is told of an end before', async () => {
    let now = 5
    const { store, held, members, write } = await begun({ now: () => now })
    const mine = supersededBy(5, 1)
    await members[0]?.inner.delete(key, { tombstone: { value: mine, seconds: 60 } })
    await write(1, newer)
    now = 2000
    await expect(store.read(key, { touchSeconds: 60 })).rejects.toMatchObject({ code: 'unavailable' })
    expect(await held(key)).toEqual([mine, newer])
    await write(1, recordOf(4, 4))
    expect((await store.read(key))?.value).toEqual(mine)
    expect(await held(key)).toEqual([mine, mine])
  })

  it('whose login gave up ends the session everywhere, and a login that comes after all has lost', async () => {
    let now = 5
    const { store, held, version, write } = await begun({ now: () => now })
    await write(1, newer)
    const mine = supersededBy(5, 1)
    const result = await store.update(key, mine, 60, version)
    if (result.status !== 'superseded') throw new Error(result.status)
    now = 2100
    const found = (await store.read(key, { touchSeconds: 60 }))?.value as Uint8Array
    const [first, second] = await held(key)
    expect([first, second]).toEqual([mine, found])
    expect([isTombstone(found), namesSuccessor(found)]).toEqual([true, false])
    const late = await store.update(key, supersededBy(2101, 1), 60, result.current.version)
    expect(late).toMatchObject({ status: 'conflict', current: { value: found } })
  })

  it('of another that is found first is on every copy before its rival is told', async () => {
    const { store, held, members, version } = await begun()
    const theirs = supersededBy(5, 2)
    await members[0]?.inner.delete(key, { tombstone: { value: theirs, seconds: 60 } })
    expect((await store.update(key, supersededBy(6, 1), 60, version)).status).toBe('conflict')
    expect(await held(key)).toEqual([theirs, theirs])
  })

  it('is not written over that of a rival by who reads both: the rival was answered, and one of two must find it', async () => {
    const { store, held, members } = await begun()
    const [mine, theirs] = [supersededBy(9, 1), supersededBy(5, 2)]
    await members[0]?.inner.delete(key, { tombstone: { value: mine, seconds: 60 } })
    await members[1]?.inner.delete(key, { tombstone: { value: theirs, seconds: 60 } })
    await store.read(key, { touchSeconds: 60 })
    expect(await held(key)).toEqual([mine, theirs])
  })

  it('is not handed over by a reader over what a copy that was away holds', async () => {
    const { store, held, members, cluster, write } = await begun({ now: () => 5 })
    const mine = supersededBy(5, 1)
    await members[0]?.inner.delete(key, { tombstone: { value: mine, seconds: 60 } })
    await write(1, newer)
    members[1]?.fail('read', 'throw')
    expect((await store.read(key))?.value).toEqual(mine)
    for (const member of cluster.members) await cluster.handover.run(member)
    expect(await held(key)).toEqual([mine, newer])
  })
})

type Data = { cart: readonly number[]; user: string }

/** Two processes on two copies; the first can be cut off from the home. */
function twoProcesses() {
  const all = testCluster(2)
  let isCut = false
  const keys: string[] = []
  const cut = all.members.map((member, at) => ({
    name: member.name,
    store: wrapStore(member, async ({ verb, key: of = '', apply }) => {
      if (isCut && at === 0) throw new Error('cut off')
      if (verb === 'create') keys.push(of)
      return apply()
    }),
  }))
  const secret = 'k8Jw0sPz1mQv7Xc3Rt5Yb9Nd2Fh4Lg6A'
  const one = createSessions<Data>({
    store: replicate('one', { members: cut, giveUpSeconds: 30, now: Date.now }),
    secret,
  })
  const two = createSessions<Data>({ store: all.store, secret, requestMs: 60_000 })
  const cutOff = () => {
    isCut = true
  }
  return { ...all, keys, one, two, cutOff }
}

async function commit(sessions: Sessions<Data>, cookie: string | null, change: (session: Session<Data>) => unknown) {
  const { session, commit } = sessions.open(cookie)
  await change(session)
  return (await commit()).setCookie?.split(';')[0] ?? ''
}

it('a login keeps what another process acknowledged past the home while the supersession was under way to it (F2)', async () => {
  const { one, two, members, keys, cutOff, held } = twoProcesses()
  const old = await commit(one, null, (session) => session.set('cart', [1]))
  const gate = members[0]?.hold('update')
  const login = commit(two, old, (session) => {
    session.regenerate({ reauthenticated: true })
    session.set('user', 'u1')
  })
  await gate?.reached
  cutOff()
  await commit(one, old, (session) => session.update('cart', (cart = []) => [...cart, 2]))
  expect(await one.open(old).session.get('cart')).toEqual([1, 2])
  gate?.release()
  expect(await two.open(await login).session.all()).toEqual({ cart: [1, 2], user: 'u1' })
  expect(await two.open(old).session.all()).toEqual({})
  for (const value of await held(keys[0] ?? '')) expect(value && isTombstone(value) && namesSuccessor(value)).toBe(true)
})

it('a login that fails when it has superseded one copy is 503, never 409: the old session has ended (F2)', async () => {
  const { one, two, members, cutOff } = twoProcesses()
  const old = await commit(one, null, (session) => session.set('cart', [1]))
  const gate = members[0]?.hold('update')
  const login = commit(two, old, async (session) => {
    session.set('cart', [...((await session.get('cart')) ?? []), 9])
    session.regenerate()
  })
  const refused = expect(login).rejects.toMatchObject({ code: 'unavailable', cause: { code: 'conflict' } })
  await gate?.reached
  cutOff()
  await commit(one, old, (session) => session.update('cart', (cart = []) => [...cart, 2]))
  gate?.release()
  await refused
  expect(await two.open(old).session.all()).toEqual({})
  expect(await one.open(old).session.all()).toEqual({})
})

it('nor is it told that a session too large stayed as it was, when one copy is superseded (F2)', async () => {
  const { one, two, members, cutOff } = twoProcesses()
  const old = await commit(one, null, (session) => session.set('cart', [1]))
  const gate = members[0]?.hold('update')
  const login = commit(two, old, (session) => {
    session.regenerate()
    session.set('user', 'u'.repeat(65_400))
  })
  const refused = expect(login).rejects.toMatchObject({ code: 'unavailable', cause: { code: 'too-large' } })
  await gate?.reached
  cutOff()
  await commit(one, old, (session) => session.set('cart', Array(99).fill(1000)))
  gate?.release()
  await refused
  expect(await two.open(old).session.all()).toEqual({})
})
