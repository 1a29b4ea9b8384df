import { refuseUnknown } from '../../../src/checks.ts'
import { SessionOptionsError } from '../../../src/errors.ts'
import { builtins } from './lazy-node.ts'

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
  const own = host === undefined || builtins.net.isIP(host) ? undefined : host.replace(/\.$/, '')
  const name = servername ?? own
  return {
    ...(host !== undefined && { host }),
    ...(name !== undefined && { servername: name }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  }
}

const names = ['ca', 'cert', 'key', 'servername']
const pemBlocks = /-----BEGIN [A-Z ]*CERTIFICATE-----[^-]*-----END [A-Z ]*CERTIFICATE-----/g

/**
 * Checks the option once, when a store is built: later it would fail every connection. Throws `SessionOptionsError`, without a
 * word of what was given. That a certificate is out of date, or not the server's, only a connection can tell.
 */
export function checkTls(tls: unknown): void {
  if (tls === undefined || tls === true) return
  need(typeof tls === 'object' && tls !== null, 'tls must be true or { ca, cert, key, servername }')
  refuseUnknown(tls as object, names, 'option tls.')
  const { ca, cert, key, servername } = tls as TlsOptions
  const isName = servername === undefined || (typeof servername === 'string' && servername !== '')
  need(isName, 'option tls.servername must be a name')
  need((cert === undefined) === (key === undefined), 'options tls.cert and tls.key must be given together')
  // Node takes any text for `ca`, and then trusts nobody.
  for (const one of ca === undefined ? [] : Array.isArray(ca) ? ca : [ca]) assertCertificates('ca', one)
  need(!Array.isArray(ca) || ca.length > 0, 'option tls.ca must hold a certificate')
  if (cert === undefined) return
  assertCertificates('cert', cert)
  try {
    builtins.tls.createSecureContext({ cert, key } as import('node:tls').SecureContextOptions)
  } catch (cause) {
    throw new SessionOptionsError('option tls.key must be the key to tls.cert, in PEM and without a passphrase', {
      cause,
    })
  }
}

function assertCertificates(name: 'ca' | 'cert', given: unknown): void {
  const isFit = typeof given === 'string' || given instanceof Uint8Array
  const blocks = isFit
    ? (Buffer.from(given as string)
        .toString('latin1')
        .match(pemBlocks) ?? [])
    : []
  need(blocks.length > 0, `option tls.${name} must hold a certificate in PEM`)
  try {
    for (const block of blocks) new builtins.crypto.X509Certificate(block)
  } catch (cause) {
    throw new SessionOptionsError(`option tls.${name} holds a certificate that cannot be read`, { cause })
  }
}

function need(condition: boolean, why: string): void {
  if (!condition) throw new SessionOptionsError(why)
}
