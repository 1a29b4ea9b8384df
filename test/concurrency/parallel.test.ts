import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stopwatch, stretched } from '../support/own-time.ts'
import { startMemcached, startRedis, type TestServer } from '../support/servers.ts'
import type { BackendKind } from './backends.ts'
import { type Answer, oneProcess, type Servers, twoProcesses } from './processes.ts'

const places = [
  ['memory', 'one process', oneProcess],
  ['memcached', 'one process', oneProcess],
  ['memcached', 'two processes', twoProcesses],
  ['redis', 'one process', oneProcess],
  ['redis', 'two processes', twoProcesses],
] as const

const times = <Result>(count: number, make: (at: number) => Promise<Result>): Promise<Result[]> =>
  Promise.all(Array.from({ length: count }, (_, at) => make(at)))

const count = (answers: readonly Answer[], status: number) =>
  answers.filter((answer) => answer.status === status).length

async function startBackend(kind: BackendKind): Promise<TestServer | undefined> {
  return kind === 'memory' ? undefined : kind === 'redis' ? startRedis() : startMemcached()
}

describe.each(places)('%s, %s', (kind, _, start) => {
  let backend: TestServer | undefined
  let servers: Servers

  beforeAll(async () => {
    backend = await startBackend(kind)
    servers = await start(kind, backend?.port ?? 0, { namespace: 'parallel' })
  })
  afterAll(async () => {
    await servers?.stop()
    await backend?.stop()
  })

  const begin = async (key = 'userId', value = 'u1') => {
    const { status, cookie } = await servers.post(`/set/${key}/${value}`)
    expect(status).toBe(200)
    return cookie as string
  }
  const dataOf = async (cookie: string) => JSON.parse((await servers.get('/data', cookie)).text)
  const onlyStatuses = (answers: readonly Answer[], ...allowed: number[]) => {
    for (const { status } of answers) expect(allowed).toContain(status)
  }

  it('50 parallel updates of one key are all applied, once', async () => {
    const cookie = await begin()
    const answers = await times(50, () => servers.post('/increment', cookie))
    onlyStatuses(answers, 200)
    expect((await dataOf(cookie)).n).toBe(50)
  })

  it('50 parallel sets of different keys are all there', async () => {
    const cookie = await begin()
    onlyStatuses(await times(50, (at) => servers.post(`/set/k${at}/${at}`, cookie)), 200)
    expect(Object.keys(await dataOf(cookie))).toHaveLength(51)
  })

  it('64 parallel appends are all there, within 5 s', async () => {
    const cookie = await begin()
    const took = stopwatch()
    onlyStatuses(await times(64, (at) => servers.post(`/append/${at}`, cookie)), 200)
    expect(took()).toBeLessThan(stretched(5000))
    const { list } = await dataOf(cookie)
    expect(new Set(list).size).toBe(64)
    expect(list).toHaveLength(64)
  })

  it('parallel get-then-set: the count is the number of 200s, the rest are 409 without a cookie', async () => {
    const cookie = await begin('n', '0')
    const answers = await times(30, () => servers.post('/get-then-set', cookie))
    onlyStatuses(answers, 200, 409)
    expect(count(answers, 409)).toBeGreaterThan(0)
    for (const { status, setCookie } of answers) if (status === 409) expect(setCookie).toBeUndefined()
    expect((await dataOf(cookie)).n).toBe(count(answers, 200))
  })

  it('of two parallel pulls exactly one gets the token', async () => {
    for (let round = 0; round < 20; round++) {
      const cookie = await begin('token', 't')
      const answers = await times(2, () => servers.post('/pull', cookie))
      onlyStatuses(answers, 200, 409)
      expect(answers.filter(({ status, text }) => status === 200 && text === 't')).toHaveLength(1)
      expect(await dataOf(cookie)).toEqual({})
    }
  })

  it('a request that only looks never conflicts', async () => {
    const cookie = await begin()
    const looking = times(50, () => servers.get('/data', cookie))
    const writing = times(50, (at) => servers.post(`/set/userId/u${at}`, cookie))
    onlyStatuses([...(await looking), ...(await writing)], 200)
  })

  it('of 20 parallel logins from one session each works, and exactly one takes the cart along (F12)', async () => {
    const cookie = await begin('cart', 'c')
    const answers = await times(20, () => servers.post('/login', cookie))
    onlyStatuses(answers, 200)
    expect(await dataOf(cookie)).toEqual({})
    const found = await Promise.all(answers.map((answer) => dataOf(answer.cookie as string)))
    for (const { userId } of found) expect(userId).toBe('u1')
    expect(found.filter(({ cart }) => cart === 'c')).toHaveLength(1)
  })

  it('100 logouts, each during a slow write, are final at once and for good', async () => {
    const run = async (at: number) => {
      const cookie = await begin()
      const slow = servers.post(`/slow-write/${20 + (at % 10)}`, cookie)
      await new Promise((later) => setTimeout(later, 10 + (at % 15)))
      expect((await servers.post('/logout', cookie)).setCookie).toContain('Max-Age=0')
      expect(await dataOf(cookie)).toEqual({})
      const { status, setCookie } = await slow
      // Stored before the logout, or refused: never anything alive.
      if (status !== 200) expect({ status, setCookie }).toEqual({ status: 409, setCookie: undefined })
      expect(await dataOf(cookie)).toEqual({})
      return status
    }
    const statuses: number[] = []
    for (let batch = 0; batch < 10; batch++) statuses.push(...(await times(10, (at) => run(batch * 10 + at))))
    expect(statuses.filter((status) => status === 409).length).toBeGreaterThan(0)
  })
})
