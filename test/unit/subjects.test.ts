import { describe, expect, it } from 'vitest'
import { createSessions, type Entry } from '../../src/index.ts'
import { kit, otherSecret, secret } from '../support/app.ts'
import { wrapStore } from '../support/stores.ts'
import { isListKey, loggedInTimes, loginAs, who } from '../support/subjects.ts'
import { waitFor } from '../support/wait-for.ts'

const threeAndBob = async (options = {}) => {
  const test = kit(options)
  const alice = await loggedInTimes(3, 'alice', () => test.browser())
  const [bob] = await loggedInTimes(1, 'bob', () => test.browser())
  test.events.length = 0
  test.store.reset()
  return { test, alice, bob: bob as NonNullable<typeof bob> }
}

describe('revoking the sessions of a subject', () => {
  it('ends all of them at once, and nobody else (C23)', async () => {
    const { test, alice, bob } = await threeAndBob()
    const refs = await test.sessions.revoke('alice')
    expect(new Set(refs).size).toBe(3)
    for (const one of alice) expect(await who(one)).toBeUndefined()
    expect(await who(bob)).toBe('bob')
    const told = test.events.filter(({ type }) => type === 'session-ended')
    expect(told).toMatchObject(refs.map((ref) => ({ reason: 'revoked', ref })))
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'load', hit: false, reason: 'revoked' }))
  })

  it('keeps the session at hand, also where its request has loaded nothing yet (C23)', async () => {
    const { test, alice } = await threeAndBob()
    const [own, ...others] = alice as [(typeof alice)[0], ...typeof alice]
    await own.visit(async (session) => {
      session.regenerate({ reauthenticated: true })
      expect(await test.sessions.revoke('alice', { except: session })).toHaveLength(2)
    })
    expect(await who(own)).toBe('alice')
    for (const one of others) expect(await who(one)).toBeUndefined()
  })

  it('ends one device, by its ref (C23)', async () => {
    const { test, alice } = await threeAndBob()
    const [first] = await test.sessions.list('alice')
    expect(await test.sessions.revoke('alice', { ref: first?.ref ?? '' })).toEqual([first?.ref])
    expect(await test.sessions.revoke('alice', { ref: 'unknown' })).toEqual([])
    expect(await Promise.all(alice.map(who))).toEqual([undefined, 'alice', 'alice'])
  })

  it('is found by a commit that was under way: 409, and nothing of it can be read (C23)', async () => {
    const { test, alice } = await threeAndBob()
    const { session, commit } = test.sessions.open(alice[0]?.cookie)
    await session.get('user')
    session.set('user', 'mallory')
    await test.sessions.revoke('alice')
    await expect(commit()).rejects.toMatchObject({ code: 'gone' })
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'gone', reason: 'revoked' }))
  })

  it('is found by a commit also where no tombstone could be set (C23)', async () => {
    const { test, alice } = await threeAndBob()
    const { session, commit } = test.sessions.open(alice[0]?.cookie)
    await session.get('user')
    session.set('user', 'mallory')
    test.failing.fail('delete', 'throw', 'throw', 'throw')
    expect(await test.sessions.revoke('alice')).toHaveLength(3)
    await expect(commit()).rejects.toMatchObject({ code: 'gone' })
    for (const one of alice) expect(await who(one)).toBeUndefined()
  })

  it('is found by a regenerate without a proof, which begins anew with its own writes only (C23)', async () => {
    const { test, alice } = await threeAndBob()
    const [own] = alice as [(typeof alice)[0]]
    await own.visit(async (session) => {
      await session.get('user')
      test.failing.fail('delete', 'throw', 'throw', 'throw')
      await test.sessions.revoke('alice')
      session.regenerate()
      session.set('theme', 'dark')
    })
    expect(await own.visit((session) => session.all())).toEqual({ theme: 'dark' })
    expect(await test.sessions.list('alice')).toEqual([])
  })

  it('is final also where only another copy knows of a login, and outranks what revoke has written (C23)', async () => {
    let late: Entry | null = null
    const test = kit({}, (store) =>
      wrapStore(store, async ({ verb, key, apply }) => {
        const result = await apply()
        if (verb === 'update' && key !== undefined && isListKey(key) && late) await turnUp(key)
        return result
      }),
    )
    const put = async (key: string, { value }: Entry) =>
      test.memory.update(key, value, 3600, (await test.memory.read(key))?.version ?? '')
    const turnUp = (key: string) => {
      const entry = late as Entry
      late = null
      return put(key, entry)
    }
    await loggedInTimes(1, 'alice', () => test.browser())
    const key = test.keys.find(isListKey) as string
    const before = (await test.memory.read(key)) as Entry
    const [other] = await loggedInTimes(1, 'alice', () => test.browser())
    late = await test.memory.read(key)
    await put(key, before)
    await test.sessions.revoke('alice')
    expect([late, await who(other as NonNullable<typeof other>)]).toEqual([null, undefined])
  })

  it('is a 503 where the list cannot be changed, and then nothing has ended', async () => {
    const { test, alice } = await threeAndBob()
    test.failing.always('throw')
    await expect(test.sessions.revoke('alice')).rejects.toMatchObject({ code: 'unavailable' })
    test.failing.always(undefined)
    expect(await Promise.all(alice.map(who))).toEqual(['alice', 'alice', 'alice'])
  })

  it('lets the same subject log in again at once', async () => {
    const { test, alice } = await threeAndBob()
    await test.sessions.revoke('alice')
    const [own] = alice as [(typeof alice)[0]]
    await own.visit(loginAs('alice'))
    expect(await who(own)).toBe('alice')
    expect(await test.sessions.list('alice')).toHaveLength(1)
  })
})

describe('the list is the authority', () => {
  const listKey = (test: ReturnType<typeof kit>) => test.keys.find(isListKey) as string

  it('evicted: the sessions are over, and a login brings none back (C23)', async () => {
    const { test, alice, bob } = await threeAndBob()
    await test.memory.delete(listKey(test))
    for (const one of alice) expect(await who(one)).toBeUndefined()
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'load', hit: false, reason: 'evicted' }))
    await test.browser().visit(loginAs('alice'))
    for (const one of alice) expect(await who(one)).toBeUndefined()
    expect(await test.sessions.list('alice')).toHaveLength(1)
    expect(await who(bob)).toBe('bob')
  })

  it('unreadable: 503, and nobody is admitted or logged out (C23)', async () => {
    const { test, alice } = await threeAndBob()
    const [own] = alice as [(typeof alice)[0]]
    test.failing.fail('read', 'pass', 'throw')
    await expect(who(own)).rejects.toMatchObject({ code: 'unavailable' })
    test.failing.fail('read', 'pass', 'garbage')
    await expect(who(own)).rejects.toMatchObject({ code: 'unavailable' })
    expect(await who(own)).toBe('alice')
  })

  it('altered, or with something else in its place: over, and a login begins a new one (C23, D12)', async () => {
    const { test, alice } = await threeAndBob()
    const key = listKey(test)
    const { value } = (await test.memory.read(key)) ?? { value: new Uint8Array(1) }
    for (const bytes of [value.with(30, (value[30] ?? 0) ^ 1), Uint8Array.of(...[0, 1], ...new Uint8Array(18))]) {
      await test.memory.delete(key, { tombstone: { value: bytes, seconds: 100 } })
      for (const one of alice) expect(await who(one)).toBeUndefined()
      await alice[0]?.visit(loginAs('alice'))
      expect(await Promise.all(alice.map(who))).toEqual(['alice', undefined, undefined])
    }
  })

  it('the list of another subject in its place lists nobody (D11)', async () => {
    const { test, alice, bob } = await threeAndBob()
    const [own, other] = test.keys.filter(isListKey) as [string, string]
    const { value } = (await test.memory.read(other)) ?? { value: new Uint8Array(1) }
    await test.memory.delete(own, { tombstone: { value, seconds: 100 } })
    expect(await Promise.all([...alice, bob].map(who))).toEqual([undefined, undefined, undefined, 'bob'])
  })

  it('a list from before the login is looked at twice: a replica may lag (R36)', async () => {
    const test = kit()
    const [own] = (await loggedInTimes(1, 'alice', () => test.browser())) as [ReturnType<typeof test.browser>]
    const old = await test.memory.read(listKey(test))
    test.clock.advance(10_000)
    await own.visit(loginAs('alice'))
    test.failing.fail('read', 'pass', { answer: old })
    expect(await who(own)).toBe('alice')
  })
})

describe('what it costs', () => {
  it('a read asks for record and list at once, and without a subject for the record alone (G2)', async () => {
    const { test, alice } = await threeAndBob()
    const anonymous = test.browser()
    await anonymous.visit((session) => session.set('cart', ['tea']))
    test.store.reset()
    expect(await anonymous.visit((session) => session.get('cart'))).toEqual(['tea'])
    expect(test.store.roundTrips).toBe(1)
    test.store.reset()
    // The list is asked for although the record has not answered yet.
    const gate = test.gates.hold('read')
    const reading = who(alice[0] as (typeof alice)[0])
    await gate.reached
    await waitFor(() => expect(test.store.calls.read).toBe(2))
    gate.release()
    expect(await reading).toBe('alice')
    expect(test.store.roundTrips).toBe(2)
  })

  it('a change looks at the list beside its write; the list is written at login, logout and revocation only', async () => {
    const { test, alice } = await threeAndBob()
    const [own] = alice as [(typeof alice)[0]]
    const counts = async (work: Parameters<typeof own.visit>[0]) => {
      test.store.reset()
      await own.visit(work)
      const { read, create, update, delete: removed } = test.store.calls
      return { read, create, update, delete: removed }
    }
    expect(await counts((session) => session.set('theme', 'dark'))).toEqual({
      read: 3,
      create: 0,
      update: 1,
      delete: 0,
    })
    // Record and list; the new record; the list read and written; the old record's tombstone.
    expect(await counts(loginAs('alice'))).toEqual({ read: 3, create: 1, update: 2, delete: 0 })
    expect(await counts((session) => session.destroy())).toEqual({ read: 1, create: 0, update: 1, delete: 1 })
  })

  it('a subject stands nowhere in clear: not at rest, in cookies, in events (D14, D15, D24)', async () => {
    const test = kit()
    const name = 'alice@example.org'
    const [own] = await loggedInTimes(1, name, () => test.browser(), { data: { user: 'x' }, device: { os: 'Debian' } })
    await test.sessions.revoke(name)
    const stored = await Promise.all(test.keys.map((key) => test.memory.read(key)))
    const texts = [JSON.stringify(test.events), test.keys.join(), own?.cookie ?? '']
    const bytes = stored.map((entry) => Buffer.from(entry?.value ?? []).toString('latin1'))
    const payload = Buffer.from(own?.cookie?.split('.')[1] ?? '', 'base64url').toString()
    for (const text of [...texts, ...bytes, payload]) expect(text).not.toMatch(/alice|example|Debian/)
    expect(payload).toMatch(/"sub":"[\w-]{22}"/)
    // Under another secret, or in another namespace, it has another name.
    const nameIn = async (options: object) => {
      const other = kit(options)
      const [browser] = await loggedInTimes(1, name, () => other.browser())
      return JSON.parse(Buffer.from(browser?.cookie?.split('.')[1] ?? '', 'base64url').toString()).sub
    }
    const names = await Promise.all([{}, { secret: otherSecret }, { namespace: 'b' }].map(nameIn))
    expect(new Set(names).size).toBe(3)
  })
})

describe('ending one session', () => {
  it('holds for every process as soon as the logout is answered, and takes it off the list (C4)', async () => {
    const { test, alice } = await threeAndBob()
    const [own] = alice as [(typeof alice)[0]]
    const other = kit({ store: test.options.store }).browser(own.cookie)
    await own.visit((session) => session.destroy())
    expect(await who(other)).toBeUndefined()
    expect(await test.sessions.list('alice')).toHaveLength(2)
  })

  it('takes a cookie that is signed: a forged one ends nothing (C21)', async () => {
    const { test, alice } = await threeAndBob()
    const [own] = alice as [(typeof alice)[0]]
    const forged = kit({ store: test.options.store, secret: otherSecret }).browser(own.cookie)
    test.store.reset()
    await forged.visit((session) => session.destroy())
    expect(test.store.roundTrips).toBe(0)
    expect(await who(own)).toBe('alice')
  })
})

describe('options', () => {
  it.each([
    [{ subject: 'alice' }, /needs reauthenticated/],
    [{ reauthenticated: true, subject: '' }, /1 to 256/],
    [{ reauthenticated: true, subject: 'a'.repeat(257) }, /1 to 256/],
    [{ reauthenticated: true, subject: 7 }, /1 to 256/],
    [{ reauthenticated: true, device: { os: 'x' } }, /needs a subject/],
    [{ reauthenticated: true, subject: 'a', device: { os: { name: 'x' } } }, /flat/],
    [{ reauthenticated: true, subject: 'a', device: ['x'] }, /flat/],
    [{ reauthenticated: true, subject: 'a', device: { os: 'x'.repeat(600) } }, /512/],
  ])('regenerate refuses %o', (options, message) => {
    const { session } = kit().sessions.open(undefined)
    expect(() => session.regenerate(options as object)).toThrow(message)
  })

  it('revoke and list refuse what is no subject, and options that are not known', async () => {
    const { sessions } = kit()
    await expect(sessions.revoke('')).rejects.toMatchObject({ code: 'invalid-options' })
    await expect(sessions.list(7 as never)).rejects.toMatchObject({ code: 'invalid-options' })
    await expect(sessions.revoke('a', { expect: 1 } as object)).rejects.toMatchObject({ code: 'invalid-options' })
    await expect(sessions.revoke('a', { except: {} as never })).rejects.toThrow('except must be a session')
    expect(() => createSessions({ store: kit().store, secret, maxSessions: 0 })).toThrow('maxSessions must be')
  })
})
