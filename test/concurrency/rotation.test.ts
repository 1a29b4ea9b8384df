import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Secret } from '../../src/index.ts'
import { createSessions, type Sessions } from '../../src/sessions.ts'
import { type Any, type Browser, browser } from '../support/app.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import { type BackendKind, type OpenedStore, openStore } from './backends.ts'

const k1 = 'the first secret of a rotation, 5Hq9-zLw2'
const k2 = 'another secret of a rotation, 8Tn3-vXc6'
const users = 40

/** One server: its own connections, its own keys, and what its provider is told now. */
interface Site {
  list: readonly Secret[]
  readonly asked: { count: number }
  readonly sessions: Sessions<Any>
  readonly store: OpenedStore
}

async function openSite(kind: BackendKind, port: number): Promise<Site> {
  const store = await openStore(kind, port)
  const told = { list: [k1] as readonly Secret[], asked: { count: 0 } }
  const secret = async () => {
    told.asked.count++
    return told.list
  }
  const sessions = createSessions<Any>({ store: store.store, secret, refreshSeconds: 1, requestMs: 60_000 })
  return Object.assign(told, { store, sessions })
}

/** After two more answers a list that was set before is in force everywhere. */
async function inForce(site: Site): Promise<void> {
  for (const from = site.asked.count; site.asked.count < from + 2; ) await sleep(20)
}

describe.each([
  ['memcached', startMemcached],
  ['redis', startRedis],
] as const)('rotation under load on %s', (kind, start) => {
  let server: TestServer
  let sites: readonly Site[]
  beforeAll(async () => {
    server = await start()
    sites = await Promise.all([1, 2, 3, 4].map(() => openSite(kind, server.port)))
  })
  afterAll(async () => {
    await Promise.all((sites ?? []).map(({ store }) => store.close()))
    await server?.stop()
  })

  it('four servers switched one by one from k1 to k2 by their providers lose no session, and accept none of k1 afterwards (B27)', async () => {
    const siteOf = (n: number) => sites[n % sites.length] as Site
    const counts = new Map<Browser, number>()
    for (let n = 0; n < users; n++) counts.set(browser(siteOf(n).sessions), 0)
    const first: string[] = []
    let turn = 0
    const visit = async (user: Browser) => {
      const there = browser(siteOf(turn++).sessions, user.cookie)
      const seen = await there.visit(async (session) => {
        const n = (await session.get('n')) ?? 0
        await session.update('n', (before = 0) => before + 1)
        return n
      })
      // Lost, it would begin again at 0.
      expect(seen).toBe(counts.get(user))
      counts.set(user, seen + 1)
      user.cookie = there.cookie
    }
    for (const user of counts.keys()) {
      await visit(user)
      first.push(user.cookie as string)
    }
    let isOver = false
    const load = Promise.all(
      [...counts.keys()].map(async (user) => {
        while (!isOver) {
          await visit(user)
          await sleep(5 + Math.random() * 10)
        }
      }),
    )
    try {
      for (const list of [[k1, k2], [k2, k1], [k2]])
        for (const site of sites) {
          site.list = list
          await inForce(site)
        }
    } finally {
      isOver = true
    }
    await load
    for (const user of counts.keys()) await visit(user)
    expect(Math.min(...counts.values())).toBeGreaterThan(10)
    const accepted = await Promise.all(
      first.flatMap((cookie) => sites.map(({ sessions }) => browser(sessions, cookie).visit((one) => one.has('n')))),
    )
    expect(accepted).toHaveLength(4 * users)
    expect(accepted.filter(Boolean)).toEqual([])
  })
})
