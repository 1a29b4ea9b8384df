import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createSessions, type Session, type Sessions, StoreUnavailableError } from '../../src/index.ts'
import type { Store } from '../../src/store.ts'
import { testCluster } from '../support/replication.ts'
import { wrapStore } from '../support/stores.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

type Data = { n: number }
/** As the memcached drivers have it, and the turn of the event loop that they let pass. */
const callMs = 255
/** The deadline, and what the rest of a request may take. */
const longestMs = 320

/** A member as a driver makes it: whoever does not answer is given up. */
function impatient(inner: Store): Store {
  return wrapStore(inner, ({ apply }) => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new StoreUnavailableError('did not answer in time')), callMs)
    })
    return Promise.race([apply(), late]).finally(() => clearTimeout(timer))
  })
}

/** Sessions on two nodes, of which one is frozen once the session is there. */
async function frozen(at: number) {
  const { members } = testCluster(2)
  const { store } = testCluster(0, {
    members: members.map((member) => ({ name: member.name, store: impatient(member) })),
  })
  const sessions = createSessions<Data>({ store, secret: 'the secret of these tests: 0123456789' })
  const cookie = await ask(sessions, undefined, (session) => session.set('n', 0)).done
  members[at]?.always('hang')
  return { sessions, cookie: cookie as string, members }
}

/** One request: its cookie or error, and how long it took. */
function ask(sessions: Sessions<Data>, cookie: string | undefined, handler: (session: Session<Data>) => unknown) {
  const { session, commit } = sessions.open(cookie)
  const start = performance.now()
  const request = async () => {
    await handler(session)
    return (await commit()).setCookie?.split(';', 1)[0]
  }
  const done = request().catch((error: unknown) => error)
  return { done, took: done.then(() => performance.now() - start) }
}

async function within(request: ReturnType<typeof ask>) {
  await vi.advanceTimersByTimeAsync(1000)
  return { result: await request.done, took: await request.took }
}

const handlers: [string, (session: Session<Data>) => unknown][] = [
  ['a first read', (session) => session.get('n')],
  ['a first write', (session) => session.set('n', 1)],
  ['a change of what was read', (session) => session.update('n', (n = 0) => n + 1)],
  ['a login', (session) => session.regenerate({ reauthenticated: true })],
  [
    'a login after a look at the session',
    async (session) => {
      await session.get('n')
      session.regenerate()
      session.set('n', 2)
    },
  ],
  [
    'a logout after a look at the session',
    async (session) => {
      await session.get('n')
      session.destroy()
    },
  ],
]

describe.each([
  ['home', 0],
  ['second', 1],
])('with the %s of two nodes frozen', (_, at) => {
  it.each(handlers)('%s waits for it once and succeeds (F4)', async (_, handler) => {
    const { sessions, cookie } = await frozen(at)
    const { result, took } = await within(ask(sessions, cookie, handler))
    expect(result).not.toBeInstanceOf(Error)
    expect(took).toBeLessThan(longestMs)
  })

  it('a new session waits for it once and succeeds (F4)', async () => {
    const { sessions } = await frozen(at)
    const { result, took } = await within(ask(sessions, undefined, (session) => session.set('n', 1)))
    expect(result).toMatch(/^__Host-sid/)
    expect(took).toBeLessThan(longestMs)
  })

  it('what was changed meanwhile is there when it is back, once (F4)', async () => {
    const { sessions, cookie, members } = await frozen(at)
    const change = ask(sessions, cookie, (session) => session.update('n', (n = 0) => n + 1))
    expect((await within(change)).result).not.toBeInstanceOf(Error)
    members[at]?.always(undefined)
    await vi.advanceTimersByTimeAsync(5000)
    let seen: number | undefined
    await within(
      ask(sessions, cookie, async (session) => {
        seen = await session.get('n')
      }),
    )
    expect(seen).toBe(1)
  })
})

it('a node that freezes between read and write costs its copy one wait, not two (F4)', async () => {
  const { sessions, cookie, members } = await frozen(1)
  members[1]?.always(undefined)
  const change = ask(sessions, cookie, async (session) => {
    await session.update('n', (n = 0) => n + 1)
    members[1]?.always('hang')
  })
  const { result, took } = await within(change)
  expect(result).toMatch(/^__Host-sid/)
  expect(took).toBeLessThan(longestMs)
})
