import { describe, expect, it } from 'vitest'
import type { SessionEvent } from '../../src/events.ts'
import { kit } from '../support/app.ts'
import { loggedInTimes, loginAs, who } from '../support/subjects.ts'

const short = /^[\w-]{8}$/

async function loggedIn(options = {}) {
  const test = kit(options)
  const [alice] = (await loggedInTimes(1, 'alice', () => test.browser())) as [ReturnType<typeof test.browser>]
  // A login looks for a session first, and finds none.
  const subject = test.events.find(({ type }) => type === 'commit')?.subject
  test.events.length = 0
  return { test, alice, subject }
}

/** What the events of this kind say of the subject. */
const subjectsIn = (events: readonly SessionEvent[], type: SessionEvent['type']) =>
  events.flatMap((event) => (event.type === type ? [event.subject] : []))

describe('an event says whose session it was by 8 characters that stand for the subject (D24)', () => {
  it('load, commit, regenerate and destroy, all the same ones; another subject has others', async () => {
    const { test, alice, subject } = await loggedIn()
    expect(subject).toMatch(short)
    await alice.visit((session) => session.set('theme', 'dark'))
    await alice.visit((session) => session.regenerate())
    await alice.visit(loginAs('alice'))
    await alice.visit((session) => session.destroy())
    const told = test.events.map((event) => [event.type, 'outcome' in event ? event.outcome : '', event.subject])
    expect(told).toEqual([
      ['load', '', subject],
      ['commit', 'updated', subject],
      ['load', '', subject],
      ['commit', 'regenerated', subject],
      ['load', '', subject],
      ['commit', 'regenerated', subject],
      ['commit', 'destroyed', subject],
    ])
    await loggedInTimes(1, 'bob', () => test.browser())
    expect(test.events.at(-1)?.subject).toMatch(short)
    expect(test.events.at(-1)?.subject).not.toBe(subject)
    // It is a part of what the claim check names, and no text of the application.
    expect(JSON.stringify(test.events)).not.toMatch(/alice|bob/)
  })

  it('a login that binds a session names the new subject, its load none', async () => {
    const test = kit()
    const user = test.browser()
    await user.visit((session) => session.set('cart', 'tea'))
    await user.visit(loginAs('alice'))
    const told = test.events.map(({ type, subject }) => [type, subject])
    expect(told.slice(-2)).toEqual([
      ['load', undefined],
      ['commit', expect.stringMatching(short)],
    ])
    expect(told.slice(0, -2).every(([, subject]) => subject === undefined)).toBe(true)
  })

  it('revoke, the load and the commit that find it, and a login that ends the oldest', async () => {
    const { test, alice, subject } = await loggedIn()
    const { session, commit } = test.sessions.open(alice.cookie)
    await session.get('user')
    session.set('theme', 'dark')
    await test.sessions.revoke('alice')
    await expect(commit()).rejects.toMatchObject({ code: 'gone' })
    await who(alice)
    expect(subjectsIn(test.events, 'session-ended')).toEqual([subject])
    expect(subjectsIn(test.events, 'gone')).toEqual([subject])
    expect(test.events.at(-1)).toMatchObject({ type: 'load', hit: false, reason: 'revoked', subject })

    const one = await loggedIn({ maxSessions: 1 })
    await loggedInTimes(1, 'alice', () => one.test.browser())
    expect(subjectsIn(one.test.events, 'session-ended')).toEqual([subject])
  })

  it('a load that fails', async () => {
    const { test, alice, subject } = await loggedIn()
    test.failing.always('throw')
    await expect(who(alice)).rejects.toMatchObject({ code: 'unavailable' })
    expect(new Set(subjectsIn(test.events, 'unavailable'))).toEqual(new Set([subject]))
  })

  it('a cookie whose session has come to its end', async () => {
    const { test, alice, subject } = await loggedIn()
    test.clock.advance(28_800_000)
    await who(alice)
    expect(test.events).toMatchObject([
      { type: 'bad-token', reason: 'expired', subject },
      { type: 'load', reason: 'absolute', subject },
    ])
  })
})
