import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stopwatch, stretched } from '../support/own-time.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Lambda } from './emulator.ts'
import { bundle, start, Visitor } from './instance.ts'

const count = 50
/** What memcached is told to take. About twelve of these it needs for itself. */
const limit = 32
/** `requestMs`, and air for a machine on which all of them work at once; longer on one that has other work. */
const deadlineMs = 5000
/** A server that refused is asked again within a second or so. */
const pauseMs = 1500

let folder: string
let server: TestServer
beforeAll(async () => {
  folder = await bundle('shop')
  server = await startMemcached(['-c', `${limit}`, '-t', '1'])
})
afterAll(() => server?.stop())

interface Instance {
  readonly lambda: Lambda
  readonly visitor: Visitor
  readonly user: string
}

test(`${count} instances at once before a memcached of ${limit} connections: 200 or 503, and all when there is room`, async () => {
  const started = performance.now()
  let waiting: readonly Instance[] = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const lambda = await start(folder, 'shop', [server.address])
      return { lambda, visitor: new Visitor(), user: `u${at}` }
    }),
  )
  try {
    // Loaded, each with a session it has not used: nothing is connected yet.
    await Promise.all(waiting.map(({ lambda, visitor }) => visitor.ask(lambda, '/nothing')))
    const loadedMs = Math.round(performance.now() - started)
    const first = await logInAll(waiting)
    console.log(
      `${count} loaded in ${loadedMs} ms; ${first.served.length} served, the slowest answer ${first.slowestMs} ms`,
    )
    expect(first.served.length).toBeGreaterThan(0)
    expect(first.refused.length).toBeGreaterThan(0)
    // Who was served stays served, though others press.
    for (const { lambda, visitor, user } of first.served)
      await waitFor(async () => expect((await visitor.ask(lambda, '/who')).body).toBe(`${user}: `))
    let { served } = first
    waiting = first.refused
    // On a busy machine some are late and have to come again; nobody has to for long.
    for (let wave = 1; waiting.length > 0; wave++) {
      expect(wave).toBeLessThan(8)
      await Promise.all(served.map(({ lambda }) => lambda.stop()))
      await sleep(pauseMs)
      const next = await logInAll(waiting)
      console.log(`wave ${wave}, with ${served.length} gone: ${next.served.length} of ${waiting.length} served`)
      expect(next.served.length).toBeGreaterThan(0)
      waiting = next.refused
      served = next.served
    }
    await Promise.all(served.map(({ lambda }) => lambda.stop()))
  } finally {
    await Promise.all(waiting.map(({ lambda }) => lambda.stop()))
  }
})

/** All at once. Every answer is a login that is there, or a 503 without a cookie, and in time. */
async function logInAll(instances: readonly Instance[]) {
  let slowestMs = 0
  const answers = await Promise.all(
    instances.map(async ({ lambda, visitor, user }) => {
      const took = stopwatch()
      const answer = await visitor.ask(lambda, `/login/${user}`)
      slowestMs = Math.max(slowestMs, Math.round(took()))
      return answer
    }),
  )
  for (const [at, { status, body, headers }] of answers.entries()) {
    const isServed = status === 200
    const expected = isServed ? [200, `${instances[at]?.user}: `, null, 1] : [503, 'Service Unavailable', '1', 0]
    expect([status, body, headers.get('Retry-After'), headers.getSetCookie().length]).toEqual(expected)
  }
  expect(slowestMs).toBeLessThan(stretched(deadlineMs))
  const having = (wanted: boolean) => instances.filter((_, at) => (answers[at]?.status === 200) === wanted)
  return { served: having(true), refused: having(false), slowestMs }
}
