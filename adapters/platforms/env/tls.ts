import { SessionOptionsError } from '../../../src/errors.ts'

/** TLS as variables of one prefix say it. */
export interface TlsVariables {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly servername?: string
}

type Texts = { readonly [Name in keyof TlsVariables]: string | undefined }

/** Certificates and keys are PEM, or the path of a file that holds it. Throws `SessionOptionsError` naming the variable. */
export function readTls(prefix: string, { ca, cert, key, servername }: Texts): TlsVariables {
  return {
    ...(ca !== undefined && { ca: pemOf(`${prefix}_CA`, ca) }),
    ...(cert !== undefined && { cert: pemOf(`${prefix}_CERT`, cert) }),
    ...(key !== undefined && { key: pemOf(`${prefix}_KEY`, key) }),
    ...(servername !== undefined && { servername }),
  }
}

function pemOf(name: string, text: string): string {
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule('crypto')
  const pem = text.includes('-----BEGIN ') ? text : fileOf(name, text)
  try {
    // Node takes any text for a certificate authority, and then trusts nobody.
    if (name.endsWith('_KEY')) createPrivateKey(pem)
    else new X509Certificate(pem)
    return pem
  } catch (cause) {
    const what = name.endsWith('_KEY') ? 'key without a passphrase' : 'certificate'
    throw new SessionOptionsError(`${name} holds no ${what} in PEM that can be read`, { cause })
  }
}

function fileOf(name: string, path: string): string {
  try {
    return process.getBuiltinModule('fs').readFileSync(path, 'utf8')
  } catch (cause) {
    const { code = 'failed' } = cause as NodeJS.ErrnoException
    // Without the cause, which quotes what may be a mangled key.
    throw new SessionOptionsError(`${name} is neither PEM nor the path of a file that can be read (${code})`)
  }
}
