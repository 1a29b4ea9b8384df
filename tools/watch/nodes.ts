import { textDriver } from '../../adapters/stores/memcached/client/text/driver.ts'
import type { MemcachedOptions } from '../../adapters/stores/memcached/options.ts'
import { senderOf } from '../../adapters/stores/redis/clients.ts'
import type { RedisStoreOptions } from '../../adapters/stores/redis/index.ts'
import type { ReplicatedOptions } from '../../adapters/stores/replicated.ts'
import { setupOf } from '../../src/setup.ts'
import type { Store } from '../../src/store.ts'
import { serversOf } from '../memcached/servers.ts'

/** What a server says of itself at one moment; counters since it started. */
export interface NodeFigures {
  readonly node: string
  readonly up: boolean
  /** How long its answer took. */
  readonly answerMs: number | undefined
  readonly hits: number | undefined
  readonly misses: number | undefined
  readonly evictions: number | undefined
  readonly items: number | undefined
  readonly memory: { readonly used: number; readonly most: number } | undefined
  readonly connections: number | undefined
}

/** Asks one server, or one store of which no servers are known. */
export interface NodeSource {
  ask(): Promise<readonly NodeFigures[]>
  close(): void
}

/** Who is to be asked about a store: each server by itself, where they are known. */
export async function sourcesOf(store: Store): Promise<readonly NodeSource[]> {
  const setup = setupOf(store)
  if (setup?.kind === 'replicated') {
    const { stores } = setup.options as ReplicatedOptions
    return (await Promise.all(stores.map(sourcesOf))).flat()
  }
  const memcached = setup?.kind === 'memcached' ? (setup.options as MemcachedOptions) : undefined
  if (memcached && memcached.protocol !== 'binary') return memcachedSources(memcached)
  if (setup?.kind === 'redis') return [redisSource(setup.options as RedisStoreOptions)]
  return [checkSource(store)]
}

const unknown = {
  ...{ answerMs: undefined, hits: undefined, misses: undefined, evictions: undefined },
  ...{ items: undefined, memory: undefined, connections: undefined },
} as const

async function memcachedSources(options: MemcachedOptions): Promise<readonly NodeSource[]> {
  const { addresses, settings } = await serversOf(options)
  return addresses.map((address) => {
    const driver = textDriver(address, settings.driver)
    const ask = async () => {
      await driver.version()
      const { result: told, ms } = await timed(() => driver.stats?.() ?? Promise.resolve(new Map<string, string>()))
      return [{ node: address.node, answerMs: ms, ...ofMemcached(told) }]
    }
    return {
      ask: () => ask().catch(() => [{ ...unknown, node: address.node, up: false }]),
      close: () => driver.close(),
    }
  })
}

type Told = ReadonlyMap<string, string>
const number = (told: Told, name: string) => (told.has(name) ? Number(told.get(name)) : undefined)

function sumOf(told: Told, one: string, other: string): number | undefined {
  return told.has(one) ? Number(told.get(one)) + Number(told.get(other) ?? 0) : undefined
}

function ofMemcached(told: Told) {
  const most = number(told, 'limit_maxbytes')
  return {
    up: true,
    // A read that slides the expiry is counted among the touches (measured on 1.6.18).
    hits: sumOf(told, 'get_hits', 'touch_hits'),
    misses: sumOf(told, 'get_misses', 'touch_misses'),
    evictions: number(told, 'evictions'),
    items: number(told, 'curr_items'),
    memory: most === undefined ? undefined : { used: number(told, 'bytes') ?? 0, most },
    connections: number(told, 'curr_connections'),
  }
}

const patienceMs = 2000

function redisSource({ client }: RedisStoreOptions): NodeSource {
  const send = senderOf(client)
  const ask = async (): Promise<readonly NodeFigures[]> => {
    const late = new Promise<never>((_, reject) => setTimeout(reject, patienceMs).unref())
    const { result, ms } = await timed(() => Promise.race([send(['INFO'], AbortSignal.timeout(patienceMs)), late]))
    const lines = `${result}`.matchAll(/^(\w+):(.*?)\r?$/gm)
    const told = new Map([...lines].map(([, name = '', value = '']) => [name, value]))
    return [{ node: 'redis', answerMs: ms, ...ofRedis(told) }]
  }
  return { ask: () => ask().catch(() => [{ ...unknown, node: 'redis', up: false }]), close: () => {} }
}

function ofRedis(told: Told) {
  const [most, keys] = [number(told, 'maxmemory') ?? 0, /keys=(\d+)/.exec(told.get('db0') ?? '')?.[1]]
  return {
    up: true,
    hits: number(told, 'keyspace_hits'),
    misses: number(told, 'keyspace_misses'),
    evictions: number(told, 'evicted_keys'),
    items: keys === undefined ? 0 : Number(keys),
    memory: most > 0 ? { used: number(told, 'used_memory') ?? 0, most } : undefined,
    connections: number(told, 'connected_clients'),
  }
}

/** Others by their own check, which tells less. */
function checkSource(store: Store): NodeSource {
  const ask = async (): Promise<readonly NodeFigures[]> => {
    const health = await store.check?.()
    return (health?.nodes ?? []).map(({ node, up, latencyMs, items, evictions }) => ({
      ...unknown,
      ...{ node, up, items, evictions, answerMs: latencyMs },
    }))
  }
  return { ask: () => ask().catch(() => [{ ...unknown, node: store.name, up: false }]), close: () => {} }
}

async function timed<Result>(work: () => Promise<Result>): Promise<{ readonly result: Result; readonly ms: number }> {
  const started = performance.now()
  const result = await work()
  return { result, ms: performance.now() - started }
}
