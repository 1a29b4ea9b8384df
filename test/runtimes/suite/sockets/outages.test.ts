import { createClient } from 'redis'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { storeFromEnv } from '../../../../adapters/platforms/env.ts'
import { memcachedStore } from '../../../../adapters/stores/memcached/index.ts'
import { redisStore } from '../../../../adapters/stores/redis/index.ts'
import type { Store } from '../../../../src/store.ts'
import { freePort } from '../../../support/servers.ts'
import { type ProxyMode, startTcpProxy } from '../../../support/tcp-proxy.ts'
import { isBun } from '../bun-redis.ts'
import { given } from '../given.ts'

const times = { connectMs: 10_000, callMs: 3000 }
const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

function memcachedOn(port: number, tls?: { readonly ca: string }): Store {
  const store = memcachedStore({ servers: [`127.0.0.1:${port}`], ...times, ...(tls && { tls }) })
  open.push(() => store.close?.())
  return store
}

async function redisOn(port: number): Promise<Store> {
  const client = createClient({ socket: { host: '127.0.0.1', port, reconnectStrategy: 50 }, disableOfflineQueue: true })
  client.on('error', () => {})
  open.push(() => client.destroy())
  await client.connect()
  return redisStore({ client, callMs: times.callMs })
}

/** By the client that `REDIS_URL` finds where no package is installed. */
async function bunOn(port: number): Promise<Store> {
  const missing = Object.assign(new Error('no package'), { code: 'MODULE_NOT_FOUND' })
  const refuse = () => {
    throw missing
  }
  const spy = vi.spyOn(process.getBuiltinModule('module'), 'createRequire').mockReturnValue(refuse as never)
  const store = await storeFromEnv({ REDIS_URL: `redis://127.0.0.1:${port}` })
  expect(spy).toHaveBeenCalled()
  spy.mockRestore()
  open.push(() => store.close?.())
  return store
}

const portOf = (address: string) => Number(address.split(':')[1])
const breaks: readonly ProxyMode[] = ['fin', 'reset', 'garbage']
const clients = [
  ['memcached', portOf(given.memcached[0] as string), memcachedOn, [...breaks, 'silent', 'cut-reply']],
  // That a silent connection is left is up to the options of its client.
  ['redis', given.redisPort, redisOn, breaks],
  ...(isBun ? ([["redis by REDIS_URL and Bun's own client", given.redisPort, bunOn, breaks]] as const) : []),
] as const

describe.each(clients)('%s', (_, port, storeOn, modes) => {
  test.each(modes)('%s: an outage, and over when it is', async (mode) => {
    const proxy = await startTcpProxy(port)
    open.push(() => proxy[Symbol.asyncDispose]())
    const store = await storeOn(proxy.port)
    expect(await store.read('runtimes:nothing')).toBeNull()
    proxy.mode = mode
    await expect(store.read('runtimes:nothing')).rejects.toMatchObject({ code: 'unavailable' })
    proxy.mode = 'pass'
    await expect.poll(() => store.read('runtimes:nothing').catch(() => 'away'), { timeout: 20_000 }).toBeNull()
  })
})

describe('memcached', () => {
  test('a port that nobody listens on is an outage', async () => {
    await expect(memcachedOn(await freePort()).read('key')).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('TLS: a certificate of another authority is an outage, and so is plain text', async () => {
    const { address, ca, otherCa } = given.memcachedTls
    expect(await memcachedOn(portOf(address), { ca }).read('key')).toBeNull()
    for (const tls of [{ ca: otherCa }, undefined])
      await expect(memcachedOn(portOf(address), tls).read('key')).rejects.toMatchObject({ code: 'unavailable' })
  })
})

test('a store that the environment names finds its client, and is closed', async () => {
  const store = await storeFromEnv({ REDIS_URL: `redis://127.0.0.1:${given.redisPort}` })
  await expect.poll(() => store.read('runtimes:nothing').catch(() => 'away'), { timeout: 20_000 }).toBeNull()
  await store.close?.()
  await expect(store.read('runtimes:nothing')).rejects.toMatchObject({ code: 'unavailable' })
})
