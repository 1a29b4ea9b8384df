import { describe, expect, it } from 'vitest'
import { kit, otherSecret, secret } from '../support/app.ts'
import { isListKey, loggedInTimes, loginAs, who } from '../support/subjects.ts'

/** A browser with a cart that nobody has logged in on. */
async function withCart(options = {}) {
  const test = kit(options)
  const user = test.browser()
  await user.visit((session) => session.set('cart', ['tea']))
  const twin = test.browser(user.cookie)
  return { test, user, twin }
}
const records = async (test: ReturnType<typeof kit>) => (await test.live()).filter((key) => !isListKey(key))
const idOf = (cookie: string | undefined) =>
  JSON.parse(Buffer.from(/=[\w-]+\.([\w-]+)/.exec(cookie ?? '')?.[1] ?? '', 'base64url').toString()).sid

describe('a login that is sent twice, by the same subject', () => {
  it('joins the newer session where the old one has ended (F12)', async () => {
    const { test, user, twin } = await withCart()
    await user.visit(loginAs('alice'))
    await twin.visit(loginAs('alice', { data: { theme: 'dark' } }))
    expect(idOf(twin.cookie)).toBe(idOf(user.cookie))
    expect(await records(test)).toHaveLength(1)
    for (const one of [user, twin])
      expect(await one.visit((session) => session.all())).toEqual({ cart: ['tea'], user: 'alice', theme: 'dark' })
    expect(await test.sessions.list('alice')).toHaveLength(1)
  })

  it('joins it where both have read the old one, and changed what they had read (F12)', async () => {
    const { test, user, twin } = await withCart()
    const twice = [user, twin].map((one) => ({ one, ...test.sessions.open(one.cookie) }))
    for (const { session } of twice) {
      await session.get('user')
      loginAs('alice')(session)
      await session.update('cart', (cart: string[] = []) => [...cart, 'cake'])
    }
    const cookies: string[] = []
    for (const { commit } of twice) cookies.push((await commit()).setCookie ?? '')
    expect(idOf(cookies[1])).toBe(idOf(cookies[0]))
    expect(await records(test)).toHaveLength(1)
    expect(await who(test.browser(cookies[0]?.split(';')[0]))).toBe('alice')
  })

  it('joins it where both commit at the same time, through the list too (F12)', async () => {
    const { test, user } = await withCart({ maxSessions: 1 })
    const logins = Array.from({ length: 4 }, () => test.browser(user.cookie))
    await Promise.all(logins.map((one) => one.visit(loginAs('alice'))))
    expect(new Set(logins.map(({ cookie }) => idOf(cookie))).size).toBe(1)
    expect(await records(test)).toHaveLength(1)
    for (const one of logins) expect(await one.visit((session) => session.get('cart'))).toEqual(['tea'])
  })

  it('loses nothing that the joined session got since, whatever it keeps (F12)', async () => {
    const { user, twin } = await withCart()
    const keeping = (session: Parameters<ReturnType<typeof loginAs>>[0]) => {
      session.set('tries', 1)
      session.regenerate({ reauthenticated: true, subject: 'alice', keep: ['cart'] })
      session.set('user', 'alice')
    }
    await user.visit(keeping)
    await user.visit((session) => session.set('address', 'here'))
    await twin.visit(keeping)
    expect(await twin.visit((session) => session.all())).toEqual({ cart: ['tea'], user: 'alice', address: 'here' })
  })

  it('follows a session that was itself superseded (F12)', async () => {
    const { test, user, twin } = await withCart()
    await user.visit(loginAs('alice'))
    await user.visit(loginAs('alice'))
    await twin.visit(loginAs('alice'))
    expect(idOf(twin.cookie)).toBe(idOf(user.cookie))
    expect(await records(test)).toHaveLength(1)
  })

  it('begins anew for another subject, without one, after five seconds, and after a revocation (C22)', async () => {
    const { test, user, twin } = await withCart()
    await user.visit(loginAs('alice'))
    const [bob, nobody, late] = [test.browser(twin.cookie), test.browser(twin.cookie), test.browser(twin.cookie)]
    await bob.visit(loginAs('bob'))
    await nobody.visit((session) => {
      session.regenerate({ reauthenticated: true })
      session.set('user', 'nobody')
    })
    expect(await bob.visit((session) => session.all())).toEqual({ user: 'bob' })
    expect(await nobody.visit((session) => session.all())).toEqual({ user: 'nobody' })
    await test.sessions.revoke('alice')
    await twin.visit(loginAs('alice'))
    expect(await twin.visit((session) => session.all())).toEqual({ user: 'alice' })
    await user.visit(loginAs('alice', { data: { cart: ['tea'] } }))
    const again = test.browser(user.cookie)
    await user.visit(loginAs('alice'))
    test.clock.advance(6000)
    await again.visit(loginAs('alice'))
    expect(await again.visit((session) => session.all())).toEqual({ user: 'alice' })
    await late.visit(loginAs('alice'))
    expect(await late.visit((session) => session.all())).toEqual({ user: 'alice' })
  })

  it('without a proof the old cookie is as dead as ever: 409 for a write, nothing to read (G4)', async () => {
    const { user, twin } = await withCart()
    await user.visit(loginAs('alice'))
    expect(await who(twin)).toBeUndefined()
    await expect(twin.visit((session) => session.set('cart', []))).rejects.toMatchObject({ code: 'gone' })
  })
})

describe('how many sessions a subject has', () => {
  it('ends the oldest that lives, not one that has ended already', async () => {
    const test = kit({ maxSessions: 2 })
    const [first, second] = await loggedInTimes(2, 'alice', () => test.browser())
    // Idle for too long: still listed, and not to be counted.
    await test.memory.delete(test.keys.filter((key) => !isListKey(key))[1] as string)
    const [third] = await loggedInTimes(1, 'alice', () => test.browser())
    expect(test.events.filter(({ type }) => type === 'session-ended')).toEqual([])
    const [fourth] = await loggedInTimes(1, 'alice', () => test.browser())
    const told = test.events.filter(({ type }) => type === 'session-ended')
    expect(told).toMatchObject([{ reason: 'max-sessions' }])
    const browsers = [first, second, third, fourth] as NonNullable<typeof first>[]
    expect(await Promise.all(browsers.map(who))).toEqual([undefined, undefined, 'alice', 'alice'])
  })

  it('one: a login ends the others, and says whose', async () => {
    const test = kit({ maxSessions: 1 })
    const [phone] = (await loggedInTimes(1, 'alice', () => test.browser())) as [ReturnType<typeof test.browser>]
    const [info] = await test.sessions.list('alice')
    const [desk] = await loggedInTimes(1, 'alice', () => test.browser())
    const ended = test.events.find(({ type }) => type === 'session-ended')
    expect(ended).toMatchObject({ reason: 'max-sessions', ref: info?.ref })
    expect(await Promise.all([phone, desk as typeof phone].map(who))).toEqual([undefined, 'alice'])
  })

  it('fifty without the option, and twenty logins at once are all listed', async () => {
    const test = kit()
    const logins = Array.from({ length: 20 }, () => test.browser())
    await Promise.all(logins.map((one) => one.visit(loginAs('alice'))))
    expect(await test.sessions.list('alice')).toHaveLength(20)
    await loggedInTimes(31, 'alice', () => test.browser())
    expect(await test.sessions.list('alice')).toHaveLength(50)
  })
})

describe('listing', () => {
  it('tells of each what it is, and which one asks', async () => {
    const test = kit({ lifetimes: { remembered: { absoluteSeconds: 100_000 } } })
    const [phone] = await loggedInTimes(1, 'alice', () => test.browser(), {
      device: { name: 'phone', os: undefined },
      lifetime: 'remembered',
    })
    test.clock.advance(60_000)
    const [desk] = (await loggedInTimes(1, 'alice', () => test.browser())) as [ReturnType<typeof test.browser>]
    test.clock.advance(60_000)
    await phone?.visit((session) => session.set('theme', 'dark'))
    const list = await desk.visit((session) => test.sessions.list('alice', { current: session }))
    expect(list).toMatchObject([
      { lifetime: 'remembered', device: { name: 'phone' }, isCurrent: false },
      { lifetime: 'default', device: undefined, isCurrent: true },
    ])
    const [first, second] = list as [(typeof list)[0], (typeof list)[0]]
    expect(first.changed - first.created).toBe(120)
    expect(first.authenticated).toBe(first.created)
    expect(first.until - first.created).toBe(100_000)
    expect(second.created - first.created).toBe(60)
    expect(await desk.visit((session) => session.info())).toMatchObject({ ref: second.ref })
  })

  it('leaves out what was logged out, regenerated, or is idle for too long; a regenerate keeps the device', async () => {
    const test = kit()
    const [one, two] = (await loggedInTimes(2, 'alice', () => test.browser(), { device: { os: 'x' } })) as [
      ReturnType<typeof test.browser>,
      ReturnType<typeof test.browser>,
    ]
    await one.visit((session) => session.destroy())
    await two.visit((session) => session.regenerate())
    expect(await test.sessions.list('alice')).toMatchObject([{ device: { os: 'x' } }])
    await two.visit(loginAs('bob'))
    expect(await test.sessions.list('alice')).toEqual([])
    expect(await test.sessions.list('bob')).toHaveLength(1)
    test.clock.advance(1801_000)
    expect(await test.sessions.list('bob')).toEqual([])
  })
})

describe('when the secret changes', () => {
  it('sessions move to the list of the new one, and a revocation ends those of both (B27, C23)', async () => {
    const test = kit()
    const [moves, stays, ends] = await loggedInTimes(3, 'alice', () => test.browser())
    const { store } = test.options
    const both = kit({ store, secret: [otherSecret, secret] })
    const open = (at: typeof both, from: typeof moves) => at.browser(from?.cookie)
    const moving = open(both, moves)
    await moving.visit((session) => session.set('theme', 'dark'))
    expect(await both.sessions.list('alice')).toHaveLength(3)
    const [ref] = (await both.sessions.list('alice')).map((one) => one.ref)
    await both.sessions.revoke('alice', { ref: ref ?? '' })
    expect(await who(moving)).toBeUndefined()
    const second = open(both, stays)
    await second.visit((session) => session.set('theme', 'light'))
    const after = kit({ store, secret: otherSecret })
    expect(await who(open(after, second))).toBe('alice')
    expect(await who(open(after, ends))).toBeUndefined()
    expect(await after.sessions.list('alice')).toHaveLength(1)
    await after.sessions.revoke('alice')
    expect(await who(open(after, second))).toBeUndefined()
  })
})
