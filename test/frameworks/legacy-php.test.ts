import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type FromPhpOptions, fromPhp } from '../../adapters/legacy.ts'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import type { Store } from '../../src/store.ts'
import { kit } from '../support/app.ts'
import { ask } from '../support/memcached.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'
import { askPhp, hasPhp, startPhp } from './php.ts'
import type { Loose } from './worlds.ts'

const isHere = hasPhp('memcached') && hasPhp('redis')
if (!isHere) console.warn('SKIPPED: sessions of PHP. Install it: apt-get install php-cli php-memcached php-redis')

const held = {
  user: { id: 42, name: 'Zoë' },
  cart: ['tea', 3, 1.5, true, null],
  deep: { a: { b: { c: [1, [2, 'x;y"z|w{}']] } }, gap: { 3: 'x' }, none: [] },
}
const formats = ['php', 'php_serialize', 'php_binary'] as const

describe.skipIf(!isHere)('sessions of PHP', () => {
  let memcached: TestServer
  let redisServer: TestServer
  let redis: Loose
  let store: Store
  let folder: string
  beforeAll(async () => {
    memcached = await startMemcached()
    redisServer = await startRedis()
    redis = createClient({ url: `redis://${redisServer.address}` })
    await redis.connect()
    store = memcachedStore({ servers: [memcached.address], replicas: 1 })
    folder = await mkdtemp(join(tmpdir(), 'claimcheck-php-'))
  })
  afterAll(async () => {
    await store?.close?.()
    redis?.destroy()
    await memcached?.stop()
    await redisServer?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const running: TestServer[] = []
  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop()
  })

  async function php(handler: 'memcached' | 'redis', options: Partial<FromPhpOptions> = {}, ini = {}) {
    const { format = 'php' } = options
    const path = handler === 'memcached' ? memcached.address : `tcp://${redisServer.address}`
    const server = await startPhp('php/session.php', {
      'session.save_handler': handler,
      'session.save_path': path,
      'session.serialize_handler': format,
      ...ini,
    })
    running.push(server)
    const legacy = fromPhp({ handler, store: handler === 'memcached' ? store : redis, ...options })
    const test = kit({ legacy, now: Date.now, requestMs: 20_000 })
    const outcomes = () =>
      test.events.flatMap((event) =>
        event.type === 'legacy' ? [{ outcome: event.outcome, message: event.message }] : [],
      )
    const read = (cookie: string | undefined) => test.browser(cookie).visit((session) => session.all())
    return { server, test, outcomes, read, login: async () => (await askPhp(server, '/login')).cookie as string }
  }

  it.each(formats.flatMap((format) => (['memcached', 'redis'] as const).map((handler) => ({ format, handler }))))(
    'come over from $handler in the format $format, and stay there',
    async ({ format, handler }) => {
      const { server, login, read } = await php(handler, { format })
      const cookie = await login()
      expect(await read(cookie)).toEqual(held)
      const { user, cart } = held
      expect(JSON.parse((await askPhp(server, '/', cookie)).text)).toEqual({ user, cart })
    },
  )

  it.each(['memcached', 'redis'] as const)('end in %s with a logout here (G4)', async (handler) => {
    const { server, test, login, read } = await php(handler)
    const cookie = await login()
    const browser = test.browser(cookie)
    await browser.visit((session) => session.get('user'))
    await browser.visit((session) => session.destroy())
    expect(browser.cookie).toBeUndefined()
    expect(JSON.parse((await askPhp(server, '/', cookie)).text)).toEqual({ user: null, cart: null })
    expect(await read(cookie)).toEqual({})
    // The lock is given back: PHP was not kept waiting.
    const id = cookie.split('=')[1]
    if (handler === 'memcached')
      expect(await ask(memcached, `get memc.sess.key.lock.${id}`, /END\r\n$/)).toBe('END\r\n')
  })

  it('are found on several servers, where PHP has placed them', async () => {
    const servers = [memcached, await startMemcached(), await startMemcached()]
    running.push(...servers.slice(1))
    const addresses = servers.map(({ address }) => address)
    const many = memcachedStore({ servers: addresses, replicas: 1, hash: 'php_sessions' })
    const { login, read, test } = await php('memcached', { store: many }, { 'session.save_path': addresses.join(',') })
    for (let at = 0; at < 12; at++) {
      const cookie = await login()
      expect(await read(cookie)).toEqual(held)
      await test.browser(cookie).visit((session) => session.destroy())
      expect(await read(cookie)).toEqual({})
    }
    await many.close?.()
  })

  it('that are refused are named by an event: objects, references, numbers and bytes', async () => {
    const { server, read, outcomes } = await php('memcached')
    const messages: unknown[] = []
    for (const path of ['/object', '/reference', '/number', '/bytes']) {
      const { cookie } = await askPhp(server, path)
      expect(await read(cookie)).toEqual({})
      messages.push(outcomes().at(-1)?.message)
    }
    expect(messages).toEqual([
      'session value basket.kept is an object Basket of PHP, which JSON cannot hold: change it there, or leave it out',
      'session value second is a reference of PHP, which JSON cannot hold: change it there, or leave it out',
      'session value big is the number 9223372036854775807, which JSON cannot hold',
      'session value raw is not UTF-8',
    ])
  })

  it.skipIf(!hasPhp('igbinary'))('in igbinary are refused with a word on what to do', async () => {
    const { login, read, outcomes } = await php('memcached', {}, { 'session.serialize_handler': 'igbinary' })
    expect(await read(await login())).toEqual({})
    expect(outcomes().at(-1)?.message).toContain('igbinary')
  })

  it('are waited for while a request of PHP holds their lock, and come over as it has left them', async () => {
    const { server, read, login } = await php('memcached', { lockMs: 15_000 })
    const cookie = await login()
    const [begun, go] = [join(folder, 'begun'), join(folder, 'go')]
    const slow = askPhp(server, `/slow?begun=${begun}&go=${go}`, cookie)
    await waitFor(() => rm(begun))
    const reading = read(cookie)
    await writeFile(go, '')
    expect(await reading).toEqual({ ...held, cart: ['coffee'] })
    await slow
    await rm(go)
  })

  it('whose lock is held for too long are an outage, and no logout (G7)', async () => {
    const { server, read, test, login } = await php('memcached', { lockMs: 50 })
    const cookie = await login()
    const [begun, go] = [join(folder, 'begun'), join(folder, 'go')]
    const slow = askPhp(server, `/slow?begun=${begun}&go=${go}`, cookie)
    await waitFor(() => rm(begun))
    await expect(read(cookie)).rejects.toMatchObject({ code: 'unavailable' })
    // Neither is there a logout that PHP would undo with the end of its request.
    await expect(test.browser(cookie).visit((session) => session.destroy())).rejects.toMatchObject({
      code: 'unavailable',
    })
    await writeFile(go, '')
    await slow
    await rm(go)
    await test.browser(cookie).visit((session) => session.destroy())
    expect(JSON.parse((await askPhp(server, '/', cookie)).text)).toEqual({ user: null, cart: null })
  })
})
