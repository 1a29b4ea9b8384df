import { wholeNumber } from '../../src/checks.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import { isWorkers } from '../../src/runtime.ts'
import type { Store } from '../../src/store.ts'
import type * as Memcached from '../stores/memcached/index.ts'
import type { TlsVariables } from './env/tls.ts'

/**
 * The store that the environment names: `store: await storeFromEnv(process.env)`.
 *
 * 1. `MEMCACHED_SERVERS` (`host:port`, separated by commas or spaces; or one name to look up: `dns:name:port` by `dnsServers`,
 *    `srv:name` by `srvServers`), with `MEMCACHED_USERNAME` and `MEMCACHED_PASSWORD`, `MEMCACHED_TLS`, `_CA`, `_CERT` and `_KEY`,
 *    `_SERVERNAME`, and `MEMCACHED_REPLICAS`.
 * 2. `UPSTASH_REDIS_REST_URL` with `UPSTASH_REDIS_REST_TOKEN`, or `KV_REST_API_URL` with `KV_REST_API_TOKEN`.
 * 3. `REDIS_URL` (`redis://` or `rediss://`), with `REDIS_CA`, `_CERT` and `_KEY`, `_SERVERNAME`: by the package `redis`, else `ioredis`,
 *    else Bun's own client. The client is connected here, and closed by `close()` of the store.
 * 4. Memory, with one warning; refused where `NODE_ENV` is `production`, on Workers and on Lambda: every process would have sessions of
 *    its own.
 *
 * `env` is `process.env`, `Deno.env.toObject()` or the like, of which only the texts are looked at.
 * An empty variable counts as not set. Throws `SessionOptionsError` naming the variable that is missing, does not fit, or contradicts
 * another. Adapters are loaded on demand: a Worker never loads what needs sockets, and nobody needs the peers of the other stores.
 */
export async function storeFromEnv(env: object): Promise<Store> {
  const servers = textOf(env, 'MEMCACHED_SERVERS')
  if (servers !== undefined) return memcachedFrom(env, servers)
  refuseAlone(env, ofMemcached, 'MEMCACHED_SERVERS')
  const rest = restFrom(env)
  if (rest) {
    const { upstashStore } = await import('../stores/redis/upstash.ts')
    return naming(rest.variables, () => upstashStore({ url: rest.url, token: rest.token }))
  }
  const redis = textOf(env, 'REDIS_URL')
  if (redis !== undefined) return redisFrom(env, redis)
  refuseAlone(env, tlsNames('REDIS'), 'REDIS_URL')
  // On Workers and Lambda every instance has a memory of its own, so users would be logged out at random.
  const isServerless = isWorkers() || textOf(env, 'AWS_LAMBDA_FUNCTION_NAME') !== undefined
  if (textOf(env, 'NODE_ENV') === 'production' || isServerless)
    throw new SessionOptionsError(
      'no session store: set MEMCACHED_SERVERS or UPSTASH_REDIS_REST_URL and _TOKEN, or REDIS_URL',
    )
  warnOnce()
  const { memoryStore } = await import('../stores/memory.ts')
  return memoryStore()
}

/** `<prefix>_CA` and the like. */
const tlsNames = (prefix: string) => ['CA', 'CERT', 'KEY', 'SERVERNAME'].map((detail) => `${prefix}_${detail}`)

const ofMemcached = [
  ...['MEMCACHED_USERNAME', 'MEMCACHED_PASSWORD', 'MEMCACHED_TLS', 'MEMCACHED_REPLICAS'],
  ...tlsNames('MEMCACHED'),
]

async function memcachedFrom(env: object, list: string): Promise<Store> {
  refuseOnWorkers('MEMCACHED_SERVERS')
  const servers = list.split(/[\s,]+/).filter((server) => server !== '')
  if (servers.length === 0) throw new SessionOptionsError('MEMCACHED_SERVERS names no server')
  const [username, password] = both(env, 'MEMCACHED_USERNAME', 'MEMCACHED_PASSWORD')
  const tls = await memcachedTls(env)
  const replicas = replicasFrom(env)
  // By a name of package.json, because a Worker without Node's modules would not even start beside the real one.
  const memcached = await import('#memcached')
  const build = () =>
    memcached.memcachedStore({
      servers: discovery(memcached, servers) ?? servers,
      ...(username !== undefined && { username, password }),
      ...(tls && { tls }),
      ...(replicas !== undefined && { replicas }),
    })
  return naming('MEMCACHED_SERVERS', build, 'MEMCACHED')
}

async function memcachedTls(env: object): Promise<true | TlsVariables | undefined> {
  const wanted = textOf(env, 'MEMCACHED_TLS')
  if (wanted !== undefined && !/^(?:true|false|1|0)$/.test(wanted))
    throw new SessionOptionsError('MEMCACHED_TLS must be true or false')
  const isOff = wanted === 'false' || wanted === '0'
  if (isOff) refuseBeside(env, 'MEMCACHED', 'MEMCACHED_TLS says that there is no TLS')
  return (await tlsFrom(env, 'MEMCACHED')) ?? (wanted === undefined || isOff ? undefined : true)
}

/** What the variables of this prefix say; undefined where none is set. */
async function tlsFrom(env: object, prefix: string): Promise<TlsVariables | undefined> {
  const [cert, key] = both(env, `${prefix}_CERT`, `${prefix}_KEY`)
  const texts = { ca: textOf(env, `${prefix}_CA`), cert, key, servername: textOf(env, `${prefix}_SERVERNAME`) }
  if (Object.values(texts).every((text) => text === undefined)) return undefined
  const { readTls } = await import('./env/tls.ts')
  return readTls(prefix, texts)
}

function refuseBeside(env: object, prefix: string, why: string): void {
  const set = tlsNames(prefix).find((name) => textOf(env, name) !== undefined)
  if (set !== undefined) throw new SessionOptionsError(`${set} is set, but ${why}`)
}

function replicasFrom(env: object): number | undefined {
  const text = textOf(env, 'MEMCACHED_REPLICAS')
  if (text === undefined) return undefined
  return wholeNumber('MEMCACHED_REPLICAS', /^\d$/.test(text) ? Number(text) : Number.NaN, 1, 1, 8)
}

/** A database over HTTP, by the names of Upstash or those of Vercel. */
function restFrom(env: object) {
  const [url, token] = both(env, 'UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN')
  const [kvUrl, kvToken] = both(env, 'KV_REST_API_URL', 'KV_REST_API_TOKEN')
  if (url !== undefined && kvUrl !== undefined && url !== kvUrl)
    throw new SessionOptionsError('UPSTASH_REDIS_REST_URL and KV_REST_API_URL name two databases: set one of them')
  if (url !== undefined) return { url, token, variables: 'UPSTASH_REDIS_REST_URL and _TOKEN' }
  return kvUrl === undefined ? undefined : { url: kvUrl, token: kvToken, variables: 'KV_REST_API_URL and _TOKEN' }
}

async function redisFrom(env: object, given: string): Promise<Store> {
  refuseOnWorkers('REDIS_URL')
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '')
    throw new SessionOptionsError('REDIS_URL must be redis://host:port or rediss://host:port')
  if (url.protocol === 'redis:') refuseBeside(env, 'REDIS', 'REDIS_URL begins with redis://: write rediss:// for TLS')
  const tls = await tlsFrom(env, 'REDIS')
  // Each client reads a query in its own way.
  url.search = ''
  const { connectRedis } = await import('./env/redis-client.ts')
  const { redisStore } = await import('../stores/redis/index.ts')
  const { client, close } = await connectRedis({ url: url.href, tls })
  let closed = false
  return {
    ...redisStore({ client }),
    async close() {
      if (!closed) close()
      closed = true
    },
  }
}

/** A socket of a Worker belongs to one request and dies with it (Workers documentation, "TCP sockets"). */
function refuseOnWorkers(variable: string): void {
  if (isWorkers())
    throw new SessionOptionsError(`${variable} does not work on Workers: set UPSTASH_REDIS_REST_URL and _TOKEN`)
}

/** What `dns:name:port` and `srv:name` stand for; undefined for a list of servers. */
function discovery({ dnsServers, srvServers }: typeof Memcached, list: readonly string[]) {
  const [, by, name = ''] = list.map((one) => /^(dns|srv):(.*)$/.exec(one)).find((match) => match) ?? []
  if (by === undefined) return undefined
  if (list.length > 1) throw new SessionOptionsError('a name to look up stands alone')
  return by === 'dns' ? dnsServers(name) : srvServers(name)
}

/** What an option is called that has a variable of its own. */
const options = /(?:options? )?\b(?:tls\.(ca|cert|key|servername)|(replicas))\b/g

/** An option that came out of a variable is wrong: whoever reads the message has set the variable. */
function naming<Result>(variable: string, work: () => Result, prefix?: string): Result {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof SessionOptionsError)) throw error
    const { message, cause } = error
    const text = prefix ? message.replace(options, (_, tls, own) => `${prefix}_${(tls ?? own).toUpperCase()}`) : message
    throw new SessionOptionsError(text === message ? `${variable}: ${message}` : text, { cause })
  }
}

/** The text of a variable; undefined where it is not set, or empty. Takes any object: `interface Env` of a Worker is no Record. */
function textOf(env: object, name: string): string | undefined {
  const value = (env as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Two variables that need each other, or neither; throws `SessionOptionsError` naming the one that is missing. */
function both(env: object, first: string, second: string): [string, string] | [undefined, undefined] {
  const one = textOf(env, first)
  const two = textOf(env, second)
  if (one !== undefined && two !== undefined) return [one, two]
  if (one === undefined && two === undefined) return [undefined, undefined]
  const [set, missing] = one === undefined ? [second, first] : [first, second]
  throw new SessionOptionsError(`${set} is set but ${missing} is missing`)
}

/** Throws for the first of the variables that is set, because the one it belongs to is not. */
function refuseAlone(env: object, names: readonly string[], missing: string): void {
  const set = names.find((name) => textOf(env, name) !== undefined)
  if (set !== undefined) throw new SessionOptionsError(`${set} is set but ${missing} is missing`)
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
