import { createHash, hkdfSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { fromExpressSession, legacySessions } from '../../adapters/legacy.ts'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import { kit, otherSecret, tokenOf } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { oldCookie, oldSecret, oldSessions } from '../support/old-sessions.ts'
import { type Gate, gatedStore } from '../support/stores.ts'

const id = 'Xw1p9dKq3vTz7LmN0bRsYfGhJ2cE4uAa'
const data = { user: { id: 42, name: 'Zoë' }, cart: ['tea', 3, null] }

function world(options: Parameters<typeof oldSessions>[0] = {}, own: Parameters<typeof kit>[0] = {}) {
  const old = oldSessions(options)
  const test = kit({ legacy: old.legacy, ...own })
  const cookie = old.login(id, data)
  const outcomes = () =>
    test.events.flatMap((event) =>
      event.type === 'legacy' ? [{ outcome: event.outcome, message: event.message }] : [],
    )
  const open = (header: string | undefined = cookie) => {
    const { session, commit } = test.sessions.open(header)
    return {
      session,
      commit,
      all: () => session.all(),
      cookie: async () => nextCookies(header, (await commit()).setCookies),
    }
  }
  return { old, test, cookie, open, outcomes }
}
/** The id in a claim check. */
const sidOf = (setCookie: string | undefined) =>
  JSON.parse(Buffer.from(tokenOf(setCookie).split('.')[1] as string, 'base64url').toString()).sid

describe('a session of another library', () => {
  it('comes over with what it held, and a read already answers with the claim check', async () => {
    const { test, open, old, outcomes } = world()
    const first = open()
    expect(await first.all()).toEqual(data)
    const { setCookies } = await first.commit()
    expect(setCookies).toEqual([expect.stringMatching(/^__Host-sid=eyJ/)])
    expect(outcomes()).toEqual([{ outcome: 'imported' }])
    expect(old.records.has(id)).toBe(true)
    expect([test.store.calls.read, test.store.calls.create, old.calls.read]).toEqual([1, 1, 1])
  })

  it('is asked for only where there is no valid claim check, and never again behind it', async () => {
    const { open, old, test } = world()
    const first = open()
    await first.all()
    const cookie = await first.cookie()
    old.calls.read = 0
    test.store.reset()
    const second = open(cookie)
    expect(await second.all()).toEqual(data)
    expect((await second.commit()).setCookies).toEqual([])
    expect([old.calls.read, test.store.roundTrips]).toEqual([0, 1])
  })

  it('is not asked for where nobody uses the session', async () => {
    const { open, old, test } = world()
    expect((await open().commit()).setCookies).toEqual([])
    expect([old.calls.read, test.store.roundTrips]).toEqual([0, 0])
  })

  it('with a wrong signature costs no store call at all (G1)', async () => {
    const { open, old, test, outcomes } = world()
    const forged = [
      oldCookie(id, 'another secret'),
      `connect.sid=s%3A${id}.${'A'.repeat(43)}`,
      `connect.sid=${id}`,
      'connect.sid=%',
      'connect.sid=s%3A.x',
      `connect.sid=j%3A%7B%7D`,
    ]
    for (const cookie of forged) {
      const one = open(cookie)
      expect(await one.all()).toEqual({})
      expect((await one.commit()).setCookies).toEqual([])
    }
    expect([old.calls.read, test.store.roundTrips]).toEqual([0, 0])
    expect(outcomes().map(({ outcome }) => outcome)).toEqual(forged.map(() => 'not-genuine'))
  })

  it('verifies with each secret of a list', async () => {
    const { open } = world({ secret: ['a newer one', oldSecret] })
    expect(await open().session.get('cart')).toEqual(data.cart)
  })

  it('takes the first change along in the same answer, also one that was not preceded by a read (G3)', async () => {
    const { open } = world()
    const first = open()
    first.session.set('cart', [])
    const cookie = await first.cookie()
    expect(await open(cookie).all()).toEqual({ ...data, cart: [] })
    // The claim check was lost on the way: the old cookie leads to the same session.
    expect(await open().all()).toEqual({ ...data, cart: [] })
  })

  it('holds what the option map makes of it', async () => {
    const { open } = world({ map: ({ user }) => ({ userId: (user as { id: number }).id }) })
    expect(await open().all()).toEqual({ userId: 42 })
    const none = world({ map: () => undefined })
    expect(await none.open().all()).toEqual({})
  })

  it('that has run out there does not come over', async () => {
    const { open, old } = world()
    old.records.set(id, { ...data, cookie: { expires: new Date(Date.now() - 1000).toISOString() } })
    expect(await open().all()).toEqual({})
  })

  it('that holds what a session cannot hold stays where it is, named by an event, and nobody is kept out', async () => {
    const { open, old, outcomes } = world()
    old.records.set(id, { user: { since: new Date(0) } })
    const first = open()
    expect(await first.all()).toEqual({})
    first.session.set('cart', ['tea'])
    expect((await first.commit()).setCookies).toHaveLength(1)
    const message = 'session value user.since is a Date, not a plain object: store its JSON form instead'
    expect(outcomes()).toEqual([{ outcome: 'refused', message }])
  })
})

describe('20 first requests at once', () => {
  it('are one session, and all 20 answers carry it', async () => {
    const { open, test, outcomes } = world()
    const gates = Array.from({ length: 20 }, () => test.gates.hold('create'))
    const requests = Array.from({ length: 20 }, () => open())
    const reads = requests.map((one) => one.all())
    // Each has seen that nothing is there before any of them adds it.
    await Promise.all(gates.map((gate) => gate.reached))
    for (const gate of gates.toReversed()) gate.release()
    expect(await Promise.all(reads)).toEqual(Array(20).fill(data))
    const answers = await Promise.all(requests.map((one) => one.commit()))
    const sids = answers.map(({ setCookie }) => sidOf(setCookie))
    expect([sids.length, new Set(sids).size, test.memory.size]).toEqual([20, 1, 1])
    expect(outcomes()).toHaveLength(1)
  })

  it('that all append keep all that they append (G3)', async () => {
    const { open } = world()
    const requests = Array.from({ length: 20 }, () => open())
    const updates = requests.map(({ session }, at) => session.update('cart', (cart = []) => [...cart, at]))
    await Promise.all(updates)
    await Promise.all(requests.map((one) => one.commit()))
    expect((await open().session.get('cart')).toSorted()).toEqual(
      [...data.cart, ...Array.from({ length: 20 }, (_, at) => at)].toSorted(),
    )
  })

  it('of two processes, each of which got one of two copies first, are one session that lives (G4)', async () => {
    const stores = [memoryStore(), memoryStore()]
    // Both have found nothing here before either of them adds it.
    const { promise: bothHaveLooked, resolve } = Promise.withResolvers<void>()
    let looking = 2
    const old = oldSessions({
      read: async () => {
        if (--looking === 0) resolve()
        await bothHaveLooked
        return data
      },
    })
    const cookie = oldCookie(id)
    const processes = [1, 0].map((later) => {
      const members = stores.map((store) => gatedStore(store))
      const first = members[1 - later]?.hold('create', { when: 'after' }) as Gate
      const last = members[later]?.hold('create') as Gate
      const test = kit({ legacy: old.legacy, store: replicatedStore({ stores: members }), now: Date.now })
      return { first, last, sessions: test.sessions }
    })
    const requests = processes.map(({ sessions }) => sessions.open(cookie))
    const reads = requests.map(({ session }) => session.all())
    for (const { first } of processes) {
      await first.reached
      first.release()
    }
    await Promise.all(processes.map(({ first }) => first.done))
    for (const { last } of processes) last.release()
    expect(await Promise.all(reads)).toEqual([data, data])
    const answers = await Promise.all(requests.map((one) => one.commit()))
    expect(new Set(answers.map(({ setCookie }) => sidOf(setCookie))).size).toBe(1)
    const later = processes[0]?.sessions.open(cookie)
    expect(await later?.session.all()).toEqual(data)
  })
})

describe('an end here', () => {
  it('ends both, and clears both cookies (G4)', async () => {
    const { open, old } = world()
    const first = open()
    await first.all()
    const cookie = await first.cookie()
    const out = open(cookie)
    out.session.destroy()
    const { setCookies } = await out.commit()
    expect(setCookies).toContain('connect.sid=; Max-Age=0; Path=/')
    expect(setCookies[0]).toMatch(/^__Host-sid=; Max-Age=0/)
    expect(old.records.size).toBe(0)
    // A request that was in flight on an old server writes its session back.
    old.login(id, data)
    expect(await open().all()).toEqual({})
  })

  it('by a browser that has the old cookie alone ends both, too', async () => {
    const { open, old } = world()
    const out = open()
    out.session.destroy()
    expect((await out.commit()).setCookies).toEqual(['connect.sid=; Max-Age=0; Path=/'])
    expect(old.records.size).toBe(0)
    old.login(id, data)
    expect(await open().all()).toEqual({})
  })

  it('outlives the old cookie, also where a late request has touched the tombstone (G4)', async () => {
    const { open, old, test } = world({ lifeSeconds: 86_400 })
    const first = open()
    await first.all()
    const cookie = await first.cookie()
    const out = open(cookie)
    out.session.destroy()
    await out.commit()
    old.login(id, data)
    for (let hours = 0; hours < 23; hours++) {
      test.clock.advance(3_600_000)
      expect(await open(hours % 2 === 0 ? cookie : undefined).session.get('user')).toBeUndefined()
    }
    expect(old.records.size).toBe(1)
  })

  it('by regenerate ends both, and the new session goes on (G4)', async () => {
    const { open, old } = world()
    const first = open()
    await first.all()
    const cookie = await first.cookie()
    const login = open(cookie)
    login.session.regenerate({ reauthenticated: true })
    login.session.set('user', 'alice')
    const after = await login.cookie()
    // The old cookie leads nowhere any more: it is cleared, so that no request pays for looking.
    expect(after).toMatch(/^__Host-sid=[^;]+$/)
    expect(old.records.size).toBe(0)
    old.login(id, data)
    expect(await open().all()).toEqual({})
    expect(await open(after).all()).toEqual({ ...data, user: 'alice' })
  })

  it('by a login in the first request with the old cookie takes its data along', async () => {
    const { open, old } = world()
    const login = open()
    login.session.regenerate()
    login.session.set('user', 'alice')
    const after = await login.cookie()
    expect(await open(after).all()).toEqual({ ...data, user: 'alice' })
    expect(old.records.size).toBe(0)
  })

  it('fails with 503 where the old store is down, and leaves the cookies alone (G7)', async () => {
    const { open, old } = world()
    old.failure = new Error('connection refused')
    const out = open()
    out.session.destroy()
    await expect(out.commit()).rejects.toMatchObject({ code: 'unavailable' })
    old.failure = undefined
    const again = open()
    again.session.destroy()
    expect((await again.commit()).setCookies).toHaveLength(1)
    expect(old.records.size).toBe(0)
  })
})

describe('the old record', () => {
  it('stays by default, so that old servers and a rollback find it', async () => {
    const { open, old } = world()
    const first = open()
    first.session.set('cart', [])
    await first.commit()
    expect(old.records.get(id)).toMatchObject(data)
  })

  it('goes with takeOver: true, and the old cookie leads to the new session still', async () => {
    const { open, old } = world({ takeOver: true })
    expect(await open().all()).toEqual(data)
    expect(old.records.size).toBe(0)
    expect(await open().all()).toEqual(data)
  })

  it('is no failure of a request where takeOver cannot remove it', async () => {
    const { open } = world({
      takeOver: true,
      remove: () => {
        throw new Error('connection refused')
      },
    })
    expect(await open().all()).toEqual(data)
  })

  it('comes over again as it then is, where the session here has run out; with takeOver it does not', async () => {
    for (const takeOver of [false, true]) {
      const { open, old, test } = world({ takeOver })
      const first = open()
      first.session.set('cart', [])
      const cookie = await first.cookie()
      if (!takeOver) old.login(id, { ...data, cart: ['coffee'] })
      test.clock.advance(1_801_000)
      expect(await open(cookie).all()).toEqual(takeOver ? {} : { ...data, cart: ['coffee'] })
    }
  })

  it('in a store that is down is an outage, and no logout (G7)', async () => {
    const { open, old, test } = world()
    old.failure = new Error('connection refused')
    const first = open()
    const error = await first.all().catch((one: unknown) => one)
    expect(error).toMatchObject({ code: 'unavailable', message: 'the store of express-session failed' })
    expect(test.memory.size).toBe(0)
    old.failure = undefined
    expect(await open().all()).toEqual(data)
  })

  it('in a store that hangs is an outage within requestMs', async () => {
    const { open } = world({ read: () => new Promise(() => {}) }, { requestMs: 50 })
    await expect(open().all()).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('the option', () => {
  const refused = (make: () => unknown) => {
    expect(make).toThrow(SessionOptionsError)
    return expect(make)
  }
  const read = async () => ({})

  it.each([
    ['secret', { secret: '', read }],
    ['secret', { secret: [], read }],
    ['store must be', { secret: oldSecret }],
    ['store must be a memcachedStore', { secret: oldSecret, store: {} }],
    ['goes without store', { secret: oldSecret, read, store: memoryStore() }],
    ['cookieName', { secret: oldSecret, read, cookieName: 'a b' }],
    ['takeOver', { secret: oldSecret, read, takeOver: 1 }],
    ['lifeSeconds', { secret: oldSecret, read, lifeSeconds: 0 }],
    ['unknown option of fromExpressSession: takeover', { secret: oldSecret, read, takeover: true }],
    ['place', { secret: oldSecret, read, place: { path: '/; Secure' } }],
  ])('refuses at once, naming %s', (name, options) => {
    refused(() => fromExpressSession(options as never)).toThrow(name)
  })

  it('takes only what claimcheck/legacy gives, under a cookie name of its own', () => {
    refused(() => kit({ legacy: {} as never })).toThrow('legacy must be')
    const legacy = fromExpressSession({ secret: oldSecret, read, cookieName: 'sid' })
    refused(() => kit({ legacy, cookie: { insecure: true } })).toThrow('cookie.name is that of legacy')
    refused(() => legacySessions({} as never)).toThrow('verify, read, remove')
  })

  it('holds ids that do not depend on the secret: a rotation leaves nobody behind (G4)', async () => {
    const { open, old, test } = world()
    const out = open()
    out.session.destroy()
    await out.commit()
    old.login(id, data)
    const rotated = kit({ legacy: old.legacy, store: test.memory, secret: [otherSecret], now: test.clock.now })
    expect(await rotated.browser(oldCookie(id)).visit((one) => one.all())).toEqual({})
  })

  it('makes the new id of the old one by HKDF-SHA-256, as sessions that came over before need it', async () => {
    const old = oldSessions()
    const test = kit({ legacy: old.legacy })
    await test.browser(old.login(id, { user: 'alice' })).visit((one) => one.get('user'))
    const made = hkdfSync('sha256', id, '', 'claimcheck/v1/legacy/session/express-session/connect.sid', 32)
    const hash = createHash('sha256').update(new Uint8Array(made)).digest('base64url')
    expect(test.keys).toEqual([`session:${hash}`])
  })
})
