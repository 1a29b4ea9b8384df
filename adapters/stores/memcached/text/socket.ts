import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net'
import { connect as secure } from 'node:tls'
import type { Address } from '../address.ts'

/** TLS to the server, always with its certificate checked: there is no way to switch that off. */
export interface TlsOptions {
  /** Trusted instead of the system's certificate authorities; PEM. */
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined
  /** The client's own certificate and key, PEM, where the server asks for them. */
  readonly cert?: string | Uint8Array | undefined
  readonly key?: string | Uint8Array | undefined
  /** The name the certificate must have; the server's host where left out. */
  readonly servername?: string | undefined
}

/** A socket on its way, and how to be rid of it. */
export interface Wire {
  /** What is written to and read from; encrypted underneath where TLS is on. */
  readonly socket: Socket
  /** The event that says it is open: `connect`, or `secureConnect` when the certificate has been checked. */
  readonly openEvent: 'connect' | 'secureConnect'
  /** Closes at once and takes what is still queued with it: a write that was given up must not arrive later. */
  abort(): void
}

/** Nagle would hold a small request back until the last one is acknowledged: up to 40 ms. A firewall forgets idle connections after minutes. */
const tcpOptions = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }

/** Starts to connect; the caller must listen for `error` at once. */
export function openWire({ host, port }: Address, tls: true | TlsOptions | undefined): Wire {
  const raw =
    host === undefined
      ? connect({ path: port as string })
      : connect({ ...tcpOptions, host, port: port as number } satisfies TcpNetConnectOpts)
  const abort = (socket: Socket) => () => {
    // A RST is for TCP only; it also empties what the kernel has not sent yet.
    if (host !== undefined && !raw.connecting && !raw.destroyed) raw.resetAndDestroy()
    else raw.destroy()
    if (socket !== raw) socket.destroy()
  }
  if (tls === undefined) return { socket: raw, openEvent: 'connect', abort: abort(raw) }
  // On a socket of our own: `resetAndDestroy` of a TLS socket throws, it knows TCP handles only.
  raw.on('error', () => {}) // the TLS socket reports it too
  const socket = secure({ ...tlsOptions(host, tls), socket: raw })
  return { socket, openEvent: 'secureConnect', abort: abort(socket) }
}

function tlsOptions(host: string | undefined, tls: true | TlsOptions): object {
  const { ca, cert, key, servername } = tls === true ? {} : tls
  // SNI holds names only (RFC 6066); an address is checked against the certificate all the same, through `host`.
  const name = servername ?? (host === undefined || isIP(host) ? undefined : host)
  return {
    ...(host !== undefined && { host }),
    ...(name !== undefined && { servername: name }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}
