import { createConnection } from 'node:net'
import { createClient } from 'redis'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import type { Store } from '../../src/index.ts'

export type BackendKind = 'memory' | 'memcached' | 'redis'

export interface OpenedStore {
  readonly store: Store
  close(): Promise<void>
}

/** A store on a server that listens on this port. */
export async function openStore(kind: BackendKind, port: number): Promise<OpenedStore> {
  if (kind === 'memory') return closing(memoryStore())
  // The machine of the tests may be busy: these tests are about order, not about deadlines.
  if (kind === 'memcached')
    return closing(memcachedStore({ servers: [`127.0.0.1:${port}`], callMs: 20_000, connectMs: 20_000 }))
  const client = createClient({ socket: { host: '127.0.0.1', port } })
  client.on('error', () => {})
  await client.connect()
  return { store: redisStore({ client, callMs: 20_000 }), close: async () => client.destroy() }
}

function closing(store: Store): OpenedStore {
  return { store, close: async () => store.close?.() }
}

/** What memcached has counted so far. */
export async function memcachedStats(port: number): Promise<Record<string, number>> {
  const socket = createConnection(port, '127.0.0.1')
  socket.end('stats\r\nquit\r\n')
  let text = ''
  for await (const chunk of socket) text += chunk
  const pairs = [...text.matchAll(/STAT (\w+) (\d+)\r\n/g)].map(([, name, count]) => [name, Number(count)])
  return Object.fromEntries(pairs)
}

/** The commands that redis has run, without those of an observer. */
export async function redisStats(port: number): Promise<Record<string, number>> {
  const client = createClient({ socket: { host: '127.0.0.1', port } })
  await client.connect()
  const info = await client.info('commandstats')
  const items = await client.dbSize()
  client.destroy()
  const counts = [...info.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, calls]) => [name, Number(calls)])
  const wanted = counts.filter(([name]) => !/^(?:info|dbsize|client|hello|config)/.test(`${name}`))
  return { ...Object.fromEntries(wanted), items }
}
