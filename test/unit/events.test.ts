import { describe, expect, it } from 'vitest'
import type { SessionEvent } from '../../src/events.ts'
import { createSessions } from '../../src/sessions.ts'
import type { Store } from '../../src/store.ts'
import { type Any, browser, kit, otherSecret, withData } from '../support/app.ts'
import { forge } from '../support/forge.ts'

const ref = /^[A-Za-z0-9_-]{8}$/
const read = (session: { get(key: string): Promise<unknown> }) => session.get('user')

/** The reasons of the loads that found nothing. */
const reasons = (events: readonly SessionEvent[]) =>
  events.flatMap((event) => (event.type === 'load' && !event.hit ? [event.reason] : []))

describe('an event says', () => {
  it('whose session it was, at which store, how long it took, and how many calls', async () => {
    const { test, user } = await withData()
    await user.visit(async (session) => {
      await session.get('user')
      session.set('cart', ['tea', 'milk'])
    })
    const [load, commit] = test.events
    const common = { ref: expect.stringMatching(ref), store: 'memory', durationMs: expect.any(Number), roundTrips: 1 }
    expect(test.events).toHaveLength(2)
    expect(load).toEqual({ type: 'load', hit: true, ...common })
    expect(commit).toMatchObject({ type: 'commit', outcome: 'updated', attempts: 1, ...common })
    expect(load?.ref).toBe(commit?.ref)
    expect(test.store.roundTrips).toBe(2)
  })

  it('the calls of a load and of the commit around it apart, so that they can be added up', async () => {
    const { test, user } = await withData()
    await user.visit((session) => session.set('cart', []))
    expect(test.events.map(({ type, roundTrips }) => [type, roundTrips])).toEqual([
      ['load', 1],
      ['commit', 1],
    ])
  })

  it('the new session of a login, and which one it took the place of', async () => {
    const { test, user } = await withData()
    await user.visit((session) => session.regenerate({ reauthenticated: true }))
    const [load, commit] = test.events
    expect(commit).toMatchObject({ type: 'commit', outcome: 'regenerated', previousRef: load?.ref, roundTrips: 2 })
    expect(commit?.ref).toMatch(ref)
    expect(commit?.ref).not.toBe(load?.ref)
  })

  it('which session was ended, though nothing of it was read', async () => {
    const { test, user } = await withData()
    await user.visit(async (session) => {
      await session.get('user')
    })
    await user.visit((session) => session.destroy())
    const [load, commit] = test.events
    expect(commit).toMatchObject({ type: 'commit', outcome: 'destroyed', roundTrips: 1, ref: load?.ref })
  })

  it('nothing at all where nobody listens: no event is made', async () => {
    const name = { asked: 0 }
    const { options, memory } = kit()
    const store: Store = {
      ...memory,
      get name() {
        name.asked++
        return 'memory'
      },
    }
    const silent = browser(createSessions<Any>({ ...options, onEvent: undefined, store }))
    await silent.visit((session) => session.set('user', 'alice'))
    expect([await silent.visit(read), name.asked]).toEqual(['alice', 0])
    const user = browser(createSessions<Any>({ ...options, store }), silent.cookie)
    expect([await user.visit(read), name.asked]).toEqual(['alice', 1])
  })
})

describe('a load that finds nothing says why:', () => {
  it('never-stored, where no cookie came along; without any call', async () => {
    const test = kit()
    await test.browser().visit(read)
    expect(test.events).toMatchObject([{ type: 'load', hit: false, reason: 'never-stored', roundTrips: 0 }])
    expect(test.store.roundTrips).toBe(0)
  })

  it('refused, where the cookie is none of ours; the event bad-token says what is wrong with it', async () => {
    const test = kit()
    const { cookie } = await forge(test.clock.now(), otherSecret)
    await test.browser(cookie).visit(read)
    expect(test.events).toMatchObject([
      { type: 'bad-token', reason: 'unknown-key', roundTrips: 0 },
      { type: 'load', hit: false, reason: 'refused', roundTrips: 0 },
    ])
  })

  it('absolute, with the ref of the session, where its claim check has come to its end', async () => {
    const { test, user } = await withData()
    await user.visit(read)
    test.clock.advance(28_800_000)
    await user.visit(read)
    const [load, bad, late] = test.events
    expect(bad).toMatchObject({ type: 'bad-token', reason: 'expired', ref: load?.ref })
    expect(late).toMatchObject({ type: 'load', hit: false, reason: 'absolute', ref: load?.ref, roundTrips: 0 })
  })

  it('absolute, where the record has come to its end before its claim check', async () => {
    const test = kit()
    const forged = await forge(test.clock.now())
    const until = test.clock.now() / 1000 - 1
    await forged.put(test.memory, await forged.seal(JSON.stringify({ created: 0, until, data: {} })))
    await test.browser(forged.cookie).visit(read)
    expect(reasons(test.events)).toEqual(['absolute'])
  })

  it('logged-out, and regenerated', async () => {
    const { test, user } = await withData()
    const before = user.cookie
    await user.visit((session) => session.regenerate())
    const after = user.cookie
    await user.visit((session) => session.destroy())
    test.events.length = 0
    await test.browser(before).visit(read)
    await test.browser(after).visit(read)
    expect(reasons(test.events)).toEqual(['regenerated', 'logged-out'])
  })

  it('evicted, where its idle time cannot have passed; idle, where it may have', async () => {
    const { test, user } = await withData()
    await test.memory.delete(test.keys[0] as string)
    for (const seconds of [0, 1798, 2]) {
      test.clock.advance(seconds * 1000)
      await browser(test.sessions, user.cookie).visit(read)
    }
    expect(reasons(test.events)).toEqual(['evicted', 'evicted', 'idle'])
  })

  it('evicted, by what a receipt tells of the last change', async () => {
    const { test, user } = await withData()
    test.clock.advance(1_700_000)
    await user.visit((session) => session.set('cart', []))
    test.clock.advance(1_700_000)
    await test.memory.delete(test.keys[0] as string)
    test.events.length = 0
    await user.visit(read)
    expect(reasons(test.events)).toEqual(['evicted'])
  })

  it('idle, by the times of its own lifetime', async () => {
    const test = kit({ lifetimes: { short: { idleSeconds: 60 } } })
    const user = test.browser()
    await user.visit((session) => {
      session.regenerate({ lifetime: 'short' })
      session.set('user', 'alice')
    })
    test.clock.advance(61_000)
    await user.visit(read)
    expect(reasons(test.events).at(-1)).toBe('idle')
  })

  it('rolled-back, and corrupt', async () => {
    const { test, user } = await withData()
    const key = test.keys[0] as string
    const old = (await test.memory.read(key))?.value as Uint8Array
    await user.visit((session) => session.set('user', 'bob'))
    await test.memory.delete(key)
    await test.memory.create(key, old, 1800)
    test.events.length = 0
    await user.visit(read)
    await test.memory.delete(key)
    await test.memory.create(
      key,
      old.map((byte, at) => (at === old.length - 1 ? byte ^ 1 : byte)),
      1800,
    )
    await user.visit(read)
    expect(test.events.map(({ type }) => type)).toEqual(['rolled-back', 'load', 'corrupt', 'load'])
    expect(reasons(test.events)).toEqual(['rolled-back', 'corrupt'])
    expect(new Set(test.events.map((event) => event.ref)).size).toBe(1)
  })

  it('given-up, where a composition has given up the node that may have it', async () => {
    let isAway = false
    const around = (store: Store): Store => ({
      ...store,
      async read(key, options) {
        if (!isAway) return store.read(key, options)
        options?.onGivenUp?.('n1:11211')
        return null
      },
    })
    const test = kit({}, around)
    const user = test.browser()
    await user.visit((session) => session.set('user', 'alice'))
    isAway = true
    test.events.length = 0
    await user.visit(read)
    expect(test.events).toMatchObject([
      { type: 'node-given-up', node: 'n1:11211', ref: expect.stringMatching(ref) },
      { type: 'load', hit: false, reason: 'given-up' },
    ])
  })
})

describe('a refused change says why:', () => {
  it('the reason for which its session is gone', async () => {
    const { test, user } = await withData()
    const rival = browser(test.sessions, user.cookie)
    const late = test.sessions.open(user.cookie)
    await late.session.get('user')
    late.session.set('user', 'bob')
    await rival.visit((session) => session.destroy())
    await expect(late.commit()).rejects.toMatchObject({ code: 'gone' })
    expect(test.events.at(-1)).toMatchObject({ type: 'gone', reason: 'logged-out', ref: expect.stringMatching(ref) })
  })

  it('a changed key, or something taken twice', async () => {
    const { test, user } = await withData({ user: 'alice', state: 'x' })
    const first = test.sessions.open(user.cookie)
    await first.session.get('user')
    first.session.set('user', 'bob')
    await browser(test.sessions, user.cookie).visit((session) => session.set('user', 'carol'))
    await expect(first.commit()).rejects.toMatchObject({ code: 'conflict' })
    expect(test.events.at(-1)).toMatchObject({ type: 'conflict', reason: 'changed-key' })
    const [one, two] = [test.sessions.open(user.cookie), test.sessions.open(user.cookie)]
    for (const { session } of [one, two]) {
      session.regenerate()
      await session.pull('state')
    }
    await one.commit()
    await expect(two.commit()).rejects.toMatchObject({ code: 'conflict' })
    expect(test.events.at(-1)).toMatchObject({ type: 'conflict', reason: 'taken-twice' })
  })
})

describe('an outage says', () => {
  it('whose session was not reached, and after how many calls', async () => {
    const { test, user } = await withData()
    test.failing.fail('read', 'throw')
    await expect(user.visit(read)).rejects.toMatchObject({ code: 'unavailable' })
    expect(test.events).toMatchObject([{ type: 'unavailable', store: 'memory', roundTrips: 1 }])
    expect(test.events[0]?.ref).toMatch(ref)
  })
})

describe('a session above budgetBytes', () => {
  const large = (events: readonly SessionEvent[]) => events.filter((event) => event.type === 'large')

  it('is stored, and told of with the sizes of its biggest keys, never with a value', async () => {
    const test = kit()
    const user = test.browser()
    await user.visit((session) => {
      session.set('cart', 'C'.repeat(3000))
      session.set('user', 'alice')
      session.set('trail', 'é'.repeat(1000))
      session.set('flash', 'F'.repeat(100))
    })
    const [, commit] = test.events
    const { bytes } = commit as { bytes: number }
    const event = large(test.events)[0]
    expect(event).toMatchObject({
      ...{ type: 'large', bytes, budgetBytes: 4096, ref: commit?.ref },
      keys: [
        { name: 'cart', bytes: 3002 },
        { name: 'trail', bytes: 2002 },
        { name: 'flash', bytes: 102 },
      ],
    })
    expect(bytes).toBeGreaterThan(5000)
    expect(JSON.stringify(event)).not.toMatch(/CCC|FFF|alice/)
    expect(await user.visit((session) => session.get('user'))).toBe('alice')
  })

  it('is told of once a minute for each key, whoever has it', async () => {
    const test = kit({ budgetBytes: 500 })
    const grow = (key: string) => test.browser().visit((session) => session.set(key, 'x'.repeat(600)))
    const told = () => large(test.events).map((event) => event.type === 'large' && event.keys.map(({ name }) => name))
    await grow('cart')
    await grow('cart')
    await grow('trail')
    expect(told()).toEqual([['cart'], ['trail']])
    test.clock.advance(59_999)
    await grow('cart')
    expect(told()).toHaveLength(2)
    test.clock.advance(1)
    await grow('cart')
    expect(told()).toEqual([['cart'], ['trail'], ['cart']])
  })

  it('is no event below its budget, which is checked as an option', async () => {
    const test = kit({ budgetBytes: 5000 })
    await test.browser().visit((session) => session.set('cart', 'x'.repeat(4500)))
    expect(large(test.events)).toEqual([])
    for (const budgetBytes of [0, -1, 1.5, '4096', Number.NaN])
      expect(() => createSessions<Any>({ ...test.options, budgetBytes: budgetBytes as number })).toThrow('budgetBytes')
  })

  it('forgets key names that an application makes up, and so holds no more than a thousand', async () => {
    const test = kit({ budgetBytes: 1 })
    for (let at = 0; at <= 1000; at++) await test.browser().visit((session) => session.set(`item ${at}`, 'x'))
    await test.browser().visit((session) => session.set('item 0', 'x'))
    await test.browser().visit((session) => session.set('item 1000', 'x'))
    expect(large(test.events)).toHaveLength(1002)
  })
})
