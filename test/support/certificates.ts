import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A certificate with its key: paths for a server, PEM for a client. */
export interface TestCertificate {
  readonly certPath: string
  readonly keyPath: string
  readonly cert: string
  readonly key: string
}

/** A certificate authority made for one test run. */
export interface TestAuthority {
  readonly caPath: string
  readonly ca: string
  /** `names` as in subjectAltName: `DNS:localhost,IP:127.0.0.1`. */
  issue(names: string, days?: number): TestCertificate
  /** A file beside the certificates, such as the users of a server; gives its path. */
  file(name: string, text: string): string
  [Symbol.dispose](): void
}

/** Made by openssl in a directory of its own, readable for a server that has given up root. */
export function createAuthority(): TestAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'certificates-'))
  chmodSync(directory, 0o755)
  const at = (name: string) => join(directory, name)
  const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=test', '-keyout', at('ca.key'), '-out', at('ca.crt'))
  let issued = 0
  return {
    caPath: at('ca.crt'),
    ca: readFileSync(at('ca.crt'), 'utf8'),
    issue(names, days = 2) {
      const name = `${issued++}`
      const [certPath, keyPath] = [at(`${name}.crt`), at(`${name}.key`)]
      writeFileSync(at(`${name}.ext`), `subjectAltName=${names}\n`)
      openssl('req', ...newKey, '-subj', '/CN=server', '-keyout', keyPath, '-out', at(`${name}.csr`))
      const signer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', `${days}`]
      openssl('x509', '-req', '-in', at(`${name}.csr`), ...signer, '-extfile', at(`${name}.ext`), '-out', certPath)
      chmodSync(keyPath, 0o644)
      return { certPath, keyPath, cert: readFileSync(certPath, 'utf8'), key: readFileSync(keyPath, 'utf8') }
    },
    file(name, text) {
      writeFileSync(at(name), text)
      return at(name)
    },
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}
