import { builtins } from './builtins.ts'

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

/** The options of `tls.connect` for a host; `servername` for addresses only where it was asked for. */
export function tlsOptions(host: string | undefined, tls: true | TlsOptions): object {
  const { ca, cert, key, servername } = tls === true ? {} : tls
  // SNI holds names only (RFC 6066); an address is checked against the certificate all the same, through `host`.
  const name = servername ?? (host === undefined || builtins.net.isIP(host) ? undefined : host)
  return {
    ...(host !== undefined && { host }),
    ...(name !== undefined && { servername: name }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}
