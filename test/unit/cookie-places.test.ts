import { CookieJar } from 'tough-cookie'
import { describe, expect, it, vi } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { type CookieOptions, createSessions } from '../../src/index.ts'
import { secret } from '../support/app.ts'
import { mintToken, referenceKeys } from '../support/reference.ts'
import { sessionApp } from '../support/session-app.ts'

const url = 'https://www.example.com/app/'
const post = { method: 'POST' }
const name = '__Secure-sid'

/** One deployment after the other on one store, and one browser; no two requests at the same instant. */
function deployments() {
  const jar = new CookieJar(undefined, { prefixSecurity: 'strict' })
  const first = sessionApp({ cookie: { name } })
  const wait = () => first.clock.advance(6000)
  const deploy = (cookie: CookieOptions) => {
    const site = sessionApp({ cookie: { name, ...cookie }, store: first.memory, now: first.clock.now })
    const visit = async (path = '/', init: RequestInit = {}) => {
      first.clock.advance(1000)
      const answer = await site.ask((await jar.getCookieString(url)) || undefined, path, init)
      for (const set of answer.setCookies) await jar.setCookie(set, url)
      return answer
    }
    return { ...site, visit }
  }
  return { jar, deploy, wait }
}

const changes: readonly (readonly [string, CookieOptions, CookieOptions])[] = [
  ['adds the domain', {}, { domain: 'example.com' }],
  ['removes the domain', { domain: 'example.com' }, {}],
  ['changes the domain', { domain: 'example.com' }, { domain: 'www.example.com' }],
  ['narrows the path', {}, { path: '/app' }],
  ['widens the path', { path: '/app' }, {}],
  ['changes both', {}, { path: '/app', domain: 'example.com' }],
]

describe('after a deploy that changes where the cookie is kept', () => {
  it.each(changes)('a login works where it %s (F15)', async (_, before, after) => {
    const { jar, deploy } = deployments()
    await deploy(before).visit('/login/alice', post)
    const site = deploy(after)
    expect(await site.visit()).toMatchObject({ user: 'alice' })
    expect(await site.visit('/login/bob', post)).toMatchObject({ status: 200 })
    expect((await jar.getCookieString(url)).match(/__Secure-sid=/g)).toHaveLength(2)
    expect(await site.visit()).toMatchObject({ user: 'bob' })
    expect(await site.visit('/cart', post)).toMatchObject({ status: 200, user: 'bob' })
    expect(await site.visit('/login/carol', post)).toMatchObject({ status: 200 })
    expect(await site.visit()).toMatchObject({ user: 'carol' })
  })

  it.each(changes)(
    'a logout ends the session where it %s, and the next login works (F15)',
    async (_, before, after) => {
      const { deploy, wait } = deployments()
      await deploy(before).visit('/login/alice', post)
      const site = deploy(after)
      await site.visit('/login/bob', post)
      expect(await site.visit('/logout', post)).toMatchObject({ status: 200 })
      expect(await site.visit()).toMatchObject({ user: null })
      // An old cookie whose place nobody can tell is still sent: for five seconds its session has just ended.
      wait()
      await site.visit('/login/carol', post)
      expect(await site.visit()).toMatchObject({ user: 'carol' })
    },
  )

  it('a logout also clears the cookie from before a domain and a path were added (F15)', async () => {
    const { jar, deploy } = deployments()
    await deploy({}).visit('/login/alice', post)
    const site = deploy({ path: '/app', domain: 'example.com' })
    await site.visit('/logout', post)
    expect(await jar.getCookieString(url)).toBe('')
  })

  it('but not the cookie of another application that bears the name (F15)', async () => {
    const { jar, deploy } = deployments()
    const site = deploy({ path: '/app' })
    await site.visit('/login/alice', post)
    await jar.setCookie(`${name}=another; Path=/; Secure`, url)
    await site.visit('/logout', post)
    expect(await jar.getCookieString(url)).toBe(`${name}=another`)
  })

  it('two sessions that live still give none, and a login ends both (F15)', async () => {
    const site = sessionApp()
    const [one, two] = [`__Host-sid=${await site.login('alice')}`, `__Host-sid=${await site.login('mallory')}`]
    const both = `${one}; ${two}`
    expect(await site.ask(both)).toMatchObject({ user: null })
    expect(site.events.at(-1)).toMatchObject({ type: 'duplicate-cookie' })
    await site.ask(both, '/login/bob', post)
    for (const cookie of [one, two]) expect(await site.ask(cookie)).toMatchObject({ user: null })
  })

  it('a login that cannot be stored ends neither: all is as it was before, as its 413 says (F15)', async () => {
    const sessions = createSessions<{ user: string }>({ store: memoryStore(), secret, maxBytes: 200 })
    const login = async (user: string, cookie?: string) => {
      const { session, commit } = sessions.open(cookie)
      session.regenerate()
      session.set('user', user)
      return (await commit()).setCookies[0]?.split(';')[0] ?? ''
    }
    const [one, two] = [await login('alice'), await login('mallory')]
    await expect(login('b'.repeat(200), `${one}; ${two}`)).rejects.toMatchObject({ code: 'too-large' })
    expect(await sessions.open(one).session.get('user')).toBe('alice')
    expect(await sessions.open(two).session.get('user')).toBe('mallory')
  })

  it('an outage while one of two is asked is an outage, not a new session (F15)', async () => {
    const site = sessionApp()
    const both = `__Host-sid=${await site.login('alice')}; __Host-sid=${await site.login('mallory')}`
    vi.spyOn(site.memory, 'read').mockRejectedValue(new Error('down'))
    const { memory, clock } = site
    for (const onUnavailable of ['fail', 'anonymous'] as const) {
      const down = sessionApp({ store: memory, now: clock.now, onUnavailable })
      expect(await down.ask(both, '/login/bob', post)).toMatchObject({ status: 503, setCookies: [] })
    }
  })
})

describe('junk of the same name', () => {
  const junk = (count: number) => Array.from({ length: count }, (_, at) => `__Host-sid=junk${at}.of.${'x'.repeat(43)}`)
  const keys = referenceKeys(Buffer.from(secret))
  /** The header of our own tokens, which anybody can read. */
  const guesses = (count: number) =>
    Array.from({ length: count }, (_, at) => `__Host-sid=${mintToken(Buffer.alloc(32, at), keys.header, '{}')}`)

  it.each([4, 400])('%i cookies without our header do not hide the session, nor its logout (F16)', async (count) => {
    const { ask, login, events } = sessionApp()
    const token = `__Host-sid=${await login('alice')}`
    const header = [...junk(count), token].join('; ')
    events.length = 0
    expect(await ask(header)).toMatchObject({ user: 'alice', roundTrips: 1 })
    expect(events).toMatchObject([
      { type: 'bad-token', reason: 'unknown-key' },
      { type: 'load', hit: true },
    ])
    expect(await ask(header, '/logout', post)).toMatchObject({ status: 200 })
    expect(await ask(token)).toMatchObject({ user: null })
  })

  it('a logout that could not look at everything says so (F16)', async () => {
    const { ask, login, events } = sessionApp()
    const token = `__Host-sid=${await login('alice')}`
    events.length = 0
    const answer = await ask([...guesses(4), token].join('; '), '/logout', post)
    expect(answer).toMatchObject({ status: 503, setCookies: [] })
    expect(events).toContainEqual(expect.objectContaining({ type: 'bad-token', reason: 'too-many' }))
    expect(await ask(token)).toMatchObject({ user: 'alice' })
  })

  it('a token that was verified before needs no MAC, so it is found behind any junk (F16)', async () => {
    const { ask, login } = sessionApp()
    const token = `__Host-sid=${await login('alice')}`
    await ask(token)
    expect(await ask([...guesses(9), token].join('; '))).toMatchObject({ user: 'alice' })
  })
})
