import type { MemcachedOptions } from '../../adapters/stores/memcached/options.ts'
import type { RedisStoreOptions } from '../../adapters/stores/redis/index.ts'
import type { ReplicatedOptions } from '../../adapters/stores/replicated.ts'
import type { Settings } from '../../src/request/exchange.ts'
import { setupOf } from '../../src/setup.ts'
import type { NodeHealth, Store } from '../../src/store.ts'
import { exitCodeOf, type Finding, when } from '../finding.ts'
import type { Given } from '../given.ts'
import { serversOf } from '../memcached/servers.ts'
import type { World } from '../world.ts'
import { type Cycled, cycle } from './cycles.ts'
import type { Expected, MemcachedFacts } from './facts.ts'
import { loadFindings, roomFindings, roomFor, usualItemBytes } from './load-findings.ts'
import { look } from './look.ts'
import { lookAtRing } from './look-at-ring.ts'
import { checkGiven, deadlineFindings } from './options-findings.ts'
import { reachFindings } from './reach-findings.ts'
import { lookAtRedis, redisFindings } from './redis.ts'
import { ringFindings } from './ring-findings.ts'
import { settingsFindings } from './settings-findings.ts'
import { clockFindings, cycleFindings } from './time-findings.ts'

/** What the operator says of the application. */
export interface DoctorOptions {
  readonly processes?: number | undefined
  readonly sessions?: number | undefined
  readonly cycles?: number | undefined
}

/** Everything that was seen. */
export interface Examined {
  readonly store: string | undefined
  readonly health: readonly NodeHealth[]
  readonly memcached: readonly MemcachedFacts[]
  /** Sessions there is room for, where that can be told. */
  readonly room: number | undefined
  readonly cycled: Cycled | undefined
  readonly findings: readonly Finding[]
}

const usualCycles = 200

/** Looks at the options, at every server, and at both together. */
export async function examine(world: World, given: Given, options: DoctorOptions): Promise<Examined> {
  const isProduction = (world.env as { NODE_ENV?: unknown }).NODE_ENV === 'production'
  const { settings, findings } = checkGiven(given, isProduction)
  const { store } = given
  const expected = expectedOf(settings, options, world)
  if (store === undefined || store.name === 'memory')
    return { store: store?.name, health: [], memcached: [], room: undefined, cycled: undefined, findings }
  const { memcached, found } = await lookAtStore(store, world, expected, settings?.namespace ?? 'session')
  const cycled = await cycle(store, options.cycles ?? usualCycles, itemBytesOf(memcached), world.signal)
  const health = (await store.check?.().catch(() => undefined))?.nodes ?? []
  const callMs = callMsOf(store)
  const known = [...findings, ...found, ...(exitCodeOf(found) < 2 ? otherHealth(health, memcached) : [])]
  return {
    store: store.name,
    health,
    memcached,
    room: memcached.map(roomFor).find((room) => room !== undefined),
    cycled,
    findings: [
      ...known,
      ...(settings ? deadlineFindings(settings, callMs) : []),
      // Where it is known what is broken, trials that fail or take long say no more.
      ...(exitCodeOf(known) < 2 ? cycleFindings(cycled, callMs) : []),
    ],
  }
}

function expectedOf(settings: Settings | undefined, given: DoctorOptions, { now }: World): Expected {
  const idleSeconds = settings?.idleSeconds ?? 1800
  const others = Object.values(settings?.lifetimes ?? {}).map(({ recordSeconds }) => recordSeconds)
  return {
    processes: given.processes ?? 1,
    sessions: given.sessions,
    idleSeconds,
    longestSeconds: Math.max(idleSeconds, ...others),
    maxBytes: settings?.maxBytes ?? 65_536,
    now: now(),
  }
}

interface Looked {
  readonly memcached: readonly MemcachedFacts[]
  readonly found: readonly Finding[]
}

/** By what the store was built from; of one that does not tell, the trials and its own check are all there is. */
async function lookAtStore(store: Store, world: World, expected: Expected, namespace: string): Promise<Looked> {
  const setup = setupOf(store)
  if (setup?.kind === 'memcached') {
    const facts = await lookAtMemcached(setup.options as MemcachedOptions, world, store, namespace)
    return { memcached: facts ? [facts] : [], found: facts ? memcachedFindings(facts, expected) : [unknownServers] }
  }
  if (setup?.kind === 'redis')
    return { memcached: [], found: redisFindings(await lookAtRedis(setup.options as RedisStoreOptions), expected) }
  if (setup?.kind !== 'replicated') return { memcached: [], found: [] }
  const { stores } = setup.options as ReplicatedOptions
  const all = await Promise.all(stores.map((one) => lookAtStore(one, world, expected, namespace)))
  return { memcached: all.flatMap(({ memcached }) => memcached), found: all.flatMap(({ found }) => found) }
}

const unknownServers: Finding = {
  ...({ code: 'servers-unknown', level: 'error' } as const),
  what: 'The servers could not be looked up.',
  why: 'No process can start, and none learns of a change.',
  todo: 'Look at the name and at the name server: getent hosts, dig SRV.',
}

async function lookAtMemcached(options: MemcachedOptions, world: World, store: Store, namespace: string) {
  const servers = await serversOf(options).catch(() => undefined)
  if (servers === undefined) return undefined
  const nodes = await Promise.all(servers.addresses.map((address) => look(address, servers, world)))
  return { servers, nodes, ring: await lookAtRing(servers, nodes, store, namespace) }
}

function memcachedFindings(facts: MemcachedFacts, expected: Expected): readonly Finding[] {
  return [
    ...reachFindings(facts, expected.now),
    ...facts.nodes.flatMap((node) => [...settingsFindings(node, expected), ...loadFindings(node, expected)]),
    ...ringFindings(facts),
    ...roomFindings(facts, expected),
    ...clockFindings(facts, expected),
  ]
}

/** What the store's own check says of nodes that were not looked at here. */
function otherHealth(health: readonly NodeHealth[], memcached: readonly MemcachedFacts[]): readonly Finding[] {
  const seen = new Set(memcached.flatMap(({ nodes }) => nodes.map(({ node }) => node)))
  return health
    .filter(({ node, up }) => !up && !seen.has(node))
    .flatMap(({ node, reason }) =>
      when(true, () => ({
        ...({ code: 'unavailable', level: 'error', node } as const),
        what: `It cannot be used: ${reason ?? 'failed'}.`,
        why: 'Its sessions are answered with 503.',
        todo: 'docs/events.md says what each reason means and what to do.',
      })),
    )
}

const itemBytesOf = (memcached: readonly MemcachedFacts[]) =>
  Math.round(Math.min(memcached[0]?.ring.itemBytes ?? usualItemBytes, 100_000))

/** How long the store waits for one answer; of several the longest. */
function callMsOf(store: Store): number {
  const setup = setupOf(store)
  if (setup?.kind === 'replicated') return Math.max(...(setup.options as ReplicatedOptions).stores.map(callMsOf))
  const byDefault = store.name === 'upstash' ? 400 : 250
  return (setup?.options as { readonly callMs?: number | undefined } | undefined)?.callMs ?? byDefault
}
