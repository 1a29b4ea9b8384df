import { createServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { MemcachedOptions } from '../../adapters/stores/memcached/index.ts'
import { newKey, storesToClose } from '../support/memcached.ts'
import { freePort, startMemcached } from '../support/servers.ts'

const { storeOf, closeAll } = storesToClose()
afterEach(closeAll)

/** What `check()` says of the one server, and what a call is told. */
async function reasons(port: number, options: Partial<MemcachedOptions> = {}) {
  const store = storeOf({ servers: [`127.0.0.1:${port}`], connectMs: 1000, callMs: 1000, ...options })
  const error = (await store.read(newKey()).catch((thrown: unknown) => thrown)) as { reason?: string } | null
  const health = await store.check?.()
  return { read: error?.reason, check: health?.nodes[0]?.reason, up: health?.nodes[0]?.up, ready: health?.ready }
}

const down = (reason: string) => ({ read: reason, check: reason, up: false, ready: false })

describe.each(['auto', 'binary'] as const)(
  'readiness and errors say what is wrong with a server, protocol %s',
  (protocol) => {
    it('refused: nobody listens (F31)', async () => {
      expect(await reasons(await freePort(), { protocol })).toEqual(down('refused'))
    })

    it('timeout: it is frozen, also from the start', async () => {
      const server = await startMemcached()
      server.signal('SIGSTOP')
      try {
        expect(await reasons(server.port, { protocol, connectMs: 200, callMs: 200 })).toEqual(down('timeout'))
      } finally {
        server.signal('SIGCONT')
        await server.stop()
      }
    })

    it('wrong-answer or disconnected: it is another service', async () => {
      const server = createServer((socket) => {
        socket.on('error', () => {})
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      }).listen(0, '127.0.0.1')
      await new Promise((listening) => server.once('listening', listening))
      const { port } = server.address() as { port: number }
      const { read, check } = await reasons(port, { protocol })
      for (const reason of [read, check]) expect(['wrong-answer', 'disconnected', 'authentication']).toContain(reason)
      server.close()
    })

    it('missing-command: it runs without compare-and-swap', async () => {
      const server = await startMemcached(['-C'])
      const store = storeOf({ servers: [server.address], protocol, connectMs: 1000, callMs: 1000 })
      const created = store.create(newKey(), new Uint8Array(40), 60)
      const error = await created.catch((thrown: unknown) => thrown as { reason?: string })
      if ('reason' in error) expect(error.reason).toBe('missing-command')
      await server.stop()
    })
  },
)

it('authentication: the server wants a password, and got none', async () => {
  const server = await startMemcached(['-Y', '/dev/null'])
  const { read, check } = await reasons(server.port)
  expect([read, check]).toEqual(['authentication', 'authentication'])
  await server.stop()
})
