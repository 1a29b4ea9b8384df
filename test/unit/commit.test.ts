import { describe, expect, it } from 'vitest'
import { SessionConflictError, SessionGoneError } from '../../src/errors.ts'
import { revisionOf } from '../../src/record/revision.ts'
import { browser, kit, withData } from '../support/app.ts'
import { wrapStore } from '../support/stores.ts'

const conflict = { answer: { status: 'conflict' } } as const

describe('a commit', () => {
  it('costs one create for a new session, a read and an update for a change (G2)', async () => {
    const test = kit()
    const user = test.browser()
    await user.visit((session) => session.set('user', 'alice'))
    expect(test.store.calls).toMatchObject({ read: 0, create: 1, update: 0, delete: 0 })
    test.store.reset()
    await user.visit((session) => session.set('user', 'bob'))
    expect(test.store.calls).toMatchObject({ read: 1, create: 0, update: 1, delete: 0 })
  })

  it('stores nothing and sends no cookie before the first write (G10)', async () => {
    const test = kit()
    const user = test.browser()
    await user.visit(async (session) => {
      await session.get('user')
      session.delete('user')
      session.clear()
      session.regenerate()
      await session.update('user', () => undefined)
    })
    await user.visit((session) => session.destroy())
    expect([test.store.roundTrips, user.cookie]).toEqual([0, undefined])
  })

  it('of a failed request changes nothing, but still ends a session', async () => {
    const { test, user } = await withData({ user: 'alice' })
    const fail = (work: 'set' | 'destroy') =>
      user.visit((session) => {
        if (work === 'set') session.set('user', 'bob')
        else session.destroy()
        throw new Error('scripted')
      })
    await expect(fail('set')).rejects.toThrow('scripted')
    expect([test.store.roundTrips, await user.visit((session) => session.get('user'))]).toEqual([0, 'alice'])
    await expect(fail('destroy')).rejects.toThrow('scripted')
    expect(await user.visit((session) => session.get('user'))).toBeUndefined()
  })
})

describe('a write that was refused', () => {
  const events = ({ events }: Pick<ReturnType<typeof kit>, 'events'>) =>
    events.filter(({ type }) => type === 'commit' || type === 'conflict')

  it.each([
    ['is made again on the newer record, 32 times in all', 31, 'a'],
    ['then is a conflict, and nothing is stored', 32, 'conflict'],
  ] as const)('%s (G3)', async (_, times, outcome) => {
    const test = kit({ requestMs: 60_000 })
    const user = test.browser()
    await user.visit((session) => session.set('log', ''))
    test.events.length = 0
    test.failing.fail('update', ...Array(times).fill(conflict))
    const end = await user
      .visit((session) => session.update('log', (log) => `${log}a`))
      .then(
        () => 'ok',
        (error: unknown) => error,
      )
    if (outcome === 'conflict') expect(end).toBeInstanceOf(SessionConflictError)
    expect(await user.visit((session) => session.get('log'))).toBe(outcome === 'conflict' ? '' : outcome)
    expect(test.store.calls.update).toBe(32)
    expect(events(test)).toMatchObject([
      outcome === 'conflict' ? { type: 'conflict' } : { outcome: 'updated', attempts: 32 },
    ])
  })

  it('of a login is made again, too: 15 writes that come between do not fail it, and all are there (G3)', async () => {
    const rivals = kit({ requestMs: 60_000 })
    const rival = rivals.browser()
    await rival.visit((session) => session.set('user', 'alice'))
    let left = 15
    const test = kit({ requestMs: 60_000, store: rivals.memory }, (store) =>
      wrapStore(store, async (call) => {
        if (call.verb === 'update' && left > 0) await rival.visit((session) => session.set(`key${left--}`, 1))
        return call.apply()
      }),
    )
    const user = test.browser(rival.cookie)
    await user.visit((session) => session.regenerate())
    expect(Object.keys(await user.visit((session) => session.all()))).toHaveLength(16)
  })

  it('merges with the other where that wrote other keys, and not where it changed what this one had read (G3)', async () => {
    const { test, user } = await withData({ seen: 1, other: 1 })
    const rival = browser(test.sessions, user.cookie)
    const late = async (key: string) => {
      const { session, commit } = test.sessions.open(user.cookie)
      session.set('mine', await session.get('seen'))
      session.set('seen', 9)
      await rival.visit((one) => one.set(key, 2))
      return commit()
    }
    await expect(late('seen')).rejects.toBeInstanceOf(SessionConflictError)
    expect(await user.visit((session) => session.all())).toEqual({ seen: 2, other: 1 })
    await late('other')
    expect(await user.visit((session) => session.all())).toEqual({ seen: 9, other: 2, mine: 2 })
  })

  it('is sealed again at the revision that a composition asks for', async () => {
    const { test, user } = await withData()
    const revision = test.clock.now() + 2000
    test.failing.fail('update', { answer: { status: 'outranked', revision } })
    await user.visit((session) => session.set('user', 'bob'))
    const stored = await test.memory.read(test.keys[0] as string)
    expect(revisionOf(stored?.value as Uint8Array)).toBe(revision)
    expect(events(test)).toMatchObject([{ outcome: 'updated', attempts: 2 }])
  })

  it('since the session is missing now is no new session, and leaves the cookie', async () => {
    const { test, user } = await withData()
    const { cookie } = user
    test.failing.fail('update', { answer: { status: 'missing' } })
    await expect(user.visit((session) => session.set('user', 'bob'))).rejects.toBeInstanceOf(SessionGoneError)
    expect([test.store.calls.create, user.cookie]).toEqual([0, cookie])
    expect(test.events.at(-1)).toMatchObject({ type: 'gone', reason: 'evicted' })
  })
})

describe('a session that ended before the request', () => {
  it.each([
    ['less than 5 s ago is a 409 that says when to come again (F14)', 2000, { code: 'gone', retryAfterSeconds: 3 }],
    ['longer ago is a new one under a new id', 5000, undefined],
  ] as const)('%s', async (_, ms, error) => {
    const { test, user } = await withData()
    const { cookie } = user
    // The tombstone tells when: its revision is the time, where that is later than the record's.
    test.clock.advance(10)
    await browser(test.sessions, cookie).visit((session) => session.destroy())
    test.clock.advance(ms)
    const write = user.visit((session) => session.set('user', 'bob'))
    if (error) return expect(write).rejects.toMatchObject(error)
    await write
    expect([test.store.calls.create, user.cookie === cookie]).toEqual([1, false])
    expect(await user.visit((session) => session.all())).toEqual({ user: 'bob' })
  })
})
