import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { isInstalled, runtimes } from '../runtimes/support/runtimes.ts'
import { type Consumer, makeConsumer } from './consumer.ts'
import { type Host, startWorkerd } from './hosts.ts'

const isThere = runtimes.some((runtime) => runtime.name === 'workerd' && isInstalled(runtime))

describe.skipIf(!isThere)('Workers', () => {
  let consumer: Consumer
  let bare: Host
  let compat: Host
  beforeAll(async () => {
    consumer = await makeConsumer(inject('tarball'))
    const around = { consumer, given: inject('given') }
    const started = [startWorkerd('worker', around), startWorkerd('worker-compat', around, ['nodejs_compat'])] as const
    ;[bare, compat] = await Promise.all(started)
  })
  afterAll(async () => {
    await Promise.all([bare?.stop(), compat?.stop()])
    consumer?.[Symbol.dispose]()
  })

  test('with and without nodejs_compat share a session', async () => {
    const { cookie } = await bare.ask('/redis/login/u/bare')
    const { status, cookie: next } = await compat.ask('/redis/append/compat', cookie)
    expect(status).toBe(200)
    expect(JSON.parse((await bare.ask('/redis', next)).text)).toEqual({ user: 'u', places: ['bare', 'compat'] })
  })

  test('memcached is refused by a message that says what to use', async () => {
    expect(await compat.ask('/memcached')).toMatchObject({
      ...{ status: 500, text: expect.stringContaining("use upstashStore from 'claimcheck/upstash'") },
    })
  })

  test('memory lives as long as its isolate, and in no other', async () => {
    const { cookie } = await bare.ask('/memory/login/u/bare')
    expect(JSON.parse((await bare.ask('/memory', cookie)).text)).toEqual({ user: 'u', places: ['bare'] })
    expect(JSON.parse((await compat.ask('/memory', cookie)).text)).toEqual({})
  })

  test('requests at the same time do not wait for one another: no promise of one is awaited by another', async () => {
    const { cookie } = await bare.ask('/redis/login/u/bare')
    const reads = Array.from({ length: 30 }, () => bare.ask('/redis', cookie))
    const begun = Array.from({ length: 30 }, (_, at) => bare.ask(`/redis/login/u${at}/bare`))
    // Two of one session may collide: then one is told so by a 409, after as many attempts as anywhere.
    const writes = Array.from({ length: 6 }, (_, at) => bare.ask(`/redis/append/${at}`, cookie))
    for (const { status } of await Promise.all([...reads, ...begun])) expect(status).toBe(200)
    const written = (await Promise.all(writes)).flatMap(({ status }, at) => (status === 200 ? [`${at}`] : []))
    const { places } = JSON.parse((await bare.ask('/redis', cookie)).text)
    expect(places.slice(1).sort()).toEqual(written)
    expect(written).not.toEqual([])
  })
})
