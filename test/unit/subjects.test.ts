import { describe, expect, it } from 'vitest'
import type { Session } from '../../src/index.ts'
import { type Any, kit } from '../support/app.ts'

const login =
  (subject: string, data: Any = {}) =>
  (session: Session<Any>) => {
    session.regenerate({ reauthenticated: true, subject })
    session.set('user', subject)
    for (const [key, value] of Object.entries(data)) session.set(key, value)
  }

describe('subjects', () => {
  it('C23 revokes', async () => {
    const test = kit()
    const [a, b, c] = [test.browser(), test.browser(), test.browser()]
    await a.visit(login('alice'))
    await b.visit(login('alice'))
    await c.visit(login('bob'))
    test.store.reset()
    expect(await a.visit((s) => s.get('user'))).toBe('alice')
    expect(test.store.calls.read).toBe(2)
    expect(await test.sessions.list('alice')).toHaveLength(2)
    expect(await test.sessions.revoke('alice')).toHaveLength(2)
    expect(await a.visit((s) => s.get('user'))).toBe(undefined)
    expect(await b.visit((s) => s.get('user'))).toBe(undefined)
    expect(await c.visit((s) => s.get('user'))).toBe('bob')
    console.log(test.events)
  })
})
