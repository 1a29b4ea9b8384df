import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask, stats } from '../memcached.ts'
import type { TestServer } from '../servers.ts'
import { type BrokenSetup, of, withOptions } from './setup.ts'

/** Values of 100 KB, until the server's own counter says that it has had too much. */
async function fill(server: TestServer, counter: string): Promise<void> {
  const value = 'x'.repeat(100_000)
  for (let at = 0; at < 1000 && ((await stats(server))[counter] ?? 0) === 0; at += 20)
    for (let i = at; i < at + 20; i++) await ask(server, `set fill${i} 0 0 ${value.length}\r\n${value}`, /\r\n$/)
}

/** Connections that stay, as those of many processes do; given when the server has answered on each, or turned it away. */
async function hold(server: TestServer, many: number): Promise<Disposable> {
  const sockets = Array.from({ length: many }, () => connect(server.port, '127.0.0.1').on('error', () => {}))
  await Promise.all(
    sockets.map((socket) => new Promise<void>((done) => socket.once('data', () => done()).write('version\r\n'))),
  )
  return { [Symbol.dispose]: () => void sockets.map((socket) => socket.destroy()) }
}

/** Items that leave next to nothing of their chunks (1184 bytes) unused, so that memory is full before anything is thrown out. */
async function fillUntil(
  server: TestServer,
  isEnough: (counters: Readonly<Record<string, number>>) => boolean,
  name = 'fill',
): Promise<void> {
  const value = 'x'.repeat(1100)
  for (let at = 10_000; !isEnough(await stats(server)); at += 50) {
    const lines = Array.from(
      { length: 50 },
      (_, i) => `set ${name}${at + i} 0 0 ${value.length} noreply\r\n${value}\r\n`,
    )
    await ask(server, `${lines.join('')}version`, /VERSION/)
  }
}

/** Servers with too little room. */
export const load: readonly BrokenSetup[] = [
  {
    ...{ mistake: '-m too small, and evicting', code: 'evicting', level: 'warning' },
    async set({ memcached }) {
      const small = await memcached('-m', '8')
      await fill(small, 'evictions')
      return of(await memcached(), small)
    },
  },
  {
    ...{ mistake: '-m too small for what is expected', code: 'room-for-fewer', level: 'warning' },
    set: async ({ memcached }) => ({ ...of(await memcached('-m', '8')), flags: ['--sessions', '100000'] }),
  },
  {
    ...{ mistake: '-c too small for the processes', code: 'connections-few', level: 'warning' },
    set: async ({ memcached }) => ({ ...of(await memcached('-c', '32', '-t', '1')), flags: ['--processes', '20'] }),
  },
  {
    ...{ mistake: '-c was reached', code: 'connections-refused', level: 'warning' },
    async set({ memcached }) {
      const small = await memcached('-c', '16', '-t', '1')
      ;(await hold(small, 24))[Symbol.dispose]()
      return of(small)
    },
  },
  {
    ...{ mistake: '-c is reached', code: 'connections-full', level: 'error' },
    async set({ memcached, use }) {
      const full = await memcached('-c', '16', '-t', '1')
      use(await hold(full, 24))
      return of(full)
    },
  },
  {
    ...{ mistake: '-m is full, and nothing was thrown out yet', code: 'memory-full', level: 'warning' },
    async set({ memcached }) {
      const full = await memcached('-m', '16')
      await fillUntil(full, ({ bytes = 0, limit_maxbytes = 1 }) => bytes / limit_maxbytes > 0.87)
      return of(await memcached(), full)
    },
  },
  {
    ...{ mistake: '-m is full of what had ended anyway', code: 'evicted-late', level: 'note' },
    async set({ memcached }) {
      const small = await memcached('-m', '8')
      await fillUntil(small, ({ bytes = 0, limit_maxbytes = 1 }) => bytes / limit_maxbytes > 0.8)
      // memcached counts in whole seconds.
      await sleep(3100)
      await fillUntil(small, ({ evictions = 0 }) => evictions > 0, 'more')
      return withOptions({ servers: [small.address] }, { idleSeconds: 1 })
    },
  },
  {
    ...{ mistake: '-M, and -m is full', code: 'out-of-memory', level: 'error', besides: ['warning no-evictions'] },
    async set({ memcached }) {
      const full = await memcached('-M', '-m', '4')
      await fill(full, 'store_no_memory')
      return of(await memcached(), full)
    },
  },
]
