import { lookup, Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { memcachedStore } from '../../../../adapters/stores/memcached/index.ts'
import {
  clusterServers,
  dnsServers,
  type NameServer,
  srvServers,
} from '../../../../adapters/stores/memcached/servers/dns.ts'
import { freshKey, record } from '../../../conformance/values.ts'
import { given, patience } from '../given.ts'

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

/** The resolver of this runtime, pointed at our own name server. */
function nameServer(): NameServer {
  const resolver = new Resolver({ timeout: 5000, tries: 2 })
  resolver.setServers([`127.0.0.1:${given.dnsPort}`])
  return {
    resolve4: (name) => resolver.resolve4(name),
    resolve6: (name) => resolver.resolve6(name),
    resolveSrv: (name) => resolver.resolveSrv(name),
    lookup,
  }
}

const signal = AbortSignal.timeout(60_000)

describe('memcached', () => {
  test('dnsServers: the IPv4 addresses of a name, and the IPv6 ones where it has none', async () => {
    const options = { nameServer: nameServer() }
    expect(await dnsServers('pods.test:11300', options)(signal)).toEqual([
      ...[
        { host: '10.0.0.1', port: 11_300 },
        { host: '10.0.0.2', port: 11_300 },
      ],
    ])
    expect(await dnsServers('six.test', options)(signal)).toEqual([{ host: 'fd00::2', port: 11_211 }])
  })

  test('dnsServers: a name that only the machine knows, and one that nobody knows', async () => {
    const options = { nameServer: nameServer() }
    expect(await dnsServers('localhost:11300', options)(signal)).toEqual([{ host: '127.0.0.1', port: 11_300 }])
    await expect(dnsServers('nobody.invalid', options)(signal)).rejects.toBeInstanceOf(Error)
  })

  test('srvServers: the targets of the first priority', async () => {
    expect(await srvServers('_memcached._tcp.test', { nameServer: nameServer() })(signal)).toEqual([
      ...[
        { host: 'a.test', port: 11_212 },
        { host: 'b.test', port: 11_211 },
      ],
    ])
  })

  test('clusterServers: the nodes of a configuration that arrives in pieces, and a store on them', async () => {
    const nodes = given.memcached.map((address) => address.replace(/(.*):(\d+)/, '$1|$1|$2')).join(' ')
    const configuration = `7\n${nodes}\n`
    const reply = `CONFIG cluster 0 ${configuration.length}\r\n${configuration}\r\nEND\r\n`
    const endpoint = createServer((socket) => {
      socket
        .on('error', () => {})
        .on('data', () => {
          socket.write(reply.slice(0, 20))
          setTimeout(() => socket.write(reply.slice(20)), 20)
        })
    }).listen(0, '127.0.0.1')
    await once(endpoint, 'listening')
    open.push(() => endpoint.close())
    const { port } = endpoint.address() as { port: number }
    const store = memcachedStore({ servers: clusterServers(`127.0.0.1:${port}`), ...patience })
    open.push(() => store.close?.())
    const [key, value] = [freshKey(), record()]
    expect(await store.create(key, value, 60)).toMatchObject({ status: 'stored' })
    expect((await store.read(key))?.value).toEqual(value)
    expect((await store.check?.())?.nodes).toHaveLength(3)
  })
})
