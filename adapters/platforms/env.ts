import { SessionOptionsError } from '../../src/errors.ts'
import { isWorkers } from '../../src/runtime.ts'
import type { Store } from '../../src/store.ts'
import type * as Memcached from '../stores/memcached/index.ts'

/**
 * The store that the environment names: `store: await storeFromEnv(process.env)`.
 *
 * 1. `MEMCACHED_SERVERS` (`host:port`, separated by commas or spaces; or one name to look up: `dns:name:port` by `dnsServers`,
 *    `srv:name` by `srvServers`), with `MEMCACHED_USERNAME` and `MEMCACHED_PASSWORD`.
 * 2. `UPSTASH_REDIS_REST_URL` with `UPSTASH_REDIS_REST_TOKEN`.
 * 3. Memory, with one warning; refused where `NODE_ENV` is `production`, on Workers and on Lambda: every process would have sessions of
 *    its own.
 *
 * `env` is `process.env`, `Deno.env.toObject()` or the like, of which only the texts are looked at.
 * An empty variable counts as not set. Throws `SessionOptionsError` naming the variable that is missing or does not fit.
 * Adapters are loaded on demand: a Worker never loads what needs sockets, and nobody needs the peers of the other stores.
 */
export async function storeFromEnv(env: object): Promise<Store> {
  const servers = textOf(env, 'MEMCACHED_SERVERS')
  if (servers !== undefined) return memcachedFrom(env, servers)
  const [url, token] = both(env, 'UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN')
  if (url !== undefined) {
    const { upstashStore } = await import('../stores/redis/upstash.ts')
    return naming('UPSTASH_REDIS_REST_URL and _TOKEN', () => upstashStore({ url, token }))
  }
  // On Workers and Lambda every instance has a memory of its own, so users would be logged out at random.
  const isServerless = isWorkers() || textOf(env, 'AWS_LAMBDA_FUNCTION_NAME') !== undefined
  if (textOf(env, 'NODE_ENV') === 'production' || isServerless)
    throw new SessionOptionsError('no session store: set MEMCACHED_SERVERS or UPSTASH_REDIS_REST_URL and _TOKEN')
  warnOnce()
  const { memoryStore } = await import('../stores/memory.ts')
  return memoryStore()
}

async function memcachedFrom(env: object, list: string): Promise<Store> {
  // A socket of a Worker belongs to one request and dies with it (Workers documentation, "TCP sockets").
  if (isWorkers())
    throw new SessionOptionsError('MEMCACHED_SERVERS does not work on Workers: set UPSTASH_REDIS_REST_URL and _TOKEN')
  const servers = list.split(/[\s,]+/).filter((server) => server !== '')
  if (servers.length === 0) throw new SessionOptionsError('MEMCACHED_SERVERS names no server')
  const [username, password] = both(env, 'MEMCACHED_USERNAME', 'MEMCACHED_PASSWORD')
  // By a name of package.json, because a Worker without Node's modules would not even start beside the real one.
  const memcached = await import('#memcached')
  return naming('MEMCACHED_SERVERS', () => {
    const found = discovery(memcached, servers) ?? servers
    return memcached.memcachedStore(
      username === undefined ? { servers: found } : { servers: found, username, password },
    )
  })
}

/** What `dns:name:port` and `srv:name` stand for; undefined for a list of servers. */
function discovery({ dnsServers, srvServers }: typeof Memcached, list: readonly string[]) {
  const [, by, name = ''] = list.map((one) => /^(dns|srv):(.*)$/.exec(one)).find((match) => match) ?? []
  if (by === undefined) return undefined
  if (list.length > 1) throw new SessionOptionsError('a name to look up stands alone')
  return by === 'dns' ? dnsServers(name) : srvServers(name)
}

/** An option that came out of a variable is wrong: whoever reads the message has set the variable. */
function naming<Result>(variable: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof SessionOptionsError)) throw error
    throw new SessionOptionsError(`${variable}: ${error.message}`)
  }
}

/** Takes any object, because the `interface Env` of a Worker is not assignable to a Record. */
function textOf(env: object, name: string): string | undefined {
  const value = (env as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

function both(env: object, first: string, second: string): [string, string] | [undefined, undefined] {
  const one = textOf(env, first)
  const two = textOf(env, second)
  if (one !== undefined && two !== undefined) return [one, two]
  if (one === undefined && two === undefined) return [undefined, undefined]
  const [set, missing] = one === undefined ? [second, first] : [first, second]
  throw new SessionOptionsError(`${set} is set but ${missing} is missing`)
}

let warned = false

/** The one place of this library that writes to the console, because there is nobody yet to send an event to. */
function warnOnce(): void {
  if (warned) return
  warned = true
  const text = 'claimcheck keeps sessions in memory: they are lost on restart and not shared between processes'
  const emitWarning = (globalThis as { process?: { emitWarning?: unknown } }).process?.emitWarning
  if (typeof emitWarning === 'function') emitWarning.call(globalThis.process, text, { code: 'CLAIMCHECK_MEMORY' })
  // biome-ignore lint/suspicious/noConsole: runtimes without process warnings have nothing else
  else console.warn(text)
}
