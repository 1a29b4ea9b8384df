import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { afterEach, describe, expect, test } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { redisStore } from '../../adapters/stores/redis/index.ts'
import { upstashStore } from '../../adapters/stores/redis/upstash.ts'
import { createSessions, type Sessions, type Store } from '../../src/index.ts'
import { type Any, type Browser, browser } from '../support/app.ts'
import { isLong } from '../support/lab/lab.ts'
import { storesToClose } from '../support/memcached.ts'
import { startMemcached, startRedis } from '../support/servers.ts'
import { wrapStore } from '../support/stores.ts'
import { isListKey, loggedInTimes, who } from '../support/subjects.ts'
import { startUpstash } from '../support/upstash.ts'

const { storeOf, closeAll } = storesToClose()
afterEach(closeAll)

const secret = 'the secret of these tests: 0123456789'
const sessionsOn = (store: Store, more = {}) =>
  createSessions<Any>({ store, secret, maxSessions: 100, requestMs: 20_000, ...more })

/** Requests of a browser, one after the other, that read and now and then change; until it is told to stop. */
function inUse(one: Browser, isOver: () => boolean, revokedAt: () => number): { readonly done: Promise<number> } {
  let admitted = 0
  const run = async () => {
    for (let nth = 0; !isOver(); nth++) {
      const isAfter = performance.now() > revokedAt()
      const user = await one
        .visit(async (session) => {
          const user = await session.get('user')
          if (user !== undefined && nth % 3 === 0) session.set('n', nth)
          return user
        })
        .catch((error: { status?: number }) => {
          if (error.status === undefined) throw error
        })
      if (isAfter && user !== undefined) admitted++
      await sleep(5)
    }
  }
  return { done: run().then(() => admitted) }
}

/** 100 sessions of alice, half of them in use from two processes; what is `done` while they are revoked. */
async function revoke100(
  processes: readonly [Sessions<Any>, Sessions<Any>],
  fault: () => void,
  end: () => Promise<void>,
) {
  const [one, two] = processes
  const half = [
    await loggedInTimes(50, 'alice', () => browser(one)),
    await loggedInTimes(50, 'alice', () => browser(two)),
  ]
  const others = await loggedInTimes(5, 'bob', () => browser(one))
  const cookies = half.flat().map(({ cookie }) => cookie)
  expect(await two.list('alice')).toHaveLength(100)
  let [isOver, revokedAt] = [false, Number.POSITIVE_INFINITY]
  const users = half.flatMap((all, at) =>
    all.slice(0, 25).map((one) =>
      inUse(
        browser(processes[1 - at] as typeof two, one.cookie),
        () => isOver,
        () => revokedAt,
      ),
    ),
  )
  await sleep(300)
  fault()
  await two.revoke('alice')
  revokedAt = performance.now()
  /** Nobody is admitted, whichever process is asked; an outage admits nobody either. */
  const admitted = async () => {
    const looks = processes.flatMap((process) =>
      cookies.map((cookie) => who(browser(process, cookie)).catch(() => undefined)),
    )
    return (await Promise.all(looks)).filter((user) => user !== undefined).length
  }
  expect(await admitted()).toBe(0)
  await end()
  expect(await admitted()).toBe(0)
  await sleep(isLong ? 60_000 : 3000)
  expect(await admitted()).toBe(0)
  isOver = true
  expect(await Promise.all(users.map(({ done }) => done))).toEqual(users.map(() => 0))
  expect(await Promise.all(others.map(who))).toEqual(others.map(() => 'bob'))
  expect(await one.list('alice')).toEqual([])
}

describe('100 sessions of one subject, half of them in use from two processes', () => {
  test.each([0, 1, 2])('three servers and two copies, server %i frozen (C23, R3, R5)', async (frozen) => {
    const nodes = await Promise.all([0, 1, 2].map(() => startMemcached()))
    try {
      const servers = nodes.map(({ address }) => address)
      const processes = [0, 1].map(() => sessionsOn(storeOf({ servers }))) as [Sessions<Any>, Sessions<Any>]
      const node = nodes[frozen] as (typeof nodes)[0]
      await revoke100(
        processes,
        () => node.signal('SIGSTOP'),
        async () => {
          node.signal('SIGCONT')
          await sleep(2000)
        },
      )
    } finally {
      for (const node of nodes) {
        node.signal('SIGCONT')
        await node.stop()
      }
    }
  })

  const nothing = () => {}
  const nothingYet = async () => {}

  test('memory (C23)', async () => {
    const store = memoryStore()
    await revoke100([sessionsOn(store), sessionsOn(store)], nothing, nothingYet)
  })

  test('redis (C23)', async () => {
    await using server = await startRedis()
    const clients = [0, 1].map(() => createClient({ socket: { host: '127.0.0.1', port: server.port } }))
    try {
      for (const client of clients) await client.on('error', nothing).connect()
      const [one, two] = clients.map((client) => sessionsOn(redisStore({ client, callMs: 20_000 })))
      await revoke100([one as Sessions<Any>, two as Sessions<Any>], nothing, nothingYet)
    } finally {
      for (const client of clients) client.destroy()
    }
  })

  test('upstash (C23)', async () => {
    await using server = await startRedis()
    await using bridge = await startUpstash(server.port)
    const created = () => sessionsOn(upstashStore({ url: bridge.url, token: bridge.token, callMs: 20_000 }))
    await revoke100([created(), created()], nothing, nothingYet)
  })
})

test('the server of the list killed, without copies: 503 while it may come back, then over, and over when it is back empty (C23, R6)', async () => {
  const nodes = await Promise.all([0, 1, 2].map(() => startMemcached()))
  try {
    const keys: string[] = []
    const servers = nodes.map(({ address }) => address)
    const store = wrapStore(storeOf({ servers, replicas: 1, giveUpSeconds: 2 }), (call) => {
      if (call.verb === 'create' && call.key) keys.push(call.key)
      return call.apply()
    })
    const sessions = sessionsOn(store)
    const has = async (node: (typeof nodes)[0], key: string) =>
      (await storeOf({ servers: [node.address] }).read(key)) !== null
    const homeOf = async (key: string) => {
      for (const node of nodes) if (await has(node, key)) return node
      return expect.fail('the key lies nowhere')
    }
    // A session that lies elsewhere than its list.
    let [own, list, session] = [browser(sessions), '', '']
    do {
      own = browser(sessions)
      await loggedInTimes(1, 'alice', () => own)
      list = keys.find(isListKey) as string
      session = keys.findLast((key) => !isListKey(key)) as string
    } while ((await homeOf(list)) === (await homeOf(session)))
    const home = await homeOf(list)
    expect(await who(own)).toBe('alice')
    await home.stop()
    await expect(who(own)).rejects.toMatchObject({ code: 'unavailable' })
    const outcomes = new Set<unknown>()
    for (const until = performance.now() + 60_000; !outcomes.has(undefined) && performance.now() < until; ) {
      outcomes.add(await who(own).catch(({ code }: { code: string }) => code))
      await sleep(100)
    }
    expect([...outcomes].filter((one) => one !== 'unavailable')).toEqual([undefined])
    await home.restart()
    for (const until = performance.now() + 3000; performance.now() < until; await sleep(100))
      expect(await who(own).catch(() => undefined)).toBeUndefined()
  } finally {
    for (const node of nodes) await node.stop()
  }
})
