import { describe, expect, it } from 'vitest'
import { startMemcached, startRedis } from '../support/servers.ts'
import { oneProcess } from './processes.ts'

const sleep = (ms: number) => new Promise<void>((wake) => setTimeout(wake, ms))

/** memcached counts whole seconds: 3 may be 2, and reads every 0.7 s leave a busy machine a second. */
describe.concurrent.each([
  ['memcached', startMemcached],
  ['redis', startRedis],
] as const)('real time on %s', (kind, start) => {
  it('reads keep a session of 3 s alive for 5 s; 4 s later it has ended', async () => {
    await using server = await start()
    const servers = await oneProcess(kind, server.port, { namespace: 'expiry', idleSeconds: 3 })
    const { cookie } = await servers.post('/set/userId/u1')
    for (let step = 1; step <= 7; step++) {
      await sleep(700)
      expect((await servers.get('/data', cookie)).text).toBe('{"userId":"u1"}')
    }
    await sleep(4000)
    expect((await servers.get('/data', cookie)).text).toBe('{}')
    await servers.stop()
  })

  it('requests that do not touch the session do not keep it alive', async () => {
    await using server = await start()
    const servers = await oneProcess(kind, server.port, { namespace: 'expiry', idleSeconds: 2 })
    const { cookie } = await servers.post('/set/userId/u1')
    for (let step = 1; step <= 6; step++) {
      await sleep(500)
      expect((await servers.get('/untouched', cookie)).status).toBe(200)
    }
    expect((await servers.get('/data', cookie)).text).toBe('{}')
    await servers.stop()
  })
})
