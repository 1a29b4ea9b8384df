import { describe, expect, it } from 'vitest'
import type { SessionEvent } from '../../src/events.ts'
import type { CallOptions, Store } from '../../src/store.ts'
import { kit, withData } from '../support/app.ts'

describe('an event handler', () => {
  it.each([
    ['rejects', async () => Promise.reject(new Error('watching'))],
    [
      'throws',
      () => {
        throw new Error('watching')
      },
    ],
  ])('that %s fails nothing', async (_, onEvent: (event: SessionEvent) => void) => {
    const user = kit({ onEvent }).browser()
    await user.visit((session) => session.set('n', 1))
    expect(await user.visit((session) => session.get('n'))).toBe(1)
  })
})

describe('a call of the store', () => {
  it('that fails is told as an event, and thrown (G7)', async () => {
    const { test, user } = await withData()
    test.failing.fail('read', 'throw')
    await expect(user.visit((session) => session.get('user'))).rejects.toMatchObject({ code: 'unavailable' })
    expect(test.events).toMatchObject([{ type: 'unavailable' }])
  })

  it('knows who let an earlier call of the same request run out, and of no other request', async () => {
    const sets: CallOptions['ranOut'][] = []
    const note = (options: CallOptions = {}) => void sets.push(options.ranOut)
    const around = (store: Store): Store => ({
      ...store,
      read(key, options) {
        note(options)
        return store.read(key, options)
      },
      update(key, value, seconds, version, options) {
        note(options)
        return store.update(key, value, seconds, version, options)
      },
    })
    const user = kit({}, around).browser()
    await user.visit((session) => session.set('n', 0))
    for (const n of [1, 2]) await user.visit((session) => session.set('n', n))
    const [first, second, third, fourth] = sets
    expect([sets.length, first instanceof Set]).toEqual([4, true])
    expect([second === first, third === first, fourth === third]).toEqual([true, false, true])
  })
})
