import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { parseServers } from '../../adapters/stores/memcached/address.ts'
import { createRing } from '../../adapters/stores/memcached/servers/ring.ts'
import { type App, startApps } from '../support/lab/apps.ts'
import { figuresOf, show } from '../support/lab/history.ts'
import { keysOn } from '../support/lab/inspect.ts'
import { Bench, expectCookiesLeftAlone, expectInvariants, expectNoCrash, isLong, settleMs } from '../support/lab/lab.ts'
import { Load } from '../support/lab/load.ts'

/** One process learns of a change so much later than the other. */
const apartMs = isLong ? 10_000 : 2000
const lookupMs = 200

async function open(bench: Bench, count: number, atFirst: number) {
  const nodes = await bench.nodes(count)
  const addresses = nodes.map(({ address }) => address)
  const servers = addresses.slice(0, atFirst)
  const apps = bench.apps(await startApps(2, { kind: 'provided', servers }, { lookupMs }))
  const load = new Load(apps)
  await load.prepare()
  return { nodes, addresses, apps, load }
}

/** First one process, then the other, with users logging out and in all the time. */
async function change(apps: readonly App[], servers: readonly string[]): Promise<void> {
  apps[0]?.provide(servers)
  await sleep(apartMs)
  apps[1]?.provide(servers)
  await sleep(lookupMs + 800)
}

async function judge(row: string, apps: readonly App[], load: Load): Promise<void> {
  const figures = figuresOf(load.history)
  show(row, figures)
  expectInvariants(load)
  expectCookiesLeftAlone(load)
  await expectNoCrash(apps)
  expect(figures.max).toBeLessThan(settleMs())
  expect(figures).toMatchObject({ unanswered: 0, failures: 0 })
  expect(figures.unavailableShare).toBeLessThanOrEqual(0.01)
}

describe('R28 the ring changes under load and two processes learn of it at different times', () => {
  test('3 -> 4 -> 3: nothing is lost, nothing comes back', async () => {
    await using bench = new Bench()
    const { nodes, addresses, apps, load } = await open(bench, 4, 3)
    load.start()
    await change(apps, addresses)
    await load.logOut(50)
    expect((await keysOn(nodes[3]?.port as number)).length).toBeGreaterThan(0)
    await change(apps, addresses.slice(0, 3))
    await load.logOut(50)
    await load.readAll()
    if (isLong) await change(apps, addresses)
    await load.stop()
    await load.readAll()
    await judge('R28 3-4-3', apps, load)
  })

  test('3 -> 4 -> 3, and the node that left is switched off: nothing is lost', async () => {
    await using bench = new Bench()
    const { nodes, addresses, apps, load } = await open(bench, 4, 3)
    load.start()
    await change(apps, addresses)
    await change(apps, addresses.slice(0, 3))
    await load.readAll()
    await nodes[3]?.stop()
    await sleep(isLong ? 10_000 : 1500)
    await load.stop()
    await load.readAll()
    await judge('R28 3-4-3, off', apps, load)
  })

  test('3 -> 5: nothing is lost, nothing comes back', async () => {
    await using bench = new Bench()
    const { addresses, apps, load } = await open(bench, 5, 3)
    load.start()
    await change(apps, addresses)
    await load.logOut(50)
    await sleep(1000)
    await load.stop()
    await load.readAll()
    await judge('R28 3-5', apps, load)
  })

  test.each([
    [3, 4],
    [4, 3],
    [3, 5],
  ])('from %i to %i servers few keys move', (before, after) => {
    const homes = (count: number) => {
      const servers = Array.from({ length: count }, (_, at) => `10.0.0.${at + 1}:11211`)
      const ring = createRing(parseServers(servers), 'ketama_weighted')
      return Array.from({ length: 20_000 }, (_, key) => ring.ownersOf(`session:${key}`, 1)[0])
    }
    const [old, now] = [homes(before), homes(after)]
    const moved = old.filter((home, key) => home !== now[key]).length / old.length
    const most = Math.abs(after - before) / Math.max(after, before)
    show(`R28 moved ${before}-${after}`, { moved, most: most + 0.05 })
    expect(moved).toBeLessThanOrEqual(most + 0.05)
  })
})
