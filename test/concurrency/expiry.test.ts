import { describe, expect, it } from 'vitest'
import { onTime } from '../support/on-time.ts'
import { startMemcached, startRedis } from '../support/servers.ts'
import type { BackendKind } from './backends.ts'
import { oneProcess, type Servers } from './processes.ts'

const lifetimes = { remembered: { idleSeconds: 6, absoluteSeconds: 16 } }

/** A case on the server's own clock; again, on a server of its own, where the machine was late. */
const onServer = (
  [kind, start]: readonly [BackendKind, typeof startMemcached],
  idleSeconds: number,
  run: (servers: Servers, sleep: (ms: number) => Promise<void>) => Promise<void>,
) =>
  onTime(async ({ sleep }) => {
    await using server = await start()
    const servers = await oneProcess(kind, server.port, { namespace: 'expiry', idleSeconds, lifetimes })
    try {
      await run(servers, sleep)
    } finally {
      await servers.stop()
    }
  })

/** memcached counts whole seconds: 3 may be 2, and reads every 0.7 s leave a busy machine a second. */
describe.concurrent.each([['memcached', startMemcached] as const, ['redis', startRedis] as const])(
  'real time on %s',
  (...backend) => {
    it('reads keep a session of 3 s alive for 5 s; 4 s later it has ended', () =>
      onServer(backend, 3, async (servers, sleep) => {
        const { cookie } = await servers.post('/set/userId/u1')
        for (let step = 1; step <= 7; step++) {
          await sleep(700)
          expect((await servers.get('/data', cookie)).text).toBe('{"userId":"u1"}')
        }
        await sleep(4000)
        expect((await servers.get('/data', cookie)).text).toBe('{}')
      }))

    it('requests that do not touch the session do not keep it alive', () =>
      onServer(backend, 2, async (servers, sleep) => {
        const { cookie } = await servers.post('/set/userId/u1')
        for (let step = 1; step <= 6; step++) {
          await sleep(500)
          expect((await servers.get('/untouched', cookie)).status).toBe(200)
        }
        expect((await servers.get('/data', cookie)).text).toBe('{}')
      }))

    it('a remembered session outlives an ordinary one, slides by its own idle time and ends by its own absolute one', () =>
      onServer(backend, 2, async (servers, sleep) => {
        const ordinary = (await servers.post('/login/default')).cookie
        const remembered = (await servers.post('/login/remembered')).cookie
        const data = async (cookie: string | undefined) => (await servers.get('/data', cookie)).text
        // Reads every 3.5 s: more than the idle time of an ordinary one, and less than that of a remembered one, which would end without.
        for (let passed = 3.5; passed < 15; passed += 3.5) {
          await sleep(3500)
          expect([passed, await data(ordinary), await data(remembered)]).toEqual([passed, '{}', '{"userId":"u1"}'])
        }
        await sleep(3000)
        expect(await data(remembered)).toBe('{}')
      }))

    it('a remembered session that nobody uses ends by its own idle time', () =>
      onServer(backend, 2, async (servers, sleep) => {
        const { cookie } = await servers.post('/login/remembered')
        await sleep(8000)
        expect((await servers.get('/data', cookie)).text).toBe('{}')
      }))
  },
)
