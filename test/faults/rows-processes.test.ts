import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type App, startApp, startApps } from '../support/lab/apps.ts'
import { figuresOf, show } from '../support/lab/history.ts'
import { say } from '../support/lab/inspect.ts'
import {
  Bench,
  expectCookiesLeftAlone,
  expectInvariants,
  expectNoCrash,
  isLong,
  settleMs,
  untilAllIn,
} from '../support/lab/lab.ts'
import { Load, randomOf } from '../support/lab/load.ts'

async function open(bench: Bench, count: number, processes: number) {
  const nodes = await bench.nodes(count)
  const proxies = await bench.proxies(nodes)
  const servers = proxies.map(({ address }) => address)
  const store = { kind: 'memcached', servers } as const
  const apps = bench.apps(await startApps(processes, store))
  return { nodes, proxies, store, apps }
}

const listOf = async (app: App | undefined, cookie: string | undefined) => {
  const answer = await app?.ask('GET', '/read', cookie)
  return { status: answer?.status, list: JSON.parse(answer?.status === 200 ? answer.text : '{}').list as number[] }
}

/** What was appended: another number each time, since a 503 may be stored. A busy machine answers some of the first with one. */
async function untilTaken(app: App | undefined, cookie: string | undefined, at: number): Promise<number> {
  for (let number = at; ; number += 10_000) {
    const answer = await app?.ask('POST', `/append/${number}`, cookie)
    if (answer?.status === 200) return number
    await sleep(100)
  }
}

test('R7 a node restarted between load and commit, its CAS numbers begin again: nothing is overwritten', async () => {
  await using bench = new Bench()
  const { nodes, apps } = await open(bench, 2, 2)
  const sessions = isLong ? 50 : 25
  const logins = await Promise.all(
    Array.from({ length: sessions }, (_, at) => apps[0]?.ask('POST', `/login/user-${at}`)),
  )
  const cookies = logins.map((login) => login?.cookie)
  // Loads now, commits in a second and a half.
  const late = cookies.map((cookie, at) => apps[0]?.ask('POST', `/slow-append/${1000 + at}/1500`, cookie))
  await sleep(300)
  await nodes[0]?.restart()
  await sleep(300)
  // The other process repairs the node: its numbers begin at 1, as when the sessions were made.
  const early = await Promise.all(cookies.map((cookie, at) => untilTaken(apps[1], cookie, at)))
  const after = await Promise.all(late)
  let applied = 0
  for (let at = 0; at < sessions; at++) {
    const { list } = await listOf(apps[1], cookies[at])
    expect(list).toContain(early[at])
    if (after[at]?.status === 200) expect(list).toContain(1000 + at)
    expect(new Set(list).size).toBe(list.length)
    applied += list.length
  }
  const ok = after.filter((one) => one?.status === 200).length
  show('R7', { sessions, early: early.length, late: ok, applied })
  expect(early.length + ok).toBeGreaterThan(sessions)
})

test('R30 a process killed between the writes of two copies: all later reads agree', async () => {
  await using bench = new Bench()
  const { proxies, store, apps } = await open(bench, 3, 1)
  const random = randomOf(30)
  const counts = { rounds: isLong ? 200 : 6, acknowledged: 0, applied: 0, sessions: 0 }
  for (let round = 0; round < counts.rounds; round++) {
    const victim = await startApp(store)
    bench.defer(() => victim.stop())
    const logins = await Promise.all(Array.from({ length: 10 }, (_, at) => victim.ask('POST', `/login/${round}-${at}`)))
    for (const proxy of proxies) proxy.set({ latencyMs: 10, jitterMs: 5 })
    const appends = logins.map(({ cookie }, at) => victim.ask('POST', `/append/${at}`, cookie))
    // A change takes three round trips of 20 ms and more: somewhere among them.
    await sleep(20 + 130 * random())
    await victim.stop()
    const answers = await Promise.all(appends)
    for (const proxy of proxies) proxy.calm()
    for (const [at, { cookie }] of logins.entries()) {
      const first = await listOf(apps[0], cookie)
      expect(first.status).toBe(200)
      expect(await listOf(apps[0], cookie)).toEqual(first)
      if (answers[at]?.status === 200) expect(first.list).toEqual([at])
      expect([0, 1]).toContain(first.list.length)
      counts.acknowledged += answers[at]?.status === 200 ? 1 : 0
      counts.applied += first.list.length
      counts.sessions++
    }
  }
  show('R30', counts)
})

test('R31 a process that stalls for 2 s does not take its nodes out', async () => {
  await using bench = new Bench()
  const { apps } = await open(bench, 3, 2)
  const load = new Load(apps, { users: 200 })
  await load.prepare()
  load.start()
  await sleep(1000)
  const from = load.now
  apps[0]?.stall(2000)
  await sleep(2400)
  const health = await apps[0]?.health()
  await sleep(500)
  await load.stop()
  await load.readAll()
  const stalled = load.history.filter(
    ({ called, process }) => process === 0 && called > from - 50 && called < from + 2500,
  )
  const figures = figuresOf(stalled)
  show('R31', { ...figures, out: health?.nodes.filter(({ outMs }) => outMs !== undefined).length })
  expectInvariants(load)
  expectCookiesLeftAlone(load)
  await expectNoCrash(apps)
  expect(health?.nodes.map(({ up, outMs }) => ({ up, outMs }))).toEqual(
    Array.from({ length: 3 }, () => ({ up: true, outMs: undefined })),
  )
  expect(figures.unavailable).toBeLessThanOrEqual(5)
})

test('R38 told to stop with 50 requests in flight: all are answered and committed', async () => {
  await using bench = new Bench()
  const { store, apps } = await open(bench, 3, 1)
  const [stopping] = bench.apps([await startApp(store)])
  const logins = await Promise.all(Array.from({ length: 50 }, (_, at) => stopping?.ask('POST', `/login/user-${at}`)))
  const appends = logins.map((login, at) => stopping?.ask('POST', `/slow-append/${at}/500`, login?.cookie))
  await sleep(200)
  const asked = performance.now()
  stopping?.signal('SIGTERM')
  const answers = await Promise.all(appends)
  expect(answers.filter((answer) => answer?.status === 200)).toHaveLength(50)
  expect(await Promise.race([stopping?.exited, sleep(5000, 'still there')])).toBe(0)
  show('R38', { answered: 50, exitMs: performance.now() - asked })
  for (const [at, login] of logins.entries()) expect((await listOf(apps[0], login?.cookie)).list).toEqual([at])
})

test('R40 one fault after the other, at random: no invariant is broken', { timeout: 2_000_000 }, async () => {
  await using bench = new Bench()
  const { nodes, proxies, apps } = await open(bench, 3, 2)
  const seed = Number(process.env.CLAIMCHECK_SEED ?? Date.now() % 1_000_000)
  const random = randomOf(seed)
  const load = new Load(apps, { seed })
  await load.prepare()
  const memory: { readonly minute: number; readonly rssMB: number }[] = []
  load.start()
  const endsAt = load.now + (isLong ? 1_800_000 : 10_000)
  const done: string[] = []
  const pause = () => sleep(500 + random() * (isLong ? 4500 : 1000))
  while (load.now < endsAt) {
    const at = Math.floor(random() * 3)
    const kind = (['kill', 'stop', 'hole', 'cut', 'flush', 'restart'] as const)[Math.floor(random() * 6)]
    done.push(`${kind} ${at}`)
    if (kind === 'kill' || kind === 'restart') await nodes[at]?.stop()
    if (kind === 'stop') nodes[at]?.signal('SIGSTOP')
    if (kind === 'hole') proxies[at]?.set({ mode: 'hole' })
    if (kind === 'cut') proxies[at]?.set({ cutReplyAt: Math.floor(random() * 700) })
    if (kind === 'flush') await say(nodes[at]?.port as number, 'flush_all')
    if (kind !== 'restart' && kind !== 'flush') await pause()
    if (kind === 'kill' || kind === 'restart') await nodes[at]?.restart()
    if (kind === 'stop') nodes[at]?.signal('SIGCONT')
    proxies[at]?.calm()
    // What is promised is one fault at a time: the next comes when every copy is there again.
    await untilAllIn(apps, 10_000)
    // As many each time: the load must not grow with the hours, nor the memory for its sake.
    await load.readAll(500)
    const { rss } = (await apps[0]?.report()) ?? { rss: 0 }
    memory.push({ minute: load.now / 60_000, rssMB: rss / 1_000_000 })
  }
  await load.stop()
  await load.readAll()
  const figures = figuresOf(load.history)
  // The first third warms up: code is compiled, caches fill to their bounds.
  const rssMBPerMinute = slopeOf(memory.slice(memory.length / 3).map(({ minute, rssMB }) => [minute, rssMB]))
  show('R40', { seed, ...figures, rssMBPerMinute, faults: isLong ? done.length : done })
  expectInvariants(load)
  expectCookiesLeftAlone(load)
  await expectNoCrash(apps)
  expect(figures.max).toBeLessThan(settleMs())
  if (isLong) expect(rssMBPerMinute).toBeLessThan(1)
})

/** Least squares. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (at: 0 | 1) => points.reduce((sum, point) => sum + point[at], 0) / points.length
  const [x, y] = [mean(0), mean(1)]
  const rise = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0)
  return rise / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0)
}
