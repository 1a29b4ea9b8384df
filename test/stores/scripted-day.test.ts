import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { textDriver } from '../../adapters/stores/memcached/client/text/driver.ts'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import type { SessionEvent } from '../../src/events.ts'
import type { SessionOptions } from '../../src/options.ts'
import { createSessions } from '../../src/sessions.ts'
import type { Store } from '../../src/store.ts'
import { type Any, type Browser, browser, secret, tokenOf } from '../support/app.ts'
import { loopback } from '../support/driver-store.ts'
import { ask, stats } from '../support/memcached.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { wrapStore } from '../support/stores.ts'
import { type Sdk, startSdk } from '../support/telemetry.ts'

const canary = 'DAY-CANARY-2718'
let nodes: readonly [small: TestServer, killed: TestServer, calm: TestServer]
let store: Store
let sdk: Sdk
beforeAll(async () => {
  nodes = await Promise.all([startMemcached(['-m', '2']), startMemcached(), startMemcached()])
  const servers = nodes.map(({ address }) => address)
  store = memcachedStore({ servers, replicas: 1, giveUpSeconds: 1, connectMs: 5000, callMs: 5000 })
  sdk = startSdk()
})
afterAll(async () => {
  sdk.stop()
  await store.close?.()
  for (const node of nodes) await node.stop()
})

/** A user, and where the session lies. */
interface User {
  readonly user: Browser
  readonly key: string
  readonly node: TestServer
}

/** Whether it is there, asked in a way that does not count as a use. */
const has = async ({ port }: TestServer, key: string) => (await ask({ port }, `me ${key}`, /\r\n/)).startsWith('ME')

/** Puts other bytes in the place of a record, past the sessions, as somebody with access to the server could. */
async function alter({ node, key }: User, change: (bytes: Uint8Array) => Uint8Array): Promise<Uint8Array> {
  const driver = textDriver(loopback(node.port), { connectMs: 5000, callMs: 5000 })
  const { value } = (await driver.get(key)) ?? { value: new Uint8Array() }
  await driver.set(key, change(value), 1000)
  driver.close()
  return value
}

/** Writes entries as large as theirs, until none of these is left. */
async function flood(server: TestServer, bytes: number, users: readonly User[]): Promise<void> {
  const value = 'x'.repeat(bytes)
  const entry = () => `set session:${randomBytes(32).toString('base64url')} 0 1000 ${bytes} noreply\r\n${value}\r\n`
  for (let round = 0; round < 60; round++) {
    const left = await Promise.all(users.map(({ key }) => has(server, key)))
    if (!left.includes(true)) return
    // The answer to the last line comes when all of them are stored.
    await ask(server, `${Array.from({ length: 4000 }, entry).join('')}version`, /VERSION/)
  }
  throw new Error('nothing was evicted')
}

it('the counts of a scripted day on three nodes are what the script did, reason by reason', async () => {
  const events: SessionEvent[] = []
  const keys: string[] = []
  const expected = new Map<string, number>()
  const expectOne = (what: string) => expected.set(what, (expected.get(what) ?? 0) + 1)
  const noted = wrapStore(store, ({ verb, key, apply }) => {
    if (verb === 'create' && key !== undefined) keys.push(key)
    return apply()
  })
  const options: SessionOptions = {
    ...{ store: noted, secret, requestMs: 20_000, onEvent: (event) => void events.push(event) },
    lifetimes: { brief: { idleSeconds: 2 }, short: { idleSeconds: 2, absoluteSeconds: 2 } },
  }
  const sessions = createSessions<Any>(options)
  const fast = createSessions<Any>({ ...options, now: () => Date.now() + 120_000 })
  const comes = async (user: Browser, what: string) => {
    await user.visit((session) => session.get('user')).catch(() => {})
    expectOne(what)
  }
  const login = async (lifetime?: string, at = sessions): Promise<User> => {
    const user = browser(at)
    await user.visit((session) => {
      if (lifetime !== undefined) session.regenerate({ lifetime })
      session.set('user', `${canary} ${'u'.repeat(20)}`)
    })
    expectOne('never-stored')
    expectOne('created')
    const key = keys.at(-1) as string
    const found = await Promise.all(nodes.map((node) => has(node, key)))
    return { user, key, node: nodes[found.indexOf(true)] as TestServer }
  }

  // The morning: visitors, and users on every node.
  for (let count = 0; count < 4; count++) await comes(browser(sessions), 'never-stored')
  const users: User[] = []
  const on = (node: TestServer) => users.filter((one) => one.node === node)
  while (nodes.some((node) => on(node).length < 6)) users.push(await login())
  for (const { user } of users) await comes(user, 'hit')
  const [first, second, third, fourth, fifth, sixth] = on(nodes[2]) as [User, User, User, User, User, User]
  // Two log out and come back with their old cookies; two log in again, and their old cookies come once more.
  const left = [first, second].map(({ user }) => browser(sessions, user.cookie))
  for (const { user } of [first, second]) {
    await user.visit((session) => session.destroy())
    expectOne('destroyed')
  }
  for (const user of left) await comes(user, 'absent logged-out')
  const old = [third, fourth].map(({ user }) => browser(sessions, user.cookie))
  for (const { user } of [third, fourth]) {
    await user.visit((session) => session.regenerate({ reauthenticated: true }))
    expectOne('hit')
    expectOne('regenerated')
  }
  for (const user of old) await comes(user, 'absent regenerated')
  // A record is altered by hand, and another put back as it was before a change.
  await alter(fifth, (bytes) => bytes.map((byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte)))
  await comes(fifth.user, 'absent corrupt')
  expectOne('corrupt')
  const before = await alter(sixth, (bytes) => bytes)
  await sixth.user.visit((session) => session.set('cart', ['tea']))
  expectOne('hit')
  expectOne('updated')
  await alter(sixth, () => before)
  await comes(sixth.user, 'absent rolled-back')
  expectOne('rolled-back')
  // Forged cookies, and those of a machine whose clock is two minutes ahead.
  const [someone] = on(nodes[1]) as [User]
  for (let count = 0; count < 3; count++) {
    const token = tokenOf(someone.user.cookie)
    await comes(browser(sessions, `__Host-sid=${token.slice(0, -5)}${'AQgw'[count]}AAAA`), 'absent refused')
    expectOne('bad signature')
  }
  for (let count = 0; count < 2; count++) {
    const { user } = await login(undefined, fast)
    await comes(browser(sessions, user.cookie), 'absent refused')
    expectOne('bad claims')
  }
  // Noon: some stay away for too long, and some have had their time.
  const idle = [await login('brief'), await login('brief'), await login('brief')]
  const over = [await login('short'), await login('short')]
  await sleep(4200)
  for (const { user } of idle) await comes(user, 'absent idle')
  for (const { user } of over) {
    await comes(user, 'absent absolute')
    expectOne('bad expired')
  }
  // The small node runs out of memory.
  const record = events.find((event) => event.type === 'commit')
  await flood(nodes[0], record?.bytes ?? 0, on(nodes[0]))
  expect((await stats(nodes[0])).evictions).toBeGreaterThan(0)
  for (const { user } of on(nodes[0])) await comes(user, 'absent evicted')
  // The evening: a node dies. It is an outage at first, and a loss when it is given up.
  await nodes[1].stop()
  for (const { user } of on(nodes[1])) await comes(user, 'unavailable')
  await sleep(3000)
  for (const { user } of on(nodes[1])) {
    await comes(user, 'absent given-up')
    expectOne('node-given-up')
  }

  const counted = new Map<string, number>()
  for (const event of events) {
    const name = nameOf(event)
    counted.set(name, (counted.get(name) ?? 0) + 1)
  }
  console.log(Object.fromEntries(counted))
  expect(sorted(counted)).toEqual(sorted(expected))
  // The metrics say the same.
  const loads = (await sdk.metrics()).get('claimcheck.session.loads')?.dataPoints ?? []
  const byOutcome = Object.fromEntries(
    loads.map(({ attributes, value }) => [String(attributes['claimcheck.load.outcome']), value]),
  )
  expect(byOutcome).toEqual(loadsIn(expected))
  // And nobody could become one of the users by what was told.
  const told = `${inspect(events, { depth: 9 })} ${inspect(sdk.spans(), { depth: 9 })} ${await sdk.prometheus()}`
  const tokens = users.map(({ user }) => tokenOf(user.cookie)).filter((token) => token.length > 100)
  const words = [canary, secret, ...keys.map((key) => key.slice(8)), ...tokens.map((token) => token.slice(40))]
  for (const word of words) expect(told.includes(word), word.slice(0, 8)).toBe(false)
})

/** What the script calls it. */
function nameOf(event: SessionEvent): string {
  if (event.type === 'load')
    return event.hit ? 'hit' : event.reason === 'never-stored' ? event.reason : `absent ${event.reason}`
  if (event.type === 'commit') return event.outcome
  return event.type === 'bad-token' ? `bad ${event.reason}` : event.type
}

const sorted = (counts: ReadonlyMap<string, number>) =>
  Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)))

/** The loads among what is expected, by the outcomes of the metric. */
function loadsIn(expected: ReadonlyMap<string, number>): Record<string, number> {
  const names = [...expected].filter(([name]) => /^(hit|never-stored|unavailable|absent .*)$/.test(name))
  return Object.fromEntries(names.map(([name, count]) => [name.replace('absent ', ''), count]))
}
