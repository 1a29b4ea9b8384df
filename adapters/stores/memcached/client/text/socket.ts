import type { Socket, TcpNetConnectOpts } from 'node:net'
import type { Address } from '../../address.ts'
import { builtins } from '../../lazy-node.ts'
import { type TlsOptions, tlsOptions } from '../../tls.ts'

/** A socket on its way, and how to be rid of it. */
export interface Wire {
  /** What is written to and read from; encrypted underneath where TLS is on. */
  readonly socket: Socket
  /** The event that says it is open: `connect`, or `secureConnect` when the certificate has been checked. */
  readonly openEvent: 'connect' | 'secureConnect'
  /** Closes at once, tells nothing more, and takes what is still queued with it: a write that was given up must not arrive later. */
  abort(): void
}

/** Nagle would hold a small request back until the last one is acknowledged: up to 40 ms. A firewall forgets idle connections after minutes. */
const tcpOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }

/**
 * memcached before 1.6.39 leaves what lies behind the first 16 KB of a TLS read in OpenSSL's buffer and then waits for the
 * socket: for ever, if we wait too (fixed by its commit 96e05b75f). So no more than this is on its way over TLS, or one larger request.
 */
export const tlsWindowBytes: number = 16_000

/** Starts to connect; the caller must listen for `error` at once. */
export function openWire({ host, dial, port }: Address, tls: true | TlsOptions | undefined): Wire {
  const raw =
    host === undefined
      ? builtins.net.connect({ path: port as string })
      : builtins.net.connect({ ...tcpOptions, host: dial ?? host, port: port as number } satisfies TcpNetConnectOpts)
  const abort = (socket: Socket) => () => {
    socket.removeAllListeners('data').removeAllListeners('end')
    socket.on('error', () => {})
    // A RST is for TCP only; it also empties what the kernel has not sent yet.
    if (host !== undefined && !raw.connecting && !raw.destroyed) raw.resetAndDestroy()
    else raw.destroy()
    if (socket !== raw) socket.destroy()
  }
  if (tls === undefined) return { socket: raw, openEvent: 'connect', abort: abort(raw) }
  // On a socket of our own: `resetAndDestroy` of a TLS socket throws, it knows TCP handles only.
  raw.on('error', () => {}) // the TLS socket reports it too
  try {
    const socket = builtins.tls.connect({ ...tlsOptions(host, tls), socket: raw })
    return { socket, openEvent: 'secureConnect', abort: abort(socket) }
  } catch (error) {
    raw.destroy() // nobody else knows of it
    throw error
  }
}
