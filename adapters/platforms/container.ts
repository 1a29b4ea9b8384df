import process from 'node:process'
import { need, refuseUnknown, wholeNumber } from '../../src/checks.ts'
import { SessionOptionsError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { type ContainerConfig, containerFromEnv, defaults } from './container/config.ts'
import type { Listening, ListenOptions } from './container/listening.ts'
import { bunHere, listenOnBun } from './container/on-bun.ts'
import { listenOnNode } from './container/on-node.ts'
import { createProbes } from './container/probes.ts'
import { createWork, within } from './container/work.ts'

export { type ContainerConfig, containerFromEnv }

/** What answers requests: a Hono app, or anything with a `fetch`. */
export interface ContainerApp {
  /** `platform` is what the server hands over beside the request: Node's `{ incoming, outgoing }`, or Bun's server. */
  fetch(request: Request, platform: object): Response | Promise<Response>
  /** What `/metrics` answers with, in Prometheus' text form. Left out, that path is the application's. */
  readonly metrics?: (() => string | Promise<string>) | undefined
}

/** Options of {@link serveContainer}; unknown names are refused. */
export interface ContainerOptions extends ContainerApp {
  /** Asked by `/readyz`, closed at the stop. */
  readonly store: Store
  /** Default 3000; 0 takes a free one. */
  readonly port?: number | undefined
  /** Default: every address of the machine. */
  readonly hostname?: string | undefined
  /** Seconds between turning not ready and closing the door, for balancers to notice; default 0. */
  readonly drainSeconds?: number | undefined
  /** Seconds for requests in flight to finish; default 4. */
  readonly stopSeconds?: number | undefined
}

/** A server that listens. */
export interface RunningContainer {
  readonly port: number
  /**
   * Stops: not ready, no new connections, requests in flight and their commits finish, the store is closed. False where some had
   * to be cut. Called again it gives the same promise.
   */
  stop(): Promise<boolean>
}

/** A store that does not let go of its sockets must not keep the process from ending. */
const storeCloseMs = 500

/**
 * Serves an app on Node or Bun, with `/livez` and `/readyz`; it answers neither signals nor a fault of the process.
 *
 * `/livez` is 200 while the process answers. `/readyz` is 200 where `store.check()` finds sessions readable and writable within a
 * second and no stop has begun, else 503; its JSON holds the health of each node, unless the request came through a proxy.
 * `/metrics` is there with the option `metrics`, and a 404 through a proxy.
 * Rejects with `SessionOptionsError`, or with the error of a port or address that cannot be listened on.
 */
export async function serveContainer(options: ContainerOptions): Promise<RunningContainer> {
  const { port, hostname, drainSeconds, stopSeconds, store, metrics } = checked(options)
  let isStopping = false
  const work = createWork(() => isStopping)
  const probe = createProbes(store, () => isStopping, metrics)
  const listening = await listen({
    fetch: (request, platform) => work.run(() => probe(request) ?? options.fetch(request, platform)),
    port,
    hostname,
  })
  const close = async () => {
    isStopping = true
    // Connections are still taken: a balancer that has not noticed yet must not be refused.
    await new Promise((wait) => setTimeout(wait, drainSeconds * 1000))
    // The door first, then the work: what came through it last has begun when it is closed.
    const finished = await within(stopSeconds * 1000, listening.close().then(work.done))
    if (!finished) listening.cut()
    await within(storeCloseMs, closeStore(store))
    return finished
  }
  let stopped: Promise<boolean> | undefined
  return {
    port: listening.port,
    stop() {
      stopped ??= close()
      return stopped
    },
  }
}

/**
 * Runs the process of a container: `await runContainer(process.env, ({ store, secret }) => app)`.
 *
 * Reads the environment as {@link containerFromEnv} does, builds the app with it, and serves as {@link serveContainer} does. SIGTERM and
 * SIGINT stop it: the process ends with 0 when every request has finished, with 1 where some had to be cut; a second signal ends it
 * at once. What is wrong with the environment is one line on standard error, and exit code 1.
 */
export async function runContainer(
  env: object,
  build: (config: ContainerConfig) => ContainerApp | Promise<ContainerApp>,
): Promise<RunningContainer> {
  let running: RunningContainer | undefined
  let isStopping = false
  const onSignal = () => {
    // Before it listens nobody is waiting for anything. As process 1 of a container nothing ends it but this.
    if (running === undefined || isStopping) process.exit(isStopping ? 1 : 0)
    isStopping = true
    void running.stop().then((finished) => process.exit(finished ? 0 : 1))
  }
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal)
  try {
    const { secret, ...config } = await containerFromEnv(env)
    const app = await build({ secret, ...config })
    const { metrics } = app
    running = await serveContainer({ fetch: (request, platform) => app.fetch(request, platform), metrics, ...config })
    return running
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === undefined) throw error
    process.stderr.write(`${reason}\n`)
    process.exit(1)
  }
}

const closeStore = async (store: Store) => store.close?.()

function listen(options: ListenOptions): Promise<Listening> {
  const bun = bunHere()
  return bun ? listenOnBun(bun, options) : listenOnNode(options)
}

/** What is wrong in the environment, in one line; undefined where the fault is in the program. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof SessionOptionsError) return error.message
  const code = `${(error as { code?: unknown } | null)?.code}`
  if (code === 'EADDRINUSE' || code === 'EACCES') return `PORT cannot be listened on (${code})`
  const isAddress = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'ENOTFOUND', 'EAI_AGAIN'].includes(code)
  return isAddress ? `HOST cannot be listened on (${code})` : undefined
}

const names = ['fetch', 'store', 'metrics', 'port', 'hostname', 'drainSeconds', 'stopSeconds']

function checked(options: ContainerOptions) {
  refuseUnknown(options, names, 'option of serveContainer:')
  const { fetch, store, hostname, metrics } = options
  need(typeof fetch === 'function', 'fetch must be a function, such as app.fetch')
  need(typeof store?.read === 'function', 'store must be the store of the sessions')
  need(metrics === undefined || typeof metrics === 'function', 'metrics must be a function that gives a text')
  return {
    ...{ store, hostname, metrics },
    port: wholeNumber('port', options.port, defaults.port, 0, 65_535),
    drainSeconds: wholeNumber('drainSeconds', options.drainSeconds, defaults.drainSeconds, 0, 3600),
    stopSeconds: wholeNumber('stopSeconds', options.stopSeconds, defaults.stopSeconds, 1, 3600),
  }
}
