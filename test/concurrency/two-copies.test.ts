import { afterAll, beforeAll, expect, it } from 'vitest'
import { memcachedStore } from '../../adapters/stores/memcached/index.ts'
import { createSessions, type Session, type Sessions } from '../../src/index.ts'
import { startMemcached, type TestServer } from '../support/servers.ts'

type Data = { list: readonly number[] } & Record<`key${number}`, number>

/** By hand: `PAIRS=20000`. */
const pairs = Number(process.env.PAIRS ?? 1500)
/** So many sessions at a time, each with one pair of requests after the other. */
const [sessionsAtOnce, pairsOfSession] = [10, 15]

let servers: readonly TestServer[] = []
let processes: readonly Sessions<Data>[] = []
let close = async () => {}

beforeAll(async () => {
  servers = await Promise.all([startMemcached(), startMemcached()])
  // Each with connections and lanes of its own, as two processes have; what is asked here has nothing to do with deadlines.
  const stores = [0, 1].map(() =>
    memcachedStore({ servers: servers.map(({ port }) => `127.0.0.1:${port}`), callMs: 30_000, connectMs: 30_000 }),
  )
  const secret = 'two processes on two healthy copies 0123'
  processes = stores.map((store) => createSessions<Data>({ store, secret, requestMs: 60_000 }))
  close = async () => void (await Promise.all(stores.map((store) => store.close?.())))
})
afterAll(async () => {
  await close()
  await Promise.all(servers.map((server) => server.stop()))
})

const of = (process: number) => processes[process] as Sessions<Data>

async function begin(): Promise<string> {
  const { session, commit } = of(0).open(null)
  session.set('list', [])
  return (await commit()).setCookie?.split(';')[0] ?? ''
}

/** 'ok', or the code of the error. */
async function request(process: number, cookie: string, change: (session: Session<Data>) => unknown): Promise<string> {
  const { session, commit } = of(process).open(cookie)
  try {
    await change(session)
    await commit()
    return 'ok'
  } catch (error) {
    return (error as { code?: string }).code ?? String(error)
  }
}

/** How every request ended, and what the sessions hold. */
async function race(change: (session: Session<Data>, id: number) => unknown) {
  const ends: Record<string, number> = {}
  const wrong: unknown[] = []
  let left = Math.ceil(pairs / pairsOfSession)
  const worker = async () => {
    while (left-- > 0) {
      const cookie = await begin()
      for (let pair = 0; pair < pairsOfSession; pair++) {
        const both = [0, 1].map((process) => request(process, cookie, (session) => change(session, 2 * pair + process)))
        for (const end of await Promise.all(both)) ends[end] = (ends[end] ?? 0) + 1
      }
      const data = await of(0).open(cookie).session.all()
      const ids = [...(data.list ?? []), ...Object.keys(data).flatMap((key) => key.match(/^key(\d+)$/)?.[1] ?? [])]
      const isWhole = ids.length === 2 * pairsOfSession && new Set(ids.map(Number)).size === ids.length
      if (!isWhole) wrong.push(data)
    }
  }
  await Promise.all(Array.from({ length: sessionsAtOnce }, worker))
  const requests = 2 * pairsOfSession * Math.ceil(pairs / pairsOfSession)
  return { ends, wrong, requests }
}

it('two processes that append at once to one session on two healthy copies are never told 503 (F3)', async () => {
  const { ends, wrong, requests } = await race((session, id) => session.update('list', (list = []) => [...list, id]))
  expect({ ends, wrong }).toEqual({ ends: { ok: requests }, wrong: [] })
}, 600_000)

it('nor are those that set different keys of it (F3)', async () => {
  const { ends, wrong, requests } = await race((session, id) => session.set(`key${id}`, id))
  expect({ ends, wrong }).toEqual({ ends: { ok: requests }, wrong: [] })
}, 600_000)
