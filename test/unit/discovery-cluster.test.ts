import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { parseClusterConfig } from '../../adapters/stores/memcached/servers/auto-discovery.ts'
import { clusterServers } from '../../adapters/stores/memcached/servers/dns.ts'
import { SessionOptionsError, StoreUnavailableError } from '../../src/errors.ts'

const nodes = 'a.cache.example|10.0.0.1|11211 b.cache.example|10.0.0.2|11212'
const servers = [
  { host: 'a.cache.example', port: 11_211 },
  { host: 'b.cache.example', port: 11_212 },
]
const config = (version: number, list = nodes) => `CONFIG cluster 0 99\r\n${version}\n${list}\n\r\nEND\r\n`

describe('a configuration', () => {
  test.each<[string, string]>([
    ['as ElastiCache sends it', config(12)],
    ['with LF everywhere', config(12).replaceAll('\r', '')],
    ['with CR LF everywhere', config(12).replaceAll(/\r?\n/g, '\r\n')],
    ['without the empty line', config(12).replace('\n\r\n', '\r\n')],
    ['of an older engine', config(12).replace('CONFIG cluster', 'VALUE AmazonElastiCache:cluster')],
    ['with more spaces', config(12).replace(' b.', '   b.').replace('|11212', '|11212 ')],
    ['in another order', config(12, nodes.split(' ').reverse().join(' '))],
    ['without addresses', config(12, nodes.replaceAll(/10\.0\.0\.\d/g, ''))],
  ])('%s', (_, text) => {
    expect(parseClusterConfig(text)).toEqual({ version: 12, servers })
  })

  test('names nodes by their address where they have no name', () => {
    const { servers: found } = parseClusterConfig(config(1, '|10.0.0.2|11211 10.0.0.1|10.0.0.1|11211'))
    expect(found).toEqual([
      { host: '10.0.0.1', port: 11_211 },
      { host: '10.0.0.2', port: 11_211 },
    ])
  })

  test.each<[string, string]>([
    ['nothing', ''],
    ['an end only', 'END\r\n'],
    ['another reply', 'VALUE other 0 5\r\n1\nx|y|1\r\nEND\r\n'],
    ['no version', config(1).replace('\n1\n', '\n')],
    ['a version in words', config(1).replace('\n1\n', '\none\n')],
    ['no nodes', config(1).replace(nodes, '')],
    ['a node without a port', config(1, 'a.example|10.0.0.1')],
    ['a node without a name', config(1, '||11211')],
    ['port 0', config(1, 'a.example|10.0.0.1|0')],
    ['port 65536', config(1, 'a.example|10.0.0.1|65536')],
    ['no end', config(1).replace('END\r\n', '')],
    ['more after the end', `${config(1)}END\r\n`],
  ])('is refused: %s', (_, text) => {
    expect(() => parseClusterConfig(text)).toThrow(StoreUnavailableError)
  })
})

describe('an endpoint', () => {
  let server: Server | undefined
  afterEach(() => void server?.close())

  /** Answers each command as told; `undefined` hangs up. */
  async function endpoint(reply: (command: string) => string | undefined) {
    const commands: string[] = []
    server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (data) => {
        commands.push(`${data}`.trim())
        const text = reply(`${data}`.trim())
        if (text === undefined) {
          socket.end()
          return
        }
        // In two pieces: replies come as the network cuts them.
        socket.write(text.slice(0, 20))
        setTimeout(() => socket.write(text.slice(20)), 5)
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const provider = clusterServers(`127.0.0.1:${port}`)
    return { commands, ask: (ms = 2000) => provider(AbortSignal.timeout(ms)) }
  }

  test('is asked once for its nodes', async () => {
    const { ask, commands } = await endpoint(() => config(3))
    expect(await ask()).toEqual(servers)
    expect(commands).toEqual(['config get cluster'])
  })

  test('of an older engine is asked in the older way', async () => {
    const older = config(3).replace('CONFIG cluster', 'VALUE AmazonElastiCache:cluster')
    const { ask, commands } = await endpoint((command) => (command.startsWith('config') ? 'ERROR\r\n' : older))
    expect(await ask()).toEqual(servers)
    expect(commands).toEqual(['config get cluster', 'get AmazonElastiCache:cluster'])
  })

  test.each<[string, (command: string) => string | undefined, RegExp]>([
    ['is a stock memcached', (command) => (command.startsWith('config') ? 'ERROR\r\n' : 'END\r\n'), /no configuration/],
    ['knows neither command', () => 'ERROR\r\n', /does not know/],
    ['wants something else', () => 'CLIENT_ERROR unauthenticated\r\n', /does not know/],
    ['hangs up', () => undefined, /hung up/],
    ['stops in the middle', () => config(3).slice(0, -8), /in time/],
    ['talks garbage without an end', () => 'x'.repeat(70_000), /larger than 64 KB/],
    ['talks garbage', () => '\0\n\nEND\r\n', /no configuration/],
  ])('that %s fails', async (_, reply, message) => {
    const { ask } = await endpoint(reply)
    await expect(ask(300)).rejects.toThrow(message)
    await expect(ask(300)).rejects.toBeInstanceOf(StoreUnavailableError)
  })

  test('that nobody listens on fails, with the cause', async () => {
    const { ask } = await endpoint(() => '')
    server?.close()
    await expect(ask()).rejects.toMatchObject({ code: 'unavailable', cause: { code: 'ECONNREFUSED' } })
  })

  test('is believed to have an older configuration only when it insists', async () => {
    const versions = [5, 4, 5, 4, 4, 5]
    const { ask } = await endpoint(() => config(versions.shift() as number))
    const outcomes: string[] = []
    while (versions.length > 0)
      outcomes.push(
        await ask().then(
          () => 'taken',
          (error: Error) => error.message,
        ),
      )
    const older = 'configuration 4 is older than 5'
    expect(outcomes).toEqual(['taken', older, 'taken', older, 'taken', 'taken'])
  })

  test.each(['', 'a:x', '[::1]:1'])('called %j is refused at once', (name) => {
    expect(() => clusterServers(name)).toThrow(SessionOptionsError)
  })
})
