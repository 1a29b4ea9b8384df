import { dirname } from 'node:path'
import { startServer, type TestServer } from '../servers.ts'
import { type BrokenSetup, type Life, of, withOptions } from './setup.ts'

async function tlsServer(life: Life, names: string, days?: number, others = ''): Promise<TestServer> {
  const { certPath, keyPath } = life.authority.issue(names, days)
  return life.memcached('-Z', '-o', `ssl_chain_cert=${certPath},ssl_key=${keyPath}${others}`)
}

/** Servers that let nobody in, or everybody: logins and TLS. */
export const doors: readonly BrokenSetup[] = [
  {
    ...{ mistake: 'SASL, and the text protocol', code: 'sasl-wanted', level: 'error' },
    async set({ use, authority }) {
      const folder = dirname(authority.file('memcached.conf', 'mech_list: plain\n'))
      const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
      const command = (port: number) => ['memcached', ...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', '0', '-S']
      return of(use(await startServer((port) => ['env', `SASL_CONF_PATH=${folder}`, ...command(port)])))
    },
  },
  {
    ...{ mistake: 'no password for a server that wants one', code: 'login-wanted', level: 'error' },
    set: async ({ memcached, authority }) =>
      of(await memcached('-Y', authority.file('users', 'user:right-password\n'))),
  },
  {
    ...{ mistake: 'a wrong password', code: 'login-refused', level: 'error' },
    async set({ memcached, authority }) {
      const { env } = of(await memcached('-Y', authority.file('users', 'user:right-password\n')))
      return { env: { ...env, MEMCACHED_USERNAME: 'user', MEMCACHED_PASSWORD: 'wrong-password' } }
    },
  },
  {
    ...{ mistake: 'a password for a server that asks nobody', code: 'open-to-strangers', level: 'error' },
    async set({ memcached }) {
      const { env } = of(await memcached())
      return { env: { ...env, MEMCACHED_USERNAME: 'user', MEMCACHED_PASSWORD: 'right-password' } }
    },
  },
  {
    ...{ mistake: 'no TLS for a server that has it', code: 'tls-wanted', level: 'error' },
    set: async (life) => of(await tlsServer(life, 'IP:127.0.0.1', 90)),
  },
  {
    ...{ mistake: 'TLS for a server that has none', code: 'tls-missing', level: 'error' },
    set: async ({ memcached, authority: { ca } }) =>
      withOptions({ servers: [(await memcached()).address], tls: { ca } }),
  },
  {
    ...{ mistake: 'a certificate of another name', code: 'tls-certificate', level: 'error' },
    set: async (life) =>
      withOptions({ servers: [(await tlsServer(life, 'DNS:another', 90)).address], tls: { ca: life.authority.ca } }),
  },
  {
    ...{ mistake: 'a certificate that ends soon', code: 'tls-expiring', level: 'warning' },
    set: async (life) =>
      withOptions({ servers: [(await tlsServer(life, 'IP:127.0.0.1')).address], tls: { ca: life.authority.ca } }),
  },
  {
    ...{ mistake: 'no certificate of its own for a server that wants one', code: 'tls-failed', level: 'error' },
    async set(life) {
      const wanted = `,ssl_verify_mode=2,ssl_ca_cert=${life.authority.caPath}`
      const { address } = await tlsServer(life, 'IP:127.0.0.1', 90, wanted)
      return withOptions({ servers: [address], tls: { ca: life.authority.ca } })
    },
  },
]
