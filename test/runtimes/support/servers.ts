import { createAuthority, type TestAuthority } from '../../support/certificates.ts'
import { startMemcached, startRedis, type TestServer } from '../../support/servers.ts'
import { startUpstash, type UpstashBridge } from '../../support/upstash.ts'
import type { Given } from '../suite/given.ts'
import { startNameServer } from './name-server.ts'

/** The servers that all runtimes use, each started once. */
export interface Servers {
  readonly given: Omit<Given, 'runtime'>
  [Symbol.asyncDispose](): Promise<void>
}

export async function startServers(): Promise<Servers> {
  const authority = createAuthority()
  // Many runtimes at once, each with hundreds of sessions: memory enough that nothing is evicted.
  const memcached = await Promise.all([1, 2, 3].map(() => startMemcached(['-m', '256'])))
  const tls = await startTls(authority)
  const redis = await startRedis()
  const upstash = await startUpstash(redis.port)
  const names = await startNameServer()
  return {
    given: { ...givenBy(memcached, tls, redis, upstash, authority), dnsPort: names.port },
    async [Symbol.asyncDispose]() {
      names.close()
      await upstash[Symbol.asyncDispose]()
      await Promise.all([...memcached, tls, redis].map((server) => server.stop()))
      authority[Symbol.dispose]()
    },
  }
}

function startTls(authority: TestAuthority): Promise<TestServer> {
  const { certPath, keyPath } = authority.issue('IP:127.0.0.1')
  return startMemcached(['-Z', '-o', `ssl_chain_cert=${certPath},ssl_key=${keyPath}`])
}

function givenBy(
  memcached: readonly TestServer[],
  tls: TestServer,
  redis: TestServer,
  upstash: UpstashBridge,
  { ca }: TestAuthority,
): Omit<Given, 'runtime' | 'dnsPort'> {
  using other = createAuthority()
  return {
    memcached: memcached.map(({ address }) => address),
    memcachedTls: { address: tls.address, ca, otherCa: other.ca },
    redisPort: redis.port,
    upstash: { url: upstash.url, token: upstash.token },
  }
}
