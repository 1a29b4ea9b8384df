import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { freePort } from '../support/servers.ts'

const rangePath = '/proc/sys/net/ipv4/ip_local_port_range'
/** The first port that this system gives to a connection of its own choice; 49152 on macOS. */
const firstEphemeral = existsSync(rangePath) ? Number.parseInt(readFileSync(rangePath, 'utf8'), 10) : 49_152

test('a server gets a port that no connection gets while it is down', async () => {
  const ports = await Promise.all(Array.from({ length: 100 }, freePort))
  expect(Math.max(...ports)).toBeLessThan(firstEphemeral)
})

test('a free port is one that can be listened on', async () => {
  const server = createServer().listen(await freePort(), '127.0.0.1')
  await new Promise<void>((settle) => server.once('listening', settle))
  server.close()
})
