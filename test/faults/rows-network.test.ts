import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { startApps } from '../support/lab/apps.ts'
import { promised } from '../support/lab/busy.ts'
import { type ChaosProxy, roundTripsIn } from '../support/lab/chaos-proxy.ts'
import { check } from '../support/lab/checker.ts'
import { figuresOf, show } from '../support/lab/history.ts'
import { Bench, expectCookiesLeftAlone, expectInvariants, expectNoCrash, isLong, settleMs } from '../support/lab/lab.ts'
import { Load } from '../support/lab/load.ts'
import { Network, needsIsolation } from '../support/lab/network.ts'

async function behindProxies(bench: Bench, processes: number, replicas = 2, isPatient = false) {
  const nodes = await bench.nodes(3)
  const proxies = await bench.proxies(nodes)
  const servers = proxies.map(({ address }) => address)
  const times = isPatient ? { connectMs: 30_000, callMs: 30_000 } : {}
  const store = { kind: 'memcached', servers, options: { replicas, ...times } } as const
  const apps = bench.apps(await startApps(processes, store, isPatient ? { app: { requestMs: 60_000 } } : {}))
  return { nodes, proxies, apps }
}

const setAll = (proxies: readonly ChaosProxy[], chaos: Parameters<ChaosProxy['set']>[0]) => {
  for (const proxy of proxies) proxy.set(chaos)
}

test.each(isLong ? [1, 3, 7] : [1])('R14 segments of %i bytes: the same results', async (sliceBytes) => {
  await using bench = new Bench()
  // Each byte is a segment of its own, which takes the machine long; what counts is what comes out.
  const { proxies, apps } = await behindProxies(bench, 2, 2, true)
  setAll(proxies, { sliceBytes })
  const load = new Load(apps, { users: 20, perSecond: 20 })
  await load.prepare()
  await load.runFor(isLong ? 10_000 : 1500)
  await load.readAll()
  const figures = figuresOf(load.history)
  show(`R14 ${sliceBytes}`, figures)
  expectInvariants(load)
  expectCookiesLeftAlone(load)
  expect(figures).toMatchObject({ unavailable: 0, unanswered: 0, failures: 0 })
})

test('R15 a slow link: the deadline holds, and it works again when the link does', async () => {
  await using bench = new Bench()
  const { proxies, apps } = await behindProxies(bench, 1)
  const load = new Load(apps, { users: 60, perSecond: 20, turnovers: 0 })
  await load.prepare()
  const [app] = apps
  for (const cookie of load.cookies.slice(0, 20))
    expect((await app?.ask('POST', '/pad/61440', cookie))?.status).toBe(200)
  setAll(proxies, { bytesPerSecond: 125_000 })
  await load.runFor(isLong ? 20_000 : 2500)
  const slow = figuresOf(load.history)
  for (const proxy of proxies) proxy.calm()
  await sleep(1500)
  const from = load.now
  await load.readAll()
  const after = figuresOf(load.history.filter(({ called }) => called >= from))
  show('R15', { ...slow, after503: after.unavailable })
  expectInvariants(load)
  expectCookiesLeftAlone(load)
  expect(slow.max).toBeLessThan(settleMs())
  expect(after.unavailable).toBe(0)
})

describe('R16 round trips through 50 ms each way', () => {
  test.each([1, 2, 3])(
    '%i copies: a read is 1, a first write 1, a change 2 and one per further copy',
    async (replicas) => {
      await using bench = new Bench()
      const { proxies, apps } = await behindProxies(bench, 1, replicas)
      const [app] = apps
      const warm = new Load(apps, { users: 20 })
      await warm.prepare()
      setAll(proxies, { latencyMs: 50 })
      const times: Record<string, number[]> = {}
      const count = async (name: string, method: 'GET' | 'POST', path: string, cookie?: string) => {
        for (const proxy of proxies) proxy.log.length = 0
        const answer = await app?.ask(method, path, cookie)
        expect(answer?.status).toBe(200)
        times[name] = [...(times[name] ?? []), answer?.ms ?? 0]
        return { trips: roundTripsIn(proxies.map(({ log }) => log)), cookie: answer?.cookie }
      }
      for (let at = 0; at < 3; at++) {
        const login = await count('create', 'POST', `/login/me-${at}`)
        expect(login.trips).toBe(1)
        expect((await count('read', 'GET', '/read', login.cookie)).trips).toBe(1)
        expect((await count('change', 'POST', `/append/${at}`, login.cookie)).trips).toBe(1 + replicas)
        expect((await count('destroy', 'POST', '/logout', login.cookie)).trips).toBe(1)
      }
      const p50 = Object.entries(times).map(([name, ms]) => [`${name}P50`, ms.sort((a, b) => a - b)[1]])
      show(`R16 ${replicas} copies`, Object.fromEntries(p50))
    },
  )
})

/** Two or three nodes and two app processes, each under a group of its own, in a network of their own. */
async function isolated(bench: Bench, count: number, users = 200) {
  const network = new Network(bench)
  const nodes = await network.nodes(count)
  const spec = { kind: 'memcached', servers: nodes.map(({ address }) => address) } as const
  const { prefix } = network
  const first = await startApps(1, spec, { prefix: [...prefix, 'setpriv', '--regid=60001', '--clear-groups'] })
  const second = await startApps(1, spec, { prefix: [...prefix, 'setpriv', '--regid=60002', '--clear-groups'] })
  const apps = bench.apps([...first, ...second])
  const load = new Load(apps, { users })
  await load.prepare()
  return { network, nodes, apps, load }
}

const gid = (group: number, port: number) => ['-m', 'owner', '--gid-owner', `${group}`, '--dport', `${port}`]

describe.skipIf(needsIsolation())('faults by firewall', () => {
  test('R8 each process sees another node: nobody gets foreign data; healed, all agree and what was ended stays so', async () => {
    await using bench = new Bench()
    const { network, apps, load } = await isolated(bench, 2)
    load.start()
    await sleep(500)
    const heal = [network.rule(...gid(60001, 11212), '-j', 'DROP'), network.rule(...gid(60002, 11211), '-j', 'DROP')]
    await sleep(isLong ? 10_000 : 3000)
    await load.stop()
    for (const end of heal) end()
    // Breakers ask again each second where something is to be handed over.
    await sleep(3000)
    await load.readAll()
    const healedAt = load.now
    await load.readAll()
    show('R8', figuresOf(load.history))
    const after = check(load.history).filter(({ invariant, seen, against }) => {
      // While cut off, and between what was seen then and later, only this is promised.
      if (invariant === 'I4') return true
      return seen.called > healedAt && (invariant === 'I3' || (against?.called ?? 0) > healedAt - 1)
    })
    expect(after.map(({ invariant, user }) => `${invariant} ${user}`)).toEqual([])
    const last = load.history.filter(({ kind, called, owner }) => kind === 'read' && called > healedAt && owner)
    const seen = Map.groupBy(last, ({ owner }) => owner)
    for (const reads of seen.values()) expect(new Set(reads.map(({ list }) => JSON.stringify(list))).size).toBe(1)
    expectCookiesLeftAlone(load)
    await expectNoCrash(apps)
  })

  test('R9 answers of one node are lost: nothing is written twice', async () => {
    await using bench = new Bench()
    const { network, apps, load } = await isolated(bench, 3)
    load.start()
    await sleep(500)
    const heal = network.rule('--sport', '11211', '-j', 'DROP')
    await sleep(isLong ? 5000 : 2500)
    heal()
    await sleep(1500)
    await load.stop()
    await load.readAll()
    const figures = figuresOf(load.history)
    show('R9 one way', figures)
    expectInvariants(load)
    expectCookiesLeftAlone(load)
    await expectNoCrash(apps)
    expect(figures.max).toBeLessThan(settleMs())
  })

  test.each([
    ['R10 connections refused', ['-j', 'REJECT', '--reject-with', 'tcp-reset']],
    ['R11 a black hole', ['-j', 'DROP']],
  ] as const)('%s: a short while, then as before', async (row, action) => {
    await using bench = new Bench()
    const { network, apps, load } = await isolated(bench, 3)
    load.start()
    await sleep(1000)
    const calm = figuresOf(load.history.filter(({ called }) => called > load.now - 800))
    const faultAt = load.now
    const heal = network.rule('--dport', '11212', ...action)
    await sleep(isLong ? 20_000 : 3500)
    await load.stop()
    heal()
    await sleep(1500)
    await load.readAll()
    const all = figuresOf(load.history, faultAt)
    const work = load.history.filter(({ kind }) => kind === 'read' || kind === 'append')
    const later = figuresOf(work.filter(({ called }) => called > faultAt + 1500 && called < faultAt + 3400))
    show(row, { ...all, calmP99: calm.p99, laterP99: later.p99, laterMax: later.max })
    expectInvariants(load)
    expectCookiesLeftAlone(load)
    await expectNoCrash(apps)
    expect(all.max).toBeLessThan(settleMs())
    expect(all.unavailableUntilMs).toBeLessThan(promised(2000))
    expect(later.unavailable).toBe(0)
    expect(later.p99).toBeLessThan(calm.p99 + promised(40))
  })

  test('R17 5 % of packets are lost: at most 2 % of requests fail', async () => {
    await using bench = new Bench()
    const { network, apps, load } = await isolated(bench, 3)
    network.rule('-m', 'statistic', '--mode', 'random', '--probability', '0.05', '-j', 'DROP')
    await load.runFor(isLong ? 60_000 : 5000)
    const figures = figuresOf(load.history)
    show('R17', figures)
    expectInvariants(load)
    expectCookiesLeftAlone(load)
    await expectNoCrash(apps)
    expect(figures.max).toBeLessThan(settleMs())
    expect(figures.unavailableShare).toBeLessThanOrEqual(0.02)
  })

  test.each([
    ['one node', '11212', 0],
    ['all nodes', '1121[1-3]', Number.POSITIVE_INFINITY],
  ] as const)(
    'R32 idle connections to %s are forgotten: answered in time, and soon as before',
    async (row, port, most) => {
      await using bench = new Bench()
      const { network, apps, load } = await isolated(bench, 3)
      await sleep(isLong ? 60_000 : 1000)
      const sockets = network.run('ss', '-Htno', 'state', 'established', '( dport >= :11211 and dport <= :11213 )')
      // A firewall does not forget what is kept alive: this is for those that do.
      expect(sockets.match(/timer:\(keepalive/g)).toHaveLength(6)
      const own = [...sockets.matchAll(new RegExp(`127\\.0\\.0\\.1:(\\d+)\\s+127\\.0\\.0\\.1:${port}\\b`, 'g'))]
      expect(own.length).toBeGreaterThan(0)
      for (const [, local] of own) network.rule('--sport', `${local}`, '-j', 'DROP')
      const from = load.now
      await load.readAll()
      const first = figuresOf(load.history.filter(({ called }) => called >= from))
      await sleep(2000)
      const again = load.now
      await load.readAll()
      const second = figuresOf(load.history.filter(({ called }) => called >= again))
      show(`R32 ${row}`, { first503: first.unavailable, firstMax: first.max, secondMax: second.max })
      expectInvariants(load)
      expectCookiesLeftAlone(load)
      await expectNoCrash(apps)
      expect(first.max).toBeLessThan(settleMs())
      expect(first.unavailable).toBeLessThanOrEqual(most)
      expect(second.unavailable).toBe(0)
    },
  )
})
