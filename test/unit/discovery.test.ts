import { createSocket, type Socket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { dnsServers, type NameServer, srvServers } from '../../adapters/stores/memcached/servers/dns.ts'
import { SessionOptionsError } from '../../src/errors.ts'

const never = new AbortController().signal
const dnsError = (code: string) => Object.assign(new Error(`query${code}`), { code })
const fails = (code: string) => () => Promise.reject(dnsError(code))

/** Knows nothing but what it is given. */
const nameServer = (known: Partial<NameServer>): NameServer => ({
  resolve4: fails('ENODATA'),
  resolve6: fails('ENODATA'),
  resolveSrv: fails('ENODATA'),
  lookup: fails('ENOTFOUND'),
  ...known,
})
const found = (known: Partial<NameServer>, name = 'cache.example:11311') =>
  dnsServers(name, { nameServer: nameServer(known) })(never)
const hostsOf = async (known: Partial<NameServer>) => (await found(known)).map((server) => Object(server).host)

describe('dnsServers', () => {
  test('gives every address once, in the same order whatever the answer, with the port', async () => {
    expect(await found({ resolve4: async () => ['10.0.0.9', '10.0.0.10', '10.0.0.9'] })).toEqual([
      { host: '10.0.0.10', port: 11_311 },
      { host: '10.0.0.9', port: 11_311 },
    ])
    expect(await found({ resolve4: async (name) => [name] }, 'cache.example')).toEqual([
      { host: 'cache.example', port: 11_211 },
    ])
  })

  test('takes IPv4 where there are both: a server must not be in the ring twice', async () => {
    expect(await hostsOf({ resolve4: async () => ['10.0.0.1'], resolve6: async () => ['fd00::1'] })).toEqual([
      '10.0.0.1',
    ])
    expect(await hostsOf({ resolve6: async () => ['fd00::2', 'fd00::1'] })).toEqual(['fd00::1', 'fd00::2'])
  })

  test('asks /etc/hosts where DNS knows nothing', async () => {
    const lookup = async () => [
      { address: '::1', family: 6 },
      { address: '127.0.0.1', family: 4 },
    ]
    expect(await hostsOf({ lookup })).toEqual(['127.0.0.1'])
    expect(await hostsOf({ resolve4: fails('ECONNREFUSED'), lookup })).toEqual(['127.0.0.1'])
    expect(await hostsOf({ lookup: async () => [{ address: '::1', family: 6 }] })).toEqual(['::1'])
  })

  test('never takes IPv6 for IPv4 because a query got lost', async () => {
    const known = { resolve4: fails('ETIMEOUT'), resolve6: async () => ['fd00::1'] }
    await expect(found(known)).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })

  test.each(['', ':11211', 'a:', 'a:0', 'a:65536', 'a b', '[::1]:11211', 'user@a', 7])('refuses %j', (name) => {
    expect(() => dnsServers(name as string)).toThrow(SessionOptionsError)
  })
})

const record = (name: string, weight = 1, priority = 0, port = 11_211) => ({ name, weight, priority, port })
const targets = (...records: ReturnType<typeof record>[]) =>
  srvServers('_memcached._tcp.example.com', { nameServer: nameServer({ resolveSrv: async () => records }) })(never)

describe('srvServers', () => {
  test('gives the targets by name and port', async () => {
    expect(await targets(record('b.example'), record('a.example', 1, 0, 2), record('a.example', 1, 0, 1))).toEqual([
      { host: 'a.example', port: 1 },
      { host: 'a.example', port: 2 },
      { host: 'b.example', port: 11_211 },
    ])
  })

  test('gives a target that is there twice once, with its larger weight (F29)', async () => {
    expect(await targets(record('a.example'), record('A.example.'), record('b.example'))).toEqual([
      { host: 'a.example', port: 11_211 },
      { host: 'b.example', port: 11_211 },
    ])
    expect(await targets(record('a.example', 5), record('a.example', 20), record('b.example', 20))).toEqual([
      { host: 'a.example', port: 11_211 },
      { host: 'b.example', port: 11_211 },
    ])
  })

  test('gives weights where they differ; 0 is the least there is', async () => {
    expect(await targets(record('a.example', 0), record('b.example', 20))).toEqual([
      { host: 'a.example', port: 11_211, weight: 1 },
      { host: 'b.example', port: 11_211, weight: 20 },
    ])
  })

  test('leaves out spares, and a service that is not there', async () => {
    expect(await targets(record('spare.example', 1, 20), record('a.example', 1, 10))).toEqual([
      { host: 'a.example', port: 11_211 },
    ])
    expect(await targets(record('.'))).toEqual([])
  })

  test('fails where there are no records', async () => {
    const servers = srvServers('_memcached._tcp.example.com', { nameServer: nameServer({}) })
    await expect(servers(never)).rejects.toMatchObject({ code: 'ENODATA' })
  })

  test('needs a name', () => {
    expect(() => srvServers('')).toThrow(SessionOptionsError)
  })
})

type Answer = { readonly type: number; readonly data: Buffer }
const [typeA, typeAaaa, typeSrv] = [1, 28, 33]
const labels = (name: string) =>
  Buffer.concat([...name.split('.').map((part) => Buffer.from([part.length, ...Buffer.from(part)])), Buffer.from([0])])
const words = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]))

/** Enough of RFC 1035 for one question: an answer of 0 records says that the name has none of this type. */
async function startNameServer(answers: (type: number) => readonly Answer[]): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  socket.on('message', (query, { port, address }) => {
    const end = query.indexOf(0, 12) + 5
    const records = answers(query.readUInt16BE(end - 4))
    const header = words(query.readUInt16BE(0), 0x8180, 1, records.length, 0, 0)
    // 0xc00c: the name of the question; class IN, 0 seconds to live.
    const bodies = records.map(({ type, data }) => Buffer.concat([words(0xc00c, type, 1, 0, 0, data.length), data]))
    socket.send(Buffer.concat([header, query.subarray(12, end), ...bodies]), port, address)
  })
  return socket
}

describe('over a real name server', () => {
  let server: Socket | undefined
  afterEach(() => server?.close())

  async function ask(answers: (type: number) => readonly Answer[]): Promise<NameServer> {
    server = await startNameServer(answers)
    const resolver = new Resolver({ timeout: 500, tries: 1 })
    resolver.setServers([`127.0.0.1:${server.address().port}`])
    return nameServer({
      resolve4: (name) => resolver.resolve4(name),
      resolve6: (name) => resolver.resolve6(name),
      resolveSrv: (name) => resolver.resolveSrv(name),
    })
  }

  test('A records', async () => {
    const address = (last: number) => ({ type: typeA, data: Buffer.from([10, 0, 0, last]) })
    const known = await ask((type) => (type === typeA ? [address(2), address(1)] : []))
    expect(await dnsServers('cache.test', { nameServer: known })(never)).toEqual([
      { host: '10.0.0.1', port: 11_211 },
      { host: '10.0.0.2', port: 11_211 },
    ])
  })

  test('AAAA records where the answer says that there is no A', async () => {
    const data = Buffer.from([0xfd, ...Array(14).fill(0), 1])
    const known = await ask((type) => (type === typeAaaa ? [{ type, data }] : []))
    expect(await dnsServers('cache.test:1', { nameServer: known })(never)).toEqual([{ host: 'fd00::1', port: 1 }])
  })

  test('SRV records', async () => {
    const target = (name: string) => ({ type: typeSrv, data: Buffer.concat([words(0, 50, 11_212), labels(name)]) })
    const known = await ask((type) => (type === typeSrv ? [target('mc-1.test'), target('mc-0.test')] : []))
    expect(await srvServers('_memcached._tcp.test', { nameServer: known })(never)).toEqual([
      { host: 'mc-0.test', port: 11_212 },
      { host: 'mc-1.test', port: 11_212 },
    ])
  })
})
