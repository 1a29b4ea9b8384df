import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { describe, expect, it } from 'vitest'
import { SessionConflictError, SessionUseError, StoreUnavailableError } from '../../src/errors.ts'
import { type SessionEnv, session as sessions } from '../../src/hono.ts'
import type { Session } from '../../src/session.ts'
import { type Any, kit, withData } from '../support/app.ts'

/** A request that is over: its session, and the cookies after it. */
async function over(work: (session: Session<Any>) => unknown = () => {}) {
  const { test, user } = await withData()
  let kept: Session<Any> | undefined
  await user.visit(async (session) => {
    kept = session
    await work(session)
  })
  test.store.reset()
  test.events.length = 0
  return { test, user, session: kept as Session<Any> }
}

describe('reopen', () => {
  it.each([
    ['was not used', () => {}],
    ['was read', (one: Session<Any>) => one.get('user')],
    ['was changed', (one: Session<Any>) => one.set('cart', ['tea', 'milk'])],
    ['was regenerated', (one: Session<Any>) => one.regenerate()],
  ])('reads and changes the session after the response, where it %s', async (_, work) => {
    const { test, user, session } = await over(work)
    const again = session.reopen()
    expect(await again.session.get('user')).toBe('alice')
    await again.session.update('done', (n = 0) => n + 1)
    expect(await again.commit()).toEqual({ status: 'live' })
    expect(test.store.calls).toMatchObject({ read: 1, create: 0, update: 1 })
    expect(await user.visit((one) => one.get('done'))).toBe(1)
  })

  it('reaches a session that began in the request', async () => {
    const test = kit()
    const user = test.browser()
    let kept: Session<Any> | undefined
    await user.visit((session) => {
      kept = session
      session.set('user', 'bob')
    })
    const again = (kept as Session<Any>).reopen()
    again.session.set('done', true)
    expect(await again.commit()).toEqual({ status: 'live' })
    expect(await user.visit((one) => one.all())).toEqual({ user: 'bob', done: true })
  })

  it('tells a session that has ended, also between its read and its write, and begins none (G4)', async () => {
    const { test, user, session } = await over()
    const held = session.reopen()
    await held.session.get('user')
    await user.visit((one) => one.destroy())
    held.session.set('late', true)
    expect(await held.commit()).toEqual({ status: 'ended' })
    const again = session.reopen()
    again.session.set('late', true)
    expect(await again.commit()).toEqual({ status: 'ended' })
    expect(await session.reopen().commit()).toEqual({ status: 'ended' })
    expect([test.store.calls.create, await test.live()]).toEqual([0, []])
  })

  it('of a session that was destroyed in the request, or never was, has ended without a round trip', async () => {
    for (const { session, test } of [await over((one) => one.destroy())]) {
      expect(await session.reopen().commit()).toEqual({ status: 'ended' })
      expect(test.store.roundTrips).toBe(0)
    }
    const test = kit()
    const { session, commit } = test.sessions.open(undefined)
    await commit()
    const again = session.reopen()
    again.session.set('a', 1)
    expect([await again.commit(), test.store.roundTrips]).toEqual([{ status: 'ended' }, 0])
  })

  it('cannot give a new id, and can end the session', async () => {
    const { user, session } = await over()
    const again = session.reopen()
    expect(() => again.session.regenerate()).toThrow(SessionUseError)
    again.session.destroy()
    expect(await again.commit()).toEqual({ status: 'ended' })
    expect(await user.visit((one) => one.all())).toEqual({})
  })

  it('conflicts and outages are what they are in a request', async () => {
    const { test, user, session } = await over()
    const again = session.reopen()
    await again.session.get('cart')
    again.session.set('cart', [])
    await user.visit((one) => one.set('cart', ['coffee']))
    await expect(again.commit()).rejects.toBeInstanceOf(SessionConflictError)
    test.failing.always('throw')
    await expect(session.reopen().commit()).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  it('a change that is too large is told like one of a request (F24)', async () => {
    const { test, session } = await over()
    const again = session.reopen()
    again.session.set('big', 'x'.repeat(70_000))
    await expect(again.commit()).rejects.toMatchObject({ code: 'too-large' })
    expect(test.events.map(({ type }) => type)).toContain('too-large')
  })

  it('commits once, takes no change afterwards, and can be opened again any number of times (G8)', async () => {
    const { user, session } = await over()
    for (let n = 1; n <= 3; n++) {
      const again = session.reopen()
      expect(await again.session.get('n')).toBe(n === 1 ? undefined : n - 1)
      again.session.set('n', n)
      expect(await Promise.all([again.commit(), again.commit()])).toEqual([{ status: 'live' }, { status: 'live' }])
      expect(() => again.session.set('n', 0)).toThrow(SessionUseError)
      expect((await again.session.reopen().session.info())?.ref).toBe(again.session.ref)
    }
    expect(await user.visit((one) => one.get('n'))).toBe(3)
  })

  it('passive keeps it from counting as activity', async () => {
    const { test, user, session } = await over()
    test.clock.advance(1_000_000)
    const again = session.reopen()
    again.session.passive()
    expect(await again.commit()).toEqual({ status: 'live' })
    test.clock.advance(900_000)
    expect(await user.visit((one) => one.get('user'))).toBeUndefined()
  })

  it('waits for a response that is about to leave, and says so where it does not', async () => {
    const { test, user } = await withData()
    const { session, commit } = test.sessions.open(user.cookie)
    session.regenerate()
    const again = session.reopen()
    const reading = again.session.get('user')
    await commit()
    expect(await reading).toBe('alice')
    const open = test.sessions.open(user.cookie)
    await expect(open.session.reopen().session.get('user')).rejects.toThrow('reopen() is for after the response')
  })

  it('saves at the end of streamSSE, and tells there that the session has ended meanwhile', async () => {
    const { test, user } = await withData()
    const app = new Hono<SessionEnv<Any>>()
    app.use(sessions(test.options))
    const ends: unknown[] = []
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    app.get('/events/:n', async (c) => {
      await c.var.session.get('user')
      const gate = gates[Number(c.req.param('n'))]
      return streamSSE(c, async (stream) => {
        await stream.writeSSE({ data: 'first' })
        await gate?.promise
        const again = c.var.session.reopen()
        await again.session.update('seen', (n = 0) => n + 1)
        ends.push(await again.commit())
        await stream.writeSSE({ data: 'last' })
      })
    })
    const ask = (n: number) => app.request(`/events/${n}`, { headers: { Cookie: user.cookie as string } })
    const answers = [await ask(0), await ask(1)]
    expect(answers.map(({ headers }) => headers.getSetCookie())).toEqual([[], []])
    gates[0]?.resolve()
    expect(await answers[0]?.text()).toContain('data: last')
    expect(await user.visit((one) => one.get('seen'))).toBe(1)
    await user.visit((one) => one.destroy())
    gates[1]?.resolve()
    await answers[1]?.text()
    expect(ends).toEqual([{ status: 'live' }, { status: 'ended' }])
  })
})
