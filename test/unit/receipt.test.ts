import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { createSessions, type Store } from '../../src/index.ts'
import { otherSecret, secret, tokenOf } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'
import { loginsBesideWrites } from '../support/late-answers.ts'
import { referenceKeys, referenceReceipt } from '../support/reference.ts'
import { alice, sessionApp } from '../support/session-app.ts'

const post = { method: 'POST' }
const named = (setCookies: readonly string[]) => setCookies.map((set) => set.split('=')[0])

describe('what a change tells its browser', () => {
  it('the claim check is sent when a session begins or gets a new id, the receipt with every other change (F35)', async () => {
    const { ask, clock } = sessionApp()
    const begun = (await ask(undefined, '/cart', post)).setCookies
    expect(named(begun)).toEqual(['__Host-sid'])
    let cookies = nextCookies(undefined, begun)
    clock.advance(5)
    const changed = (await ask(cookies, '/cart', post)).setCookies
    expect(named(changed)).toEqual(['__Host-sid-rev'])
    expect(changed[0]?.slice(changed[0].indexOf(';'))).toBe(begun[0]?.slice(begun[0].indexOf(';')))
    cookies = nextCookies(cookies, changed)
    const login = (await ask(cookies, '/login/alice', post)).setCookies
    expect(named(login)).toEqual(['__Host-sid'])
    expect(named((await ask(nextCookies(cookies, login), '/logout', post)).setCookies)).toEqual([
      '__Host-sid',
      '__Host-sid-rev',
    ])
  })

  it('an answer that comes late does not undo a login, in any order (F35)', async () => {
    expect(await loginsBesideWrites(memoryStore(), secret)).toMatchObject({ undone: 0, logins: 36 })
  })

  it('the Set-Cookie of a change is less than a third of what it was (F35)', async () => {
    const { bytes } = await loginsBesideWrites(memoryStore(), secret)
    // 289 of name and value, 40 of attributes, when it was the claim check.
    expect(bytes * 3).toBeLessThan(329)
    expect(bytes).toBeGreaterThan(0)
  })

  it('a persistent receipt lasts as long as its claim check (F35)', async () => {
    const { ask, clock, login } = sessionApp({ cookie: { persistent: true } })
    const cookie = `__Host-sid=${await login('alice')}`
    clock.advance(800_000)
    expect((await ask(cookie, '/cart', post)).setCookies[0]).toContain('; Max-Age=28000;')
  })

  it('a claim check under a retired secret is sent again under the first, once (F35)', async () => {
    const site = sessionApp({ secret: otherSecret })
    const cookie = `__Host-sid=${await site.login('alice')}`
    const rotated = sessionApp({ secret: [secret, otherSecret], store: site.memory, now: site.clock.now })
    const { setCookies } = await rotated.ask(cookie, '/cart', post)
    expect(named(setCookies)).toEqual(['__Host-sid'])
    const next = await rotated.ask(nextCookies(cookie, setCookies), '/cart', post)
    expect(named(next.setCookies)).toEqual(['__Host-sid-rev'])
  })
})

describe('what a receipt counts for', () => {
  /** A session changed once, its cookies, and a store that can be set back to before the change. */
  async function changed() {
    const memory = memoryStore()
    let before: { readonly key: string; readonly value: Uint8Array } | undefined
    const store: Store = {
      ...memory,
      create(key, value, ...rest) {
        before = { key, value: value.slice() }
        return memory.create(key, value, ...rest)
      },
    }
    const site = sessionApp({ store })
    const token = `__Host-sid=${await site.login('alice')}`
    const [receipt = ''] = (await site.ask(token, '/cart', post)).setCookies
    const rollBack = async () => {
      const { key, value } = before as NonNullable<typeof before>
      await memory.delete(key)
      await memory.create(key, value, 1800)
    }
    return { ...site, token, receipt: receipt.split(';')[0] as string, key: before?.key ?? '', rollBack }
  }

  it('with it an older record than the browser has seen is noticed, without it not (F35, G8)', async () => {
    const { ask, token, receipt, rollBack } = await changed()
    await rollBack()
    expect(await ask(token)).toEqual(alice)
    for (const cookies of [`${token}; ${receipt}`, `${receipt}; ${token}`])
      expect(await ask(cookies)).toMatchObject({ user: null, roundTrips: 2 })
  })

  it('forged, malformed or of another session it counts for nothing, and is no event (F35)', async () => {
    const { ask, events, login, token, receipt, rollBack, clock } = await changed()
    clock.advance(5)
    const other = `__Host-sid=${await login('bob')}`
    clock.advance(5)
    const foreign = (await ask(other, '/cart', post)).setCookies[0]?.split(';')[0]
    await rollBack()
    const [revision = '', mac = ''] = receipt.slice('__Host-sid-rev='.length).split('.')
    const altered = `${mac[0] === 'A' ? 'B' : 'A'}${mac.slice(1)}`
    const later = (Number.parseInt(revision, 36) + 1).toString(36)
    const bad = ['', 'x', `${revision}.${altered}`, `${later}.${mac}`, `0${revision}.${mac}`, `${revision}.${mac}A`]
    bad.push(`${revision.toUpperCase()}.${mac}`, `zzzzzzzzzz.${mac}`, `-1.${mac}`, `${revision}.${mac}.`, `.${mac}`)
    events.length = 0
    for (const value of [...bad.map((one) => `__Host-sid-rev=${one}`), foreign])
      expect({ value, ...(await ask(`${token}; ${value}`)) }).toEqual({ value, ...alice })
    expect(events.filter(({ type }) => type !== 'load')).toEqual([])
  })

  it('alone it is no session, and an untouched one never looks at it (F35)', async () => {
    const { ask, app, receipt, token, store } = await changed()
    expect(await ask(receipt)).toMatchObject({ user: null, roundTrips: 0 })
    store.reset()
    expect((await app.request('/nothing', { headers: { Cookie: `${token}; ${receipt}` } })).status).toBe(404)
    expect(store.roundTrips).toBe(0)
  })

  it('it is the one that its description leads to (F35)', async () => {
    const { receipt, key } = await changed()
    const [revision = ''] = receipt.slice('__Host-sid-rev='.length).split('.')
    const wanted = referenceReceipt(referenceKeys(Buffer.from(secret)), key, Number.parseInt(revision, 36))
    expect(tokenOf(receipt)).toBe(wanted)
  })

  it('one under a retired secret still counts (F35)', async () => {
    const { token, receipt, memory: _, store, clock, rollBack } = await changed()
    await rollBack()
    const sessions = createSessions<{ user: string }>({ store, secret: [otherSecret, secret], now: clock.now })
    expect(await sessions.open(`${token}; ${receipt}`).session.get('user')).toBeUndefined()
    expect(await sessions.open(token).session.get('user')).toBe('alice')
  })
})
