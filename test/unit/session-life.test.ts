import { describe, expect, it } from 'vitest'
import { SessionOptionsError, SessionUseError } from '../../src/errors.ts'
import type { Session } from '../../src/session.ts'
import { type Any, kit, tokenOf, withData } from '../support/app.ts'

const useError = (work: () => unknown) => expect(work).toThrow(SessionUseError)

describe('life cycle', () => {
  it('regenerate gives a new id and keeps the data; the old cookie is dead', async () => {
    const { test, user } = await withData()
    const old = user.cookie
    await user.visit((session) => session.regenerate())
    expect(tokenOf(user.cookie)).not.toBe(tokenOf(old))
    expect(await user.visit((session) => session.all())).toEqual({ user: 'alice', cart: ['tea'] })
    expect(await test.browser(old).visit((session) => session.all())).toEqual({})
  })

  it('regenerate({ keep }) drops keys set before it, not those set after; calls apply in order', async () => {
    const { user } = await withData({ csrf: 'old', cart: ['tea'] })
    await user.visit(async (session) => {
      session.set('before', 1)
      session.set('named', 1)
      session.regenerate({ keep: ['cart', 'named', 'toString'] })
      session.set('user', 'bob')
      expect(await session.all()).toEqual({ cart: ['tea'], named: 1, user: 'bob' })
    })
    expect(await user.visit((session) => session.all())).toEqual({ cart: ['tea'], named: 1, user: 'bob' })
    await user.visit((session) => {
      session.regenerate({ keep: [] })
      session.set('only', 1)
    })
    expect(await user.visit((session) => session.all())).toEqual({ only: 1 })
  })

  it('regenerate refuses unknown options', () => {
    const { session } = kit().sessions.open(undefined)
    expect(() => session.regenerate({ kep: ['a'] } as never)).toThrow(SessionOptionsError)
  })

  it('after destroy reads are undefined, writes throw, destroy again is nothing; the cookie is taken back', async () => {
    const { test, user } = await withData()
    const old = user.cookie
    await user.visit(async (session) => {
      session.set('late', 1)
      session.destroy()
      session.destroy()
      const reads = [await session.get('user'), await session.has('user'), await session.all()]
      expect(reads).toEqual([undefined, false, {}])
      for (const write of writesOf(session)) useError(write)
      await expect(session.update('user', () => 'x')).rejects.toBeInstanceOf(SessionUseError)
      await expect(session.pull('user')).rejects.toBeInstanceOf(SessionUseError)
    })
    expect(user.cookie).toBeUndefined()
    expect(test.store.calls).toMatchObject({ read: 0, create: 0, update: 0, delete: 1 })
    expect(await test.browser(old).visit((session) => session.all())).toEqual({})
  })

  it('after the commit writes throw the typed error, what was read can still be read, a first use throws', async () => {
    const { test, user } = await withData()
    const { session, commit } = test.sessions.open(user.cookie)
    await session.get('user')
    await commit()
    for (const write of [...writesOf(session), () => session.destroy()]) useError(write)
    await expect(session.update('user', () => 'x')).rejects.toBeInstanceOf(SessionUseError)
    expect([await session.get('user'), await session.get('cart')]).toEqual(['alice', ['tea']])
    const unused = test.sessions.open(user.cookie)
    await unused.commit()
    await expect(unused.session.get('user')).rejects.toBeInstanceOf(SessionUseError)
    useError(() => unused.session.set('user', 'x'))
    expect(await user.visit((one) => one.all())).toEqual({ user: 'alice', cart: ['tea'] })
  })

  it('commit twice is commit once', async () => {
    const { test, user } = await withData()
    const { session, commit } = test.sessions.open(user.cookie)
    session.set('user', 'bob')
    const [first, second] = await Promise.all([commit(), commit({ failed: true })])
    expect([second, test.store.calls.update]).toEqual([first, 1])
  })

  it('ref names the id without telling it: from the first use on, the same all along, new after regenerate', async () => {
    const { user, test } = await withData()
    const { session, commit } = test.sessions.open(user.cookie)
    expect(session.ref).toBeUndefined()
    await session.get('user')
    const ref = session.ref ?? ''
    expect(ref).toMatch(/^[A-Za-z0-9_-]{8}$/)
    const payload = Buffer.from(tokenOf(user.cookie).split('.')[1] ?? '', 'base64url').toString()
    expect([tokenOf(user.cookie).includes(ref), payload.includes(ref)]).toEqual([false, false])
    session.regenerate()
    expect(session.ref).toBe(ref)
    await commit()
    expect(session.ref).toMatch(/^[A-Za-z0-9_-]{8}$/)
    expect(session.ref).not.toBe(ref)
    expect(test.sessions.open(undefined).session.ref).toBeUndefined()
  })
})

function writesOf(session: Session<Any>): readonly (() => unknown)[] {
  return [
    () => session.set('user', 'mallory'),
    () => session.set('user', undefined),
    () => session.delete('user'),
    () => session.clear(),
    () => session.regenerate(),
    () => session.regenerate({ keep: ['user'], reauthenticated: true }),
  ]
}
