import { createClient } from 'redis'
import { afterEach, describe, expect, test } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { type RedisStoreOptions, redisStore } from '../../adapters/stores/redis/index.ts'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import { createSessions, type Store } from '../../src/index.ts'
import { type Any, browser } from '../support/app.ts'
import { type Life, newLife } from '../support/broken-setups.ts'
import { stats, storesToClose } from '../support/memcached.ts'
import { countingStore } from '../support/stores.ts'
import { loggedInTimes, who } from '../support/subjects.ts'
import { startUpstash } from '../support/upstash.ts'

const { storeOf, closeAll } = storesToClose()
afterEach(closeAll)

const secret = 'the secret of these tests: 0123456789'

/** A store, and how many reads and how many other commands its server has had. */
interface Counted {
  readonly store: Store
  count(): Promise<readonly [reads: number, others: number]>
}

/** By the counters of the server itself, but for what a connection begins with and what asks for them. */
async function redisCounted(
  life: Life,
  build: (client: RedisStoreOptions['client'], port: number) => Promise<Store>,
): Promise<Counted> {
  const server = await life.redis()
  const client = createClient({ socket: { host: '127.0.0.1', port: server.port } })
  client.on('error', () => {})
  await client.connect()
  life.use({ [Symbol.dispose]: () => client.destroy() })
  const store = await build(client, server.port)
  const count = async () => {
    const lines = (await client.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)
    const calls = [...lines].filter(([, name = '']) => !/^(info|hello|client|ping|select|command)/.test(name))
    const sum = (isRead: boolean) =>
      calls
        .filter(([, name]) => (name === 'getex' || name === 'get') === isRead)
        .reduce((all, [, , n]) => all + Number(n), 0)
    return [sum(true), sum(false)] as const
  }
  return { store, count }
}

const kinds: Readonly<Record<string, (life: Life) => Promise<Counted>>> = {
  async memory() {
    const store = countingStore(memoryStore())
    const { calls } = store
    return { store, count: async () => [calls.read, calls.create + calls.update + calls.delete] }
  },
  async memcached(life) {
    const server = await life.memcached()
    const count = async () => {
      // A read that slides the expiry counts as a touch.
      const { cmd_get = 0, cmd_touch = 0, cmd_set = 0 } = await stats(server)
      return [cmd_get + cmd_touch, cmd_set] as const
    }
    return { store: storeOf({ servers: [server.address] }), count }
  },
  redis: (life) => redisCounted(life, async (client) => redisStore({ client })),
  upstash: (life) =>
    redisCounted(life, async (_, port) => {
      const bridge = life.use(await startUpstash(port))
      return upstashStore({ url: bridge.url, token: bridge.token })
    }),
}

describe.each(Object.entries(kinds))('a read on %s, by the counters of the server', (_, build) => {
  test('costs one command without a subject, and two with one; nothing is written (C23, G2)', async () => {
    await using life = newLife()
    const { store, count } = await build(life)
    const sessions = createSessions<Any>({ store, secret, requestMs: 20_000 })
    const [alice] = (await loggedInTimes(1, 'alice', () => browser(sessions))) as [ReturnType<typeof browser>]
    const visitor = browser(sessions)
    await visitor.visit((session) => session.set('user', 'a visitor'))
    const costs = async (one: typeof visitor, expected: string) => {
      const before = await count()
      expect(await who(one)).toBe(expected)
      const after = await count()
      return [after[0] - before[0], after[1] - before[1]]
    }
    expect(await costs(visitor, 'a visitor')).toEqual([1, 0])
    expect(await costs(alice, 'alice')).toEqual([2, 0])
    // Also one that was read before.
    expect(await costs(alice, 'alice')).toEqual([2, 0])
  })
})
