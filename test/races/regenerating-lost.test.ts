import { expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { createSessions, type Store } from '../../src/index.ts'
import { nextCookies } from '../support/jar.ts'

type Data = { user: string }
const secret = 'k8Jw0sPz1mQv7Xc3Rt5Yb9Nd2Fh4Lg6A'

function site(store: Store = memoryStore()) {
  const sessions = createSessions<Data>({ store, secret })
  const change = async (cookie: string | null, user: string, isLogin = false) => {
    const { session, commit } = sessions.open(cookie)
    if (isLogin) session.regenerate({ reauthenticated: true })
    session.set('user', user)
    return nextCookies(cookie, (await commit()).setCookies) ?? ''
  }
  return { change, see: (cookie: string) => sessions.open(cookie).session.get('user') }
}

it('a login ends the older record behind one that was lost, so that an older cookie opens nothing', async () => {
  const memory = memoryStore()
  let old: { key: string; value: Uint8Array } | undefined
  const store: Store = {
    ...memory,
    async create(key, value, ...rest) {
      old ??= { key, value: value.slice() }
      return memory.create(key, value, ...rest)
    },
  }
  const { change, see } = site(store)
  const first = await change(null, 'mallory')
  const second = await change(first, 'mallory again')
  // The store falls back to what it held before the change.
  const { key, value } = old as { key: string; value: Uint8Array }
  await memory.delete(key)
  await memory.create(key, value, 60)
  expect(await see(first)).toBe('mallory')
  const third = await change(second, 'alice', true)
  expect(await see(third)).toBe('alice')
  expect(await see(first)).toBeUndefined()
})

it('a login with two different sessions in the request ends both', async () => {
  const { change, see } = site()
  const [one, two] = [await change(null, 'one'), await change(null, 'two')]
  const mine = await change(`${one}; ${two}`, 'alice', true)
  expect(await Promise.all([one, two, mine].map(see))).toEqual([undefined, undefined, 'alice'])
})
