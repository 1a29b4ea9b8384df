import { describe, expect, it } from 'vitest'
import { SessionUseError } from '../../src/errors.ts'
import { kit, withData } from '../support/app.ts'

describe('passive', () => {
  it('reads without sliding the expiry, in one round trip; a read that is not passive slides it', async () => {
    const { test, user } = await withData()
    test.clock.advance(1_000_000)
    await user.visit(async (session) => {
      session.passive()
      expect(await session.get('user')).toBe('alice')
      session.passive()
    })
    expect(test.store.calls).toMatchObject({ read: 1, update: 0 })
    test.clock.advance(900_000)
    expect(await user.visit((session) => session.get('user'))).toBeUndefined()

    const other = await withData()
    other.test.clock.advance(1_000_000)
    await other.user.visit((session) => session.get('user'))
    other.test.clock.advance(900_000)
    expect(await other.user.visit((session) => session.get('user'))).toBe('alice')
  })

  it('a change in a passive request counts as activity', async () => {
    const { test, user } = await withData()
    test.clock.advance(1_000_000)
    await user.visit((session) => {
      session.passive()
      session.set('cart', [])
    })
    test.clock.advance(900_000)
    expect(await user.visit((session) => session.get('user'))).toBe('alice')
  })

  it('is no use of the session by itself, and too late after the first read', async () => {
    const { user, test } = await withData()
    const { session, commit } = test.sessions.open(user.cookie)
    session.passive()
    expect((await commit()).used).toBe(false)
    expect(test.store.roundTrips).toBe(0)
    await user.visit(async (one) => {
      const reading = one.get('user')
      expect(() => one.passive()).toThrow(SessionUseError)
      await reading
    })
    const { passive } = kit().sessions.open(undefined).session
    passive()
  })
})
