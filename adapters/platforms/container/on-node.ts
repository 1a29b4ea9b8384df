import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { SessionOptionsError } from '../../../src/errors.ts'
import { graceMs, type Listening, type ListenOptions, sweepMs } from './listening.ts'

/**
 * How long a connection is kept for the next request. Node's 5 s are less than the minute of most balancers, which would send on a
 * connection that is just being closed and answer 502.
 */
const keepAliveMs = 75_000

/** Listens by `@hono/node-server`; rejects where it cannot, or where that package is not installed. */
export async function listenOnNode({ fetch, port, hostname }: ListenOptions): Promise<Listening> {
  const { createAdaptorServer } = await loadNodeServer()
  // The host name is for requests without a Host header, such as HTTP/1.0 probes.
  const server = createAdaptorServer({ fetch, hostname: 'localhost' }) as Server
  server.keepAliveTimeout = keepAliveMs
  const isIdle = watch(server)
  server.listen(port, hostname)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => closeGently(server, isIdle),
    cut: () => server.closeAllConnections(),
  }
}

/**
 * Closes idle connections again and again, because an answer that began before the stop leaves its connection open. Node counts
 * one that never sent a request as busy: those get a moment, then they are cut.
 */
function closeGently(server: Server, idle: () => readonly Socket[]): Promise<void> {
  const graceEnds = Date.now() + graceMs
  const sweep = setInterval(() => {
    server.closeIdleConnections()
    if (Date.now() > graceEnds) for (const socket of idle()) socket.destroy()
  }, sweepMs)
  return new Promise((resolve) => {
    server.close(() => {
      clearInterval(sweep)
      resolve()
    })
  })
}

/** Counts the requests under way on each connection; gives those that have none. */
function watch(server: Server): () => readonly Socket[] {
  const requests = new Map<Socket, number>()
  const count = (socket: Socket, change: 1 | -1) => {
    const now = requests.get(socket)
    if (now !== undefined) requests.set(socket, now + change)
  }
  server.on('connection', (socket: Socket) => {
    requests.set(socket, 0)
    socket.once('close', () => requests.delete(socket))
  })
  server.on('request', ({ socket }, response) => {
    count(socket, 1)
    response.once('close', () => count(socket, -1))
  })
  return () => [...requests].filter(([, under]) => under === 0).map(([socket]) => socket)
}

async function loadNodeServer(): Promise<typeof import('@hono/node-server')> {
  try {
    return await import('@hono/node-server')
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new SessionOptionsError('claimcheck/container needs a package on Node: npm install @hono/node-server', {
      cause,
    })
  }
}
