import { expect, vi } from 'vitest'
import { type MemoryStore, memoryStore } from '../../adapters/stores/memory.ts'
import { createSessions, type Session, type SessionEvent, type Sessions, type Store } from '../../src/index.ts'
import { isTombstone } from '../../src/record/tombstone.ts'
import { codeOf } from '../conformance/assert.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'
import { nextCookies } from '../support/jar.ts'
import { type FailingStore, failingStore, type GatedStore, gatedStore, wrapStore } from '../support/stores.ts'

export type Data = Record<string, unknown>

/** Sessions on memory whose calls can be held and failed, and everything a test wants to see of them. */
export interface Scene {
  readonly sessions: Sessions<Data>
  readonly memory: MemoryStore
  /** The store as the sessions have it: another process may share it. */
  readonly store: Store
  readonly gates: GatedStore
  readonly faults: FailingStore
  readonly clock: FakeClock
  readonly events: SessionEvent[]
  /** Keys ever created, in order; those that hold a live record now. */
  readonly keys: string[]
  live(): Promise<string[]>
}

export interface SceneOptions {
  readonly requestMs?: number
  /** Wraps the store above the gates and faults. */
  readonly around?: (store: Store) => Store
}

export const secret = 'the secret of all race tests: 0123456789'

export function scene({ requestMs = 60_000, around = (store) => store }: SceneOptions = {}): Scene {
  const clock = fakeClock()
  const memory = memoryStore({ now: clock.now })
  const faults = failingStore(memory)
  const gates = gatedStore(faults)
  const keys: string[] = []
  const noted = wrapStore(gates, (call) => {
    if (call.verb === 'create' && call.key !== undefined) keys.push(call.key)
    return call.apply()
  })
  const events: SessionEvent[] = []
  const onEvent = (event: SessionEvent) => void events.push(event)
  const store = around(noted)
  const options = { store, secret, requestMs, now: clock.now, onEvent }
  const live = async () => {
    const entries = await Promise.all(keys.map(async (key) => ({ key, entry: await memory.read(key) })))
    return entries.filter(({ entry }) => entry && !isTombstone(entry.value)).map(({ key }) => key)
  }
  return { sessions: createSessions<Data>(options), memory, store, gates, faults, clock, events, keys, live }
}

/** How a request ended. */
export interface End {
  readonly code: unknown
  readonly setCookie: string | undefined
  /** What the browser sends next. */
  readonly cookies?: string | undefined
}

export interface OpenRequest {
  readonly session: Session<Data>
  finish(failed?: boolean): Promise<End>
}

export function open({ sessions }: Pick<Scene, 'sessions'>, cookie: string | undefined): OpenRequest {
  const { session, commit } = sessions.open(cookie)
  return {
    session,
    finish: (failed = false) =>
      commit({ failed }).then(
        ({ setCookie, setCookies }) => ({ code: 'ok', setCookie, cookies: nextCookies(cookie, setCookies) }),
        (error: unknown) => ({ code: codeOf(error) ?? error, setCookie: undefined }),
      ),
  }
}

/** Runs a handler and its commit. */
export async function run(
  at: Pick<Scene, 'sessions'>,
  cookie: string | undefined,
  handler: (session: Session<Data>) => unknown,
): Promise<End> {
  const { session, finish } = open(at, cookie)
  await handler(session)
  return finish()
}

export function cookieOf({ code, setCookie, cookies }: End): string {
  expect(code).toBe('ok')
  expect(setCookie).toMatch(/^__Host-sid(-rev)?=.+;/)
  return cookies as string
}

/** A session with this data; its cookie. */
export async function begin(at: Pick<Scene, 'sessions'>, data: Data = { userId: 'u1' }): Promise<string> {
  return cookieOf(
    await run(at, undefined, (session) => Object.entries(data).map(([key, value]) => session.set(key, value))),
  )
}

/** What a new request with this cookie sees. */
export async function see(at: Pick<Scene, 'sessions'>, cookie: string | undefined): Promise<Data> {
  const { session, finish } = open(at, cookie)
  const data = await session.all()
  expect((await finish()).code).toBe('ok')
  return data as Data
}

/** A refusal that leaves the browser's cookie alone. */
export const refused = (code: string): End => ({ code, setCookie: undefined })

const realTimeout = globalThis.setTimeout

/**
 * How long it took on a clock that is moved by hand, for as long as it takes: no machine is too busy for it. In small steps with
 * turns of the loop between, since what does not wait for a timer (WebCrypto) must not be outrun.
 */
export async function timed<Result>(work: Promise<Result>): Promise<{ result: Result; took: number }> {
  const start = performance.now()
  let isOver = false
  const end = work
    .then((result) => ({ result, took: performance.now() - start }))
    .finally(() => {
      isOver = true
    })
  while (!isOver) {
    await new Promise((wake) => realTimeout(wake, 0))
    await vi.advanceTimersByTimeAsync(2)
  }
  return end
}
