import { once } from 'node:events'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { createSessions, type Sessions } from '../../src/index.ts'
import { storesToClose } from '../support/memcached.ts'
import { freePort, startMemcached } from '../support/servers.ts'

type Data = { n: number }
const { storeOf, closeAll } = storesToClose()
afterEach(closeAll)

/** A way to a real memcached that can end connections as they come, refuse them, and pass them on. */
class Door {
  readonly port: number
  readonly #to: number
  readonly #sockets: Set<Socket> = new Set()
  /** So many connections are ended as they come. */
  endings = 0
  #server: Server | undefined

  constructor(port: number, to: number) {
    this.port = port
    this.#to = to
  }

  async open(): Promise<void> {
    this.#server = createServer((client) => this.#let(client)).listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async close(): Promise<void> {
    const closed = new Promise((done) => this.#server?.close(done))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #let(client: Socket): void {
    if (this.endings > 0) {
      this.endings--
      client.destroy()
      return
    }
    const server = createConnection(this.#to, '127.0.0.1')
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(server).pipe(client)
  }
}

async function look(sessions: Sessions<Data>, cookie: string): Promise<boolean> {
  try {
    return (await sessions.open(cookie).session.get('n')) === 0
  } catch {
    return false
  }
}

test.each([
  ['meta', 'ended'],
  ['meta', 'refused'],
  ['binary', 'ended'],
  ['binary', 'refused'],
] as const)(
  '%s, connections %s: who waits a second after a 503 is served at the first try once the server is back (F5)',
  async (protocol, how) => {
    await using memcached = await startMemcached()
    const door = new Door(await freePort(), memcached.port)
    await door.open()
    const store = storeOf({ servers: [`127.0.0.1:${door.port}`], ...(protocol === 'binary' ? { protocol } : {}) })
    const sessions = createSessions<Data>({ store, secret: 'the secret of these tests: 0123456789' })
    const { session, commit } = sessions.open(undefined)
    session.set('n', 0)
    const cookie = (await commit()).setCookie?.split(';', 1)[0] as string

    if (how === 'ended') {
      door.endings = 5
      door.cut()
    } else await door.close()
    let isBack = false
    let [refusals, second] = [0, 0]
    const visitor = async (nth: number) => {
      await sleep(nth * 70)
      while (true) {
        const wasBack = isBack
        if (await look(sessions, cookie)) return
        refusals++
        if (wasBack) second++
        await sleep(1000)
      }
    }
    const visits = Promise.all(Array.from({ length: 14 }, (_, nth) => visitor(nth)))
    if (how === 'ended') while (door.endings > 0) await sleep(5)
    else {
      await sleep(2500)
      await door.open()
    }
    isBack = true
    await visits
    await door.close()
    expect(refusals).toBeGreaterThan(0)
    expect(second).toBe(0)
  },
  30_000,
)

test('a server that is up and down in turn serves a good part of the requests (F5)', async () => {
  await using memcached = await startMemcached()
  const door = new Door(await freePort(), memcached.port)
  await door.open()
  const store = storeOf({ servers: [`127.0.0.1:${door.port}`] })
  const sessions = createSessions<Data>({ store, secret: 'the secret of these tests: 0123456789' })
  const { session, commit } = sessions.open(undefined)
  session.set('n', 0)
  const cookie = (await commit()).setCookie?.split(';', 1)[0] as string
  const results: boolean[] = []
  const asks: Promise<unknown>[] = []
  const asking = setInterval(() => asks.push(look(sessions, cookie).then((ok) => results.push(ok))), 5)
  for (let turn = 0; turn < 15; turn++) {
    await door.close()
    await sleep(100)
    await door.open()
    await sleep(100)
  }
  clearInterval(asking)
  await Promise.all(asks)
  await door.close()
  const share = results.filter(Boolean).length / results.length
  // A breaker and longer and longer pauses served 2 %; without them it is about half.
  expect(share).toBeGreaterThan(0.3)
})
