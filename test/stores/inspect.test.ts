import { createHash } from 'node:crypto'
import { createClient } from 'redis'
import { describe, expect, test } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import type { SessionOptions } from '../../src/options.ts'
import { createSessions } from '../../src/sessions.ts'
import { type Life, newLife, secret } from '../support/broken-setups.ts'
import { commandLine } from '../support/command-line.ts'
import { giveOptions, optionsModule } from '../support/doctor-options.ts'
import { nextCookies } from '../support/jar.ts'
import { stats } from '../support/memcached.ts'

interface Data {
  userId: string
  cart: string[]
}

/** What a browser holds after each of its requests. */
async function visit(
  options: SessionOptions,
  cookies: string | undefined,
  work: (session: ReturnType<ReturnType<typeof createSessions<Data>>['open']>['session']) => void | Promise<void>,
): Promise<string> {
  const { session, commit } = createSessions<Data>(options).open(cookies)
  await work(session)
  return nextCookies(cookies, (await commit()).setCookies) as string
}

const login = (options: SessionOptions) =>
  visit(options, undefined, (session) => {
    session.set('userId', 'VALUE-7')
    session.set('cart', ['VALUE-tea'])
  })

async function inspected(options: SessionOptions, cookies: string, ...flags: readonly string[]) {
  giveOptions(options)
  return commandLine(['inspect', '--options', optionsModule, ...flags], { input: cookies })
}

async function threeServers({ memcached, use }: Life) {
  const servers = [await memcached(), await memcached(), await memcached()]
  const store = memcachedStore({ servers: servers.map(({ address }) => address) })
  use({ [Symbol.asyncDispose]: async () => store.close?.() })
  return { servers, options: { store, secret } satisfies SessionOptions }
}

/** Ids, tokens, store keys and values of a session, none of which may be shown. */
function canariesOf(cookies: string): RegExp {
  const [token = ''] = /eyJ[\w-]+\.([\w-]+)\.[\w-]+/.exec(cookies) ?? []
  const { sid } = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
  return new RegExp([secret, token, token.split('.')[2], sid, 'session:', 'VALUE'].join('|'))
}

/** The store keys of a session and of the list of its subject. */
function keysOf(cookies: string): { readonly session: string; readonly list: string } {
  const { sid, sub } = JSON.parse(Buffer.from(cookies.split('.')[1] as string, 'base64url').toString())
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64url')
  return {
    session: `session:${hash(Buffer.from(sid, 'base64url'))}`,
    list: `session:subject:${hash(Buffer.from(sub ?? ''))}`,
  }
}

describe('inspect', () => {
  test('says what the claim check says, where each copy lies, for how long, and the sizes of its keys', async () => {
    await using life = newLife()
    const { options, servers } = await threeServers(life)
    const cookies = await login(options)
    const { code, output } = await inspected(options, cookies, '--json')
    const report = JSON.parse(output)
    expect([code, report.verdict, report.copiesDiffer]).toEqual([0, 'lives', false])
    expect(report.claimCheck).toMatchObject({ ref: expect.stringMatching(/^[\w-]{8}$/), outdated: false })
    const copies = report.copies as { node: string; place: string; revision: number; ttlSeconds: number }[]
    expect(copies.map(({ place }) => place)).toEqual(['home', 'copy'])
    expect(copies.every(({ node }) => servers.some(({ address }) => address === node))).toBe(true)
    for (const { revision, ttlSeconds } of copies) {
      expect(revision).toBe(report.claimCheck.revision)
      expect(ttlSeconds).toBeGreaterThan(1700)
      expect(ttlSeconds).toBeLessThanOrEqual(1800)
    }
    expect(report.session.keys).toEqual([
      { name: 'userId', bytes: 9 },
      { name: 'cart', bytes: 13 },
    ])
    expect(output).not.toMatch(canariesOf(cookies))
  })

  test('shows no canary in words either, and values only with --values', async () => {
    await using life = newLife()
    const { options } = await threeServers(life)
    const cookies = await login(options)
    const { output, errors } = await inspected(options, cookies)
    expect(output).toContain('It lives.')
    expect(output).toMatch(/userId {2}9 bytes/)
    expect(output + errors).not.toMatch(canariesOf(cookies))
    for (const flags of [['--values'], ['--values', '--json']]) {
      const shown = await inspected(options, cookies, ...flags)
      expect(shown.output).toContain('VALUE-tea')
      expect(shown.output.replaceAll(/VALUE-\w+/g, '')).not.toMatch(canariesOf(cookies))
    }
  })

  test('neither changes the session nor keeps it alive', async () => {
    await using life = newLife()
    const { options, servers } = await threeServers(life)
    const cookies = await login({ ...options, idleSeconds: 1000 })
    const counters = async () =>
      (await Promise.all(servers.map(stats))).map(({ cmd_set, cmd_touch, touch_hits }) => [
        cmd_set,
        cmd_touch,
        touch_hits,
      ])
    const before = await counters()
    // Another idle time here: a read that touches would set it.
    const { output } = await inspected({ ...options, idleSeconds: 28_000 }, cookies, '--json')
    expect(await counters()).toEqual(before)
    for (const { ttlSeconds } of JSON.parse(output).copies) expect(ttlSeconds).toBeLessThanOrEqual(1000)
  })

  test('tells how a session ended: logged out, regenerated, lost before its time, idle', async () => {
    await using life = newLife()
    const { options, servers } = await threeServers(life)
    const verdictOf = async (cookies: string, now?: () => number) => {
      const { code, output } = await inspected({ ...options, ...(now && { now }) }, cookies, '--json')
      expect(output).not.toMatch(canariesOf(cookies))
      return [code, JSON.parse(output).verdict]
    }
    const [out, renewed, lost] = [await login(options), await login(options), await login(options)]
    await visit(options, out, (session) => session.destroy())
    const after = await visit(options, renewed, (session) => session.regenerate())
    expect(await verdictOf(out)).toEqual([1, 'destroyed'])
    expect(await verdictOf(renewed)).toEqual([1, 'regenerated'])
    expect(await verdictOf(after)).toEqual([0, 'lives'])
    for (const server of servers) await server.restart()
    expect(await verdictOf(lost)).toEqual([1, 'evicted'])
    expect(await verdictOf(lost, () => Date.now() + 1_900_000)).toEqual([1, 'idle'])
    for (const server of servers) await server.stop()
    expect(await verdictOf(lost)).toEqual([2, 'unavailable'])
  })

  test('sees copies that differ, and what a browser has seen by its receipt', async () => {
    await using life = newLife()
    const { options, servers } = await threeServers(life)
    const first = await login(options)
    const cookies = await visit(options, first, (session) => session.update('cart', (cart = []) => [...cart, 'jam']))
    const { copies } = JSON.parse((await inspected(options, cookies, '--json')).output)
    const home = servers.find(({ address }) => address === copies[0].node)
    await home?.restart()
    const report = JSON.parse((await inspected(options, cookies, '--json')).output)
    expect(report).toMatchObject({
      verdict: 'lives',
      copiesDiffer: true,
      copies: [{ holds: 'nothing' }, { holds: 'record' }],
    })
    expect(report.claimCheck.lastSeen).toBeGreaterThan(report.claimCheck.revision)
    expect(report.copies[1].revision).toBe(report.claimCheck.lastSeen)
  })

  test('looks into redis, and into each of several stores', async () => {
    await using life = newLife()
    const { options } = await threeServers(life)
    const client = createClient({ url: `redis://${(await life.redis()).address}` }).on('error', () => {})
    await client.connect()
    life.use({ [Symbol.dispose]: () => client.destroy() })
    const both = { store: replicatedStore({ stores: [redisStore({ client }), options.store] }), secret }
    const cookies = await login(both)
    const { verdict, copies } = JSON.parse((await inspected(both, cookies, '--json')).output)
    expect([verdict, copies.map(({ place }: { place: string }) => place)]).toEqual(['lives', ['home', 'copy', 'copy']])
    expect(copies[0]).toMatchObject({ node: 'redis', holds: 'record', ttlSeconds: expect.any(Number) })
  })

  test('looks at the list of the subject: names it, does not name it, is lost, cannot be asked (C23)', async () => {
    await using life = newLife()
    const { options, servers } = await threeServers(life)
    // The command closes the store that it is given.
    const store = memcachedStore({ servers: servers.map(({ address }) => address) })
    life.use({ [Symbol.asyncDispose]: async () => store.close?.() })
    const loggedIn = () =>
      visit({ store, secret }, undefined, (session) => {
        session.regenerate({ reauthenticated: true, subject: 'alice@VALUE.example' })
        session.set('userId', 'VALUE-7')
      })
    const [own, other] = [await loggedIn(), await loggedIn()]
    const look = async (cookies: string) => {
      const { code, output } = await inspected(options, cookies, '--json')
      const text = await inspected(options, cookies)
      for (const shown of [output, text.output]) expect(shown).not.toMatch(canariesOf(cookies))
      const { verdict, list } = JSON.parse(output)
      return { code, verdict, list, text: text.output }
    }
    expect(await look(own)).toMatchObject({
      code: 0,
      verdict: 'lives',
      list: { status: 'there', isListed: true, sessions: 2 },
    })
    expect((await look(own)).text).toMatch(/^list {9}names it, of 2 sessions of its subject/m)
    // As where its tombstone could not be set: only the list says it.
    const sessions = createSessions<Data>({ store, secret })
    const key = keysOf(own).session
    const before = await store.read(key)
    const [{ ref } = { ref: '' }] = await sessions.list('alice@VALUE.example')
    expect(await sessions.revoke('alice@VALUE.example', { ref })).toEqual([ref])
    expect(await look(own)).toMatchObject({ code: 1, verdict: 'revoked', list: { isListed: false, sessions: 1 } })
    await store.delete(key)
    await store.create(key, before?.value as Uint8Array, 1000)
    const revoked = await look(own)
    expect(revoked).toMatchObject({
      code: 1,
      verdict: 'revoked',
      list: { status: 'there', isListed: false, sessions: 1 },
    })
    expect(revoked.text).toMatch(/^list {9}does not name it, of 1 session of its subject/m)
    expect(await look(other)).toMatchObject({ code: 0, verdict: 'lives' })
    await store.delete(keysOf(other).list)
    expect(await look(other)).toMatchObject({
      code: 1,
      verdict: 'evicted',
      list: { status: 'nothing', isListed: false },
    })
    expect((await look(other)).text).toMatch(/^list {9}is not there/m)
    for (const server of servers) await server.stop()
    expect(await look(other)).toMatchObject({ code: 2, verdict: 'unavailable', list: { status: 'down' } })
  })

  test('knows claim checks of signing keys, as keygen makes them', async () => {
    await using life = newLife()
    const { options } = await threeServers(life)
    const pair = JSON.parse((await commandLine(['keygen', '--alg', 'ES256'])).output)
    const cookies = await login({ ...options, signing: { keys: [pair.private] } })
    const { code, output } = await inspected({ ...options, signing: { keys: [pair.public] } }, cookies)
    expect([code, output]).toEqual([0, expect.stringContaining('signed by an older key')])
    const private_ = await inspected({ ...options, signing: { keys: [pair.private] } }, cookies)
    expect(private_.output).toContain('signed by the first key')
    expect(output + private_.output).not.toMatch(canariesOf(cookies))
    expect((await inspected(options, cookies)).output).toBe('no claim check of ours: unknown-key\n')
  })

  test.each([
    ['a forged one', (token: string) => `${token.slice(0, -3)}abc`, 'signature'],
    ['junk', () => 'VALUE-junk', 'malformed'],
    ['of another secret', (token: string) => token, 'unknown-key'],
  ])('says why a cookie is no claim check of ours: %s', async (kind, change, reason) => {
    await using life = newLife()
    const { options } = await threeServers(life)
    const token = (await login(options)).split('=')[1] as string
    const other = kind === 'of another secret' ? { secret: 'p7QmZ2xV9sLd4KfWc8RtHb3NyJ6gTeUa1oXiSvE5kMw' } : {}
    const { code, output } = await inspected({ ...options, ...other }, change(token))
    expect([code, output]).toEqual([2, `no claim check of ours: ${reason}\n`])
  })
})
