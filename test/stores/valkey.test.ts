import { spawnSync } from 'node:child_process'
import { Redis as IoRedis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisClient, redisStore } from '../../adapters/stores/redis/index.ts'
import { storeCases } from '../conformance/index.ts'
import { realClock } from '../support/clock.ts'
import { startServer, type TestServer } from '../support/servers.ts'

const version = spawnSync('valkey-server', ['--version'], { encoding: 'utf8' }).stdout ?? ''
if (version === '') console.warn('\nSKIPPED: valkey. Install it, on Debian 13: apt-get install valkey-server\n')

// One that is left out, and not a hundred.
it.runIf(version !== '')('valkey-server is there', () => expect(version).toContain('v='))

describe.each(version === '' ? [] : [version.trim()])('%s', () => {
  const endings: (() => unknown)[] = []
  let server: TestServer
  beforeAll(async () => {
    server = await startServer((port) => ['valkey-server', '--port', `${port}`, '--bind', '127.0.0.1', '--save', ''])
    endings.push(() => server.stop())
  })
  afterAll(async () => {
    for (const end of endings.splice(0).reverse()) await end()
  })

  const clients: [name: string, connect: () => Promise<RedisClient>][] = [
    [
      'node-redis',
      async () => {
        const client = createClient({ socket: { host: server.host, port: server.port } })
        client.on('error', () => {})
        endings.push(() => client.destroy())
        return client.connect()
      },
    ],
    [
      'ioredis',
      async () => {
        const client = new IoRedis(server.port, server.host, { autoResendUnfulfilledCommands: false })
        endings.push(() => client.disconnect())
        return client
      },
    ],
  ]

  describe.each(clients)('%s', (_, connect) => {
    let client: RedisClient
    beforeAll(async () => {
      client = await connect()
    })

    it.concurrent.each(storeCases)('$name', async ({ run }) => {
      await run(redisStore({ client, callMs: 20_000 }), realClock)
    })

    it('is ready', async () => {
      expect(await redisStore({ client, callMs: 20_000 }).check?.()).toMatchObject({ ready: true })
    })
  })
})
