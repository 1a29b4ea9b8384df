import { SessionOptionsError } from '../../../src/errors.ts'
import type { TlsVariables } from './tls.ts'

/** A client that was made here, so it is closed here. */
export interface OwnClient {
  /** For `redisStore`. */
  readonly client:
    | { sendCommand(args: string[], options?: object): Promise<unknown> }
    | { call(command: string, ...args: string[]): Promise<unknown>; readonly options: object }
    | ((command: string[]) => Promise<unknown>)
  close(): void
}

interface Connecting {
  readonly url: string
  readonly tls: TlsVariables | undefined
}

interface Emitter {
  on(event: string, listener: (error: Error) => void): unknown
}

interface NodeRedis extends Emitter {
  readonly isReady: boolean
  connect(): Promise<unknown>
  sendCommand(args: string[], options?: object): Promise<unknown>
  destroy?(): void
  disconnect(): Promise<void>
}

interface IoRedis extends Emitter {
  readonly status: string
  readonly options: object
  call(command: string, ...args: string[]): Promise<unknown>
  disconnect(): void
}

interface BunRedis {
  connect(): Promise<unknown>
  send(command: string, args: string[]): Promise<unknown>
  close(): void
}

/** A connection that a firewall has forgotten is left after so long; what else a client needs is in the documentation of `redisStore`. */
const socketTimeout = 60_000
/** From one try to connect to the next. */
const retryMs = 200
/** So long a start waits for the first connection. A server that is away then is an outage, and no reason not to start. */
const patienceMs = 1000

/**
 * A client for this URL, of the first package that is installed: `redis` (4 or later), `ioredis`, and on Bun its own. Settles once it is
 * connected, or has failed to for the first time; it goes on trying. Rejects with `SessionOptionsError` where there is none.
 */
export async function connectRedis(to: Connecting): Promise<OwnClient> {
  const nodeRedis = load('redis')
  if (nodeRedis) return connectNodeRedis(nodeRedis, to)
  const ioRedis = load('ioredis')
  if (ioRedis) return connectIoRedis(ioRedis, to)
  const { Bun } = globalThis as { Bun?: { RedisClient?: new (url: string, options: object) => BunRedis } }
  if (Bun?.RedisClient) return connectBun(Bun.RedisClient, to)
  throw new SessionOptionsError('REDIS_URL needs a client: npm install redis (or ioredis)')
}

/** Of the application: by the folder of this package, then by the one it was started in. Literal imports would be bundled. */
function load(name: string): Record<string, unknown> | undefined {
  const { createRequire } = process.getBuiltinModule('module')
  for (const from of [import.meta.url, `${process.cwd()}/.`]) {
    try {
      return createRequire(from)(name)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // Bundled as CommonJS this module has no address of its own.
      if (code === 'MODULE_NOT_FOUND' || code === 'ERR_INVALID_ARG_VALUE') continue
      throw new SessionOptionsError(`REDIS_URL: the package ${name} does not load`, { cause: error })
    }
  }
  return undefined
}

async function connectNodeRedis(module: Record<string, unknown>, { url, tls }: Connecting): Promise<OwnClient> {
  const socket = { ...tls, socketTimeout, reconnectStrategy: retryMs }
  const create = module.createClient as (options: object) => NodeRedis
  const redis = create({ url, disableOfflineQueue: true, socket })
  if (typeof redis.connect !== 'function')
    throw new SessionOptionsError('REDIS_URL needs the package redis of version 4 or later')
  const explain = explainer(redis, () => redis.isReady)
  await first(redis, () => redis.connect())
  return {
    client: { sendCommand: (args, options) => redis.sendCommand(args, options).catch(explain) },
    close() {
      // Version 4 has no other word; closed by both a client of 5 complains.
      if (redis.destroy) redis.destroy()
      else redis.disconnect().catch(() => {})
    },
  }
}

async function connectIoRedis(module: Record<string, unknown>, { url, tls }: Connecting): Promise<OwnClient> {
  const Client = (module.Redis ?? module.default) as new (url: string, options: object) => IoRedis
  const once = { autoResendUnfulfilledCommands: false, enableOfflineQueue: false }
  const redis = new Client(url, { ...once, socketTimeout, retryStrategy: () => retryMs, ...(tls && { tls }) })
  const explain = explainer(redis, () => redis.status === 'ready')
  await first(redis, async () => {})
  return {
    client: {
      call: (command: string, ...args: string[]) => redis.call(command, ...args).catch(explain),
      options: redis.options,
    },
    close: () => redis.disconnect(),
  }
}

/** Bun's client gives up for good after ten tries to connect, where it may, and at an answer that is none: then another takes its place. */
async function connectBun(
  Client: new (url: string, options: object) => BunRedis,
  { url, tls }: Connecting,
): Promise<OwnClient> {
  const create = () => new Client(url, { enableOfflineQueue: false, maxRetries: 2 ** 31 - 1, ...(tls && { tls }) })
  let redis = create()
  let createdAt = performance.now()
  let isClosed = false
  const replace = (error: unknown): never => {
    const hasFailed = error instanceof Error && error.message === 'Connection has failed'
    if (hasFailed && !isClosed && performance.now() - createdAt > retryMs) {
      redis.close()
      redis = create()
      createdAt = performance.now()
      redis.connect().catch(() => {})
    }
    throw error
  }
  await atMost(redis.connect().catch(() => {}))
  return {
    client: ([command = '', ...args]) => redis.send(command, args).catch(replace),
    close() {
      isClosed = true
      redis.close()
    },
  }
}

/** Once the client is ready, or has failed for the first time. */
function first(redis: Emitter, connect: () => Promise<unknown>): Promise<void> {
  return atMost(
    new Promise((done) => {
      for (const event of ['ready', 'error']) redis.on(event, () => done(undefined))
      // What it rejects with comes as an event, too.
      connect().catch(() => {})
    }),
  )
}

async function atMost(settled: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise((done) => {
    timer = setTimeout(done, patienceMs)
  })
  await Promise.race([settled, late])
  clearTimeout(timer)
}

/** A command that finds no connection fails with why there is none: a wrong password, say. The client would say that it is offline. */
function explainer(redis: Emitter, isReady: () => boolean): (error: unknown) => never {
  let why: Error | undefined
  redis.on('error', (error) => {
    why = error
  })
  return (error) => {
    throw isReady() ? error : (why ?? error)
  }
}
