import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { redisStore } from '../../../../adapters/stores/redis/index.ts'
import { freePort, startRedis, type TestServer } from '../../../support/servers.ts'
import { startTcpProxy } from '../../../support/tcp-proxy.ts'
import { connectGlide } from '../glide.ts'

const bytes = (text: string) => new TextEncoder().encode(text.padEnd(48, '.'))
const callMs = 20_000

const endings: (() => unknown)[] = []
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function start(...args: readonly string[]): Promise<TestServer> {
  const server = await startRedis(args)
  endings.push(() => server.stop())
  return server
}

async function connect(port: number, options?: object) {
  const client = await connectGlide(port, options)
  endings.push(() => client.close())
  return client
}

describe('valkey-glide', () => {
  test('sends the script where the server does not know it, and its name afterwards', async () => {
    const { port } = await start()
    const client = await connect(port)
    const store = redisStore({ client, callMs })
    const created = await store.create('session:a', bytes('one'), 60)
    let version = 'version' in created ? created.version : ''
    for (const value of ['two', 'three', 'four']) {
      const updated = await store.update('session:a', bytes(value), 60, version)
      expect(updated).toMatchObject({ status: 'stored' })
      version = 'version' in updated ? updated.version : ''
    }
    expect(await store.update('session:a', bytes('five'), 60, 'x')).toMatchObject({ status: 'conflict' })
    expect(await store.check?.()).toMatchObject({ ready: true })
    const stats = String(await client.customCommand(['INFO', 'commandstats']))
    expect(stats).toMatch(/cmdstat_eval:calls=1,/)
  })

  test('text comes back as text where the client is set to bytes', async () => {
    const { port } = await start()
    const store = redisStore({ client: await connect(port, { defaultDecoder: 0 }), callMs })
    await store.create('session:a', bytes('one'), 60)
    expect((await store.read('session:a'))?.value).toEqual(bytes('one'))
  })

  test('says what is wrong with the server', async () => {
    const { port } = await start()
    const client = await connect(port)
    const store = redisStore({ client, callMs })
    const reason = () =>
      store.create(`session:${Math.random()}`, bytes('x'), 60).then(
        () => 'none',
        (error: { readonly reason?: string }) => error.reason,
      )
    await client.customCommand(['CONFIG', 'SET', 'maxmemory', '1'])
    expect(await reason()).toBe('out-of-memory')
    await client.customCommand(['CONFIG', 'SET', 'maxmemory', '0'])
    await client.customCommand(['CONFIG', 'SET', 'min-replicas-to-write', '1'])
    expect(await reason()).toBe('writes-stopped')
    await client.customCommand(['CONFIG', 'SET', 'min-replicas-to-write', '0'])
    await client.customCommand(['ACL', 'SETUSER', 'default', '-set'])
    expect(await reason()).toBe('forbidden')
    await client.customCommand(['ACL', 'SETUSER', 'default', '+set'])
    expect(await reason()).toBe('none')
    client.close()
    expect(await reason()).toBe('not-connected')
  })

  test('sends nothing twice: a change whose answer was lost is there once, or it is an outage', async () => {
    const { port } = await start()
    const proxy = await startTcpProxy(port)
    endings.push(() => proxy[Symbol.asyncDispose]())
    const client = await connect(proxy.port, { requestTimeout: 3000 })
    expect(await client.customCommand(['INCR', 'count'])).toBe(1)
    proxy.mode = 'cut-reply'
    await expect(client.customCommand(['INCR', 'count'])).rejects.toThrow()
    const lost = redisStore({ client, callMs }).read('session:a')
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' })
    proxy.mode = 'pass'
    const direct = await connect(port)
    expect(await direct.customCommand(['GET', 'count'])).toBe('2')
    await expect.poll(() => client.customCommand(['GET', 'count']).catch(() => 'away'), { timeout: 20_000 }).toBe('2')
  })

  test('a cluster client asks the master of each key', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'glide-'))
    endings.push(() => rm(folder, { recursive: true, force: true }))
    const { port } = await start('--dir', folder, '--cluster-enabled', 'yes', '--cluster-port', `${await freePort()}`)
    const admin = await connect(port)
    await admin.customCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
    await expect
      .poll(async () => String(await admin.customCommand(['CLUSTER', 'INFO'])), { timeout: 20_000 })
      .toContain('state:ok')
    const client = await connectGlide(port, {}, true)
    endings.push(() => client.close())
    const store = redisStore({ client, callMs })
    for (const key of ['session:a', 'session:b', 'session:c']) {
      const created = await store.create(key, bytes(key), 60)
      const version = 'version' in created ? created.version : ''
      expect(await store.update(key, bytes('new'), 60, version)).toMatchObject({ status: 'stored' })
      expect((await store.read(key, { touchSeconds: 60 }))?.value).toEqual(bytes('new'))
      await store.delete(key)
      expect(await store.read(key)).toBeNull()
    }
  })
})
