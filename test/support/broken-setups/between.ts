import { existsSync } from 'node:fs'
import { memcachedStore } from '../../../adapters/stores/memcached/index.ts'
import { trialRecord } from '../../../tools/doctor/cycles.ts'
import { alternating, delaying } from '../proxies.ts'
import { startServer } from '../servers.ts'
import { type BrokenSetup, type Called, type Life, of, withOptions } from './setup.ts'

const fakeTime = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu']
  .map((folder) => `${folder}/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path))

/** A server whose clock is an hour ahead; where nothing can turn its clock, the one here is turned back. */
async function ahead(life: Life): Promise<Called> {
  if (fakeTime === undefined) return { ...of(await life.memcached()), world: { now: () => Date.now() - 3_600_000 } }
  const env = ['env', `LD_PRELOAD=${fakeTime}`, 'FAKETIME=+1h']
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const command = (port: number) => [...env, 'memcached', ...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', '0']
  return of(life.use(await startServer(command)), await life.memcached())
}

/** Sessions as a process with another hash puts them. */
async function sessionsByAnotherHash(servers: readonly string[]): Promise<void> {
  const store = memcachedStore({ servers, hash: 'modula', replicas: 1 })
  for (let i = 0; i < 40; i++) await store.create(`session:${`${i}`.padStart(43, 'k')}`, trialRecord(200, i), 600)
  await store.close?.()
}

/** Mistakes between the servers, and between them and the clocks. */
export const between: readonly BrokenSetup[] = [
  {
    ...{ mistake: 'one server under two names', code: 'same-server', level: 'error' },
    async set({ memcached }) {
      const server = await memcached()
      return of(server, { address: `localhost:${server.port}` })
    },
  },
  {
    ...{ mistake: 'a balancer before several servers', code: 'several-servers', level: 'error' },
    set: async ({ memcached, use }) => of(use(await alternating(await memcached(), await memcached()))),
  },
  {
    ...{ mistake: 'another process with another hash', code: 'ring-disagreement', level: 'warning' },
    async set({ memcached }) {
      const servers = [await memcached(), await memcached(), await memcached()]
      await sessionsByAnotherHash(servers.map(({ address }) => address))
      return of(...servers)
    },
  },
  {
    ...{ mistake: 'a hash that answers at random', code: 'misplaced', level: 'error' },
    async set({ memcached }) {
      const servers = [(await memcached()).address, (await memcached()).address]
      let calls = 0
      return withOptions({ servers, replicas: 1, hash: (_, count) => calls++ % count })
    },
  },
  { ...{ mistake: 'a clock an hour ahead', code: 'clock-skew', level: 'warning' }, set: ahead },
  {
    ...{ mistake: 'a slow way', code: 'slow', level: 'warning' },
    async set({ memcached, use }) {
      const { address } = use(await delaying(await memcached(), 300))
      const times = { connectMs: 4000, callMs: 1000 }
      return { ...withOptions({ servers: [address], ...times }, { requestMs: 2000 }), flags: ['--cycles', '3'] }
    },
  },
  {
    ...{ mistake: 'a way that is longer than a call may take', code: 'cycles-failed', level: 'error' },
    async set({ memcached, use }) {
      const { address } = use(await delaying(await memcached(), 300))
      return withOptions({ servers: [address], callMs: 100 })
    },
  },
  {
    ...{ mistake: 'several servers, and one copy', code: 'one-copy', level: 'note' },
    set: async ({ memcached }) =>
      withOptions({ servers: [(await memcached()).address, (await memcached()).address], replicas: 1 }),
  },
  {
    ...{ mistake: 'one server', code: 'one-server', level: 'note' },
    set: async ({ memcached }) => of(await memcached()),
  },
]
