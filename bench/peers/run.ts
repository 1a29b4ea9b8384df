/**
 * Session layers side by side, over HTTP, each in a process of its own, asked by wrk from another.
 *
 * `npm run bench:peers -- [--rounds 7] [--seconds 2] [--warm 6] [--only name,name] [--scenarios name,name] [--charts docs/bench]`. Needs wrk.
 *
 * Contenders take turns, A B C and then C B A; what is printed are medians of the rounds, and medians of the ratios within
 * a round, so that a busy machine hits both sides. Times differ from machine to machine: read the ratios, and the CPU first.
 */
import { parseArgs } from 'node:util'
import { draw } from './chart.ts'
import { assertWrk, measure, type Sample, type Scenario, seed } from './load.ts'
import { type Running, startContender, startStores } from './process.ts'
import { promisesOf } from './promises.ts'
import { printHead, printPromises, printTable, type Result } from './report.ts'

const contenders = [
  ...['hono-bare', 'hono-bare:empty', 'hand-written', 'hand-written:sealed'],
  ...[
    'claimcheck:memory',
    'claimcheck:memcached',
    'claimcheck:binary',
    'claimcheck:copies',
    'claimcheck:redis',
    'claimcheck:ioredis',
  ],
  ...[
    'express-session:memcached',
    'express-session:redis',
    'fastify-session',
    'hono-session:jwe',
    'hono-session:memjs',
  ],
  ...['hono-sessions', 'iron-session'],
]

const usual = { connections: 32, sessions: 64, bytes: 1024 }
const scenarios: readonly Scenario[] = [
  { ...usual, name: 'untouched', path: '/untouched' },
  { ...usual, name: 'read', path: '/read' },
  { ...usual, name: 'change', path: '/change' },
  { ...usual, name: 'login', path: '/login', sessions: 1, isAnonymous: true },
  { ...usual, name: 'logout', path: '/logout' },
  { ...usual, name: 'forged', path: '/read', isForged: true },
  { ...usual, name: 'read, 16 KB', path: '/read', bytes: 16_384 },
  { ...usual, name: 'change, 16 KB', path: '/change', bytes: 16_384 },
  { ...usual, name: 'read, 1 connection', path: '/read', connections: 1 },
  { ...usual, name: 'read, 256 connections', path: '/read', connections: 256 },
  { ...usual, name: 'read, 100000 sessions', path: '/read', sessions: 100_000 },
]

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    warm: { type: 'string', default: '6' },
    only: { type: 'string' },
    scenarios: { type: 'string' },
    charts: { type: 'string' },
    promises: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const seconds = Number(values.seconds)
const names = values.only?.split(',') ?? contenders
const chosen = scenarios.filter(({ name }) => !values.scenarios || values.scenarios.split(';').includes(name))

assertWrk()
const stores = await startStores()
try {
  printHead(rounds, seconds)
  const results: Result[] = []
  for (const scenario of chosen) {
    const result = { scenario, samples: await compare(scenario) }
    results.push(result)
    printTable(result)
  }
  if (values.promises || !values.only) await keeps()
  if (values.charts) draw(results, values.charts)
} finally {
  await stores.close()
}

interface Entrant {
  readonly running: Running
  /** The file that wrk reads. */
  readonly cookies: string
  readonly samples: Sample[]
}

/**
 * The samples of each contender, by round. Fresh processes for every scenario, so that none pays for what another left; and warm ones:
 * in its first seconds the engine compiles, and whoever has more code pays more for that.
 */
async function compare(scenario: Scenario): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const entrants: Entrant[] = []
  for (const name of names) {
    const running = await startContender(name, stores)
    entrants.push({ running, cookies: await seed(running, scenario), samples: [] })
  }
  try {
    for (const { running, cookies } of entrants) await measure(running, stores, scenario, cookies, Number(values.warm))
    for (let round = 0; round < rounds; round++) {
      for (const { running, cookies, samples } of entrants)
        samples.push(await measure(running, stores, scenario, cookies, seconds))
      entrants.reverse()
    }
    return new Map(names.map((name) => [name, entrants.find(({ running }) => running.name === name)?.samples ?? []]))
  } finally {
    for (const { running } of entrants) await running.close()
  }
}

async function keeps(): Promise<void> {
  const kept = new Map()
  for (const name of names.filter((name) => !name.startsWith('hono-bare'))) {
    const running = await startContender(name, stores)
    kept.set(name, await promisesOf(running).finally(() => running.close()))
  }
  printPromises(kept)
}
