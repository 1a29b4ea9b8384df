import { type Fetch, graceMs, type Listening, type ListenOptions, sweepMs } from './listening.ts'

/** The part of Bun's server that is used. */
interface BunServer {
  readonly port: number
  readonly pendingRequests: number
  stop(closeActive?: boolean): Promise<void>
}

interface Bun {
  serve(options: {
    readonly fetch: Fetch
    readonly port: number
    readonly hostname?: string
    readonly idleTimeout: number
    readonly development: boolean
  }): BunServer
}

/** Bun itself, where this runs on it. */
export function bunHere(): Bun | undefined {
  return (globalThis as { Bun?: Bun }).Bun
}

/**
 * The most that Bun takes, in seconds. Its default of 10 cuts a handler that is slow to answer, and a connection that a balancer
 * means to use again.
 */
const idleTimeout = 255

/** Listens by `Bun.serve`; rejects where it cannot. */
export async function listenOnBun(bun: Bun, { fetch, port, hostname }: ListenOptions): Promise<Listening> {
  const address = hostname === undefined ? {} : { hostname }
  // In development mode Bun would answer an error with its stack.
  const server = bun.serve({ fetch, port, ...address, idleTimeout, development: false })
  return {
    port: server.port,
    close: () => closeGently(server),
    cut: () => void server.stop(true),
  }
}

/** Bun closes idle connections by itself, but waits for one that has sent half a request. */
async function closeGently(server: BunServer): Promise<void> {
  const graceEnds = Date.now() + graceMs
  const sweep = setInterval(() => {
    if (Date.now() > graceEnds && server.pendingRequests === 0) void server.stop(true)
  }, sweepMs)
  await server.stop().finally(() => clearInterval(sweep))
}
