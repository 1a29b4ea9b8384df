import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { storeFromEnv } from '../../adapters/platforms/env.ts'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { createSessions, type Store, StoreUnavailableError } from '../../src/index.ts'
import { storeCases } from '../conformance/index.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../support/certificates.ts'
import { realClock } from '../support/clock.ts'
import { startMemcached, startRedis, startServer, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'

const secret = 'kX2-a secret of the tests, 32 bytes long and more'
const password = 'p@ss:word/1'

let authority: TestAuthority
let certificate: TestCertificate
let plain: TestServer
let locked: TestServer
let tls: TestServer
const folder = mkdtempSync(join(tmpdir(), 'env-'))

beforeAll(async () => {
  authority = createAuthority()
  certificate = authority.issue('IP:127.0.0.1,DNS:localhost')
  plain = await startRedis()
  locked = await startRedis(['--requirepass', password])
  tls = await startTlsRedis(['--tls-auth-clients', 'no'])
})

function startTlsRedis(args: readonly string[]): Promise<TestServer> {
  const { certPath, keyPath } = certificate
  return startServer((port) => [
    ...['redis-server', '--port', '0', '--tls-port', `${port}`, '--bind', '127.0.0.1', '--save', ''],
    ...['--tls-cert-file', certPath, '--tls-key-file', keyPath, '--tls-ca-cert-file', authority.caPath, ...args],
  ])
}

const opened: Store[] = []
async function open(env: Record<string, string>): Promise<Store> {
  const store = await storeFromEnv(env)
  opened.push(store)
  return store
}

afterEach(async () => {
  vi.restoreAllMocks()
  for (const store of opened.splice(0)) await store.close?.()
})
afterAll(async () => {
  for (const server of [plain, locked, tls]) await server.stop()
  authority[Symbol.dispose]()
  rmSync(folder, { recursive: true })
})

/** A session that is begun, and read by another request. */
async function visits(store: Store): Promise<unknown> {
  const sessions = createSessions<{ visits: number }>({ store, secret, requestMs: 20_000 })
  const first = sessions.open(undefined)
  first.session.set('visits', 1)
  const { setCookie = '' } = await first.commit()
  return sessions.open(setCookie.split(';')[0]).session.get('visits')
}

/** Which packages there are: a process in which requiring the others fails as it does where they are not installed. */
function installed(...names: readonly string[]): void {
  const module = process.getBuiltinModule('module')
  const { createRequire } = module
  vi.spyOn(module, 'createRequire').mockImplementation((from) => {
    const real = createRequire(from)
    const require = (name: string) => {
      if (names.includes(name)) return real(name)
      throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' })
    }
    return Object.assign(require, real)
  })
}

const url = ({ port }: TestServer, user = '') => `redis://${user}127.0.0.1:${port}`
const withPassword = `:${encodeURIComponent(password)}@`

const adminOf = async (url: string) => {
  const client = createClient({ url })
  client.on('error', () => {})
  return client.connect()
}

describe.each(['redis', 'ioredis'])('REDIS_URL by the package %s', (client) => {
  it('keeps sessions in plain redis', async () => {
    installed(client)
    const store = await open({ REDIS_URL: url(plain), NODE_ENV: 'production' })
    expect(store.name).toBe('redis')
    expect(await visits(store)).toBe(1)
    expect(await store.check?.()).toMatchObject({ ready: true })
  })

  it('keeps to the contract of stores', async () => {
    installed(client)
    const store = await open({ REDIS_URL: url(plain) })
    for (const { run } of storeCases.slice(0, 8)) await run(store, realClock)
  })

  it('signs in with the password of the URL, to the database it names', async () => {
    installed(client)
    const store = await open({ REDIS_URL: `${url(locked, withPassword)}/3?family=4` })
    const admin = await adminOf(`${url(locked, withPassword)}/3`)
    await admin.flushDb()
    expect(await visits(store)).toBe(1)
    expect(await admin.dbSize()).toBe(1)
    admin.destroy()
  })

  it('tells of a wrong password, not of a client that is offline', async () => {
    installed(client)
    const store = await open({ REDIS_URL: url(locked, ':wrong@') })
    await waitFor(async () => {
      expect(await store.check?.()).toEqual({
        ready: false,
        nodes: [{ node: 'redis', up: false, reason: 'authentication' }],
      })
    })
  })

  it('speaks TLS to rediss://, with the certificate authority of REDIS_CA as PEM or as a path', async () => {
    installed(client)
    const REDIS_URL = `rediss://127.0.0.1:${tls.port}`
    for (const REDIS_CA of [authority.ca, authority.caPath])
      expect(await visits(await open({ REDIS_URL, REDIS_CA }))).toBe(1)
  })

  it('refuses a server whose certificate is of another authority, and one without a certificate of its own', async () => {
    installed(client)
    const REDIS_URL = `rediss://127.0.0.1:${tls.port}`
    using other = createAuthority()
    for (const env of [{ REDIS_URL }, { REDIS_URL, REDIS_CA: other.ca }])
      await expect(visits(await open(env))).rejects.toThrow(StoreUnavailableError)
    await expect(visits(await open({ REDIS_URL: `rediss://127.0.0.1:${plain.port}` }))).rejects.toThrow(
      StoreUnavailableError,
    )
  })

  it('shows a certificate of its own where the server asks for one', async () => {
    installed(client)
    const server = await startTlsRedis([])
    const env = { REDIS_URL: `rediss://localhost:${server.port}`, REDIS_CA: authority.ca }
    const { cert, keyPath } = certificate
    expect(await visits(await open({ ...env, REDIS_CERT: cert, REDIS_KEY: keyPath }))).toBe(1)
    await expect(visits(await open(env))).rejects.toThrow(StoreUnavailableError)
    await server.stop()
  })

  it('starts while redis is away, and serves when it is there', async () => {
    installed(client)
    await using server = await startRedis()
    await server.stop()
    const store = await open({ REDIS_URL: url(server) })
    await expect(visits(store)).rejects.toThrow(StoreUnavailableError)
    await server.restart()
    await waitFor(async () => expect(await visits(store)).toBe(1))
  })

  it('closes the client that it connected, once, and leaves no connection', async () => {
    installed(client)
    const server = await startRedis()
    const admin = await adminOf(url(server))
    const connections = async () => (await admin.sendCommand(['CLIENT', 'LIST'])).toString().trim().split('\n').length
    const store = await storeFromEnv({ REDIS_URL: url(server) })
    expect(await visits(store)).toBe(1)
    expect(await connections()).toBe(2)
    await createSessions({ store, secret }).close()
    await store.close?.()
    await waitFor(async () => expect(await connections()).toBe(1))
    await expect(store.read('a')).rejects.toThrow(StoreUnavailableError)
    admin.destroy()
    await server.stop()
  })
})

it('says which package to install where there is no client', async () => {
  installed()
  await expect(storeFromEnv({ REDIS_URL: url(plain) })).rejects.toThrow(
    'REDIS_URL needs a client: npm install redis (or ioredis)',
  )
})

describe('memcached over TLS', () => {
  const start = (...more: readonly string[]) => {
    const { certPath, keyPath } = certificate
    const options = [`ssl_chain_cert=${certPath}`, `ssl_key=${keyPath}`, ...more].join(',')
    return startMemcached(['-Z', '-o', options])
  }

  it('trusts the certificate authority of MEMCACHED_CA, and keeps MEMCACHED_REPLICAS copies', async () => {
    await using one = await start()
    await using two = await start()
    const servers = [one, two].map(({ address }) => address)
    const copies = async (env: Record<string, string>) => {
      const store = await open({ MEMCACHED_SERVERS: servers.join(), MEMCACHED_CA: authority.caPath, ...env })
      const key = `copies:${Object.keys(env).join()}`
      expect(await store.create(key, new Uint8Array(48), 60)).toMatchObject({ status: 'stored' })
      const each = servers.map((server) => {
        const alone = memcachedStore({ servers: [server], tls: { ca: authority.ca }, callMs: 20_000 })
        opened.push(alone)
        return alone.read(key)
      })
      return (await Promise.all(each)).filter((entry) => entry !== null).length
    }
    expect(await copies({ MEMCACHED_TLS: 'true' })).toBe(2)
    expect(await copies({ MEMCACHED_REPLICAS: '1' })).toBe(1)
    expect(await copies({ MEMCACHED_REPLICAS: '2', MEMCACHED_SERVERNAME: 'localhost' })).toBe(2)
  })

  it('shows a certificate of its own, and trusts nobody else', async () => {
    await using server = await start('ssl_verify_mode=2', `ssl_ca_cert=${authority.caPath}`)
    const env = { MEMCACHED_SERVERS: server.address, MEMCACHED_CA: authority.ca }
    const own = { MEMCACHED_CERT: certificate.certPath, MEMCACHED_KEY: certificate.key }
    expect(await visits(await open({ ...env, ...own }))).toBe(1)
    await expect(visits(await open(env))).rejects.toThrow(StoreUnavailableError)
    const untrusted = { MEMCACHED_SERVERS: server.address, MEMCACHED_TLS: '1', ...own }
    await expect(visits(await open(untrusted))).rejects.toThrow(StoreUnavailableError)
  })
})
