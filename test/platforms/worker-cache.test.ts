import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startWorker, type TestWorker } from '../support/wrangler.ts'

let worker: TestWorker
const cookies = new Map<string, string>()

const ask = (path: string, user?: string, init: RequestInit = {}) => {
  const cookie = cookies.get(user ?? '')
  return fetch(new URL(path, worker.url), { ...init, headers: cookie === undefined ? {} : { Cookie: cookie } })
}

beforeAll(async () => {
  worker = await startWorker('test/platforms/worker-cache.toml')
  for (const user of ['alice', 'bob']) {
    const [set = ''] = (await ask(`/login/${user}`, undefined, { method: 'POST' })).headers.getSetCookie()
    cookies.set(user, set.split(';')[0] ?? '')
  }
})
afterAll(() => worker?.[Symbol.asyncDispose]())

describe("a page of one user is never served to another by Hono's cache() on workerd (F19)", () => {
  test.each(['outside', 'outside-all', 'text', 'response', 'vary', 'public', 'own-vary', 'all', 'write', 'after'])(
    '%s',
    async (kind) => {
      const seen: unknown[] = []
      for (const user of ['alice', 'bob', 'alice', undefined]) {
        const response = await ask(`/${kind}/me`, user)
        const text = await response.text()
        seen.push(response.headers.get('X-User') ?? text)
        expect(response.headers.get('Vary')).toMatch(/cookie/i)
      }
      expect(seen).toEqual(['alice', 'bob', 'alice', 'undefined'].map((user) => `page of ${user}`))
    },
  )

  test('and what used no session is still kept for all', async () => {
    const made = async () => (await ask('/made')).json()
    const before = Number(await made())
    for (const user of ['alice', 'bob', undefined]) {
      const response = await ask('/shared', user)
      expect([await response.text(), response.headers.get('Vary')]).toEqual(['for all', null])
    }
    expect(await made()).toBe(before + 1)
  })
})

test('of two sessions of one request that both write none is stored: the execution context tells (F20)', async () => {
  const before = await (await ask('/seen', 'bob')).json()
  const response = await ask('/twice/write', 'bob')
  expect([response.status, await response.text()]).toEqual([500, 'SessionUseError'])
  expect(await (await ask('/seen', 'bob')).json()).toEqual(before)
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask('/once/write', 'bob')))
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect(await (await ask('/seen', 'bob')).json()).toBe(2)
})
