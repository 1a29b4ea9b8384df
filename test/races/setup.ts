import { expect, vi } from 'vitest'
import type { Session, Store } from '../../src/index.ts'
import { codeOf } from '../conformance/assert.ts'
import { type Kit, kit } from '../support/app.ts'
import { nextCookies } from '../support/jar.ts'

export type Data = Record<string, unknown>

export interface SceneOptions {
  readonly requestMs?: number
  /** Wraps the store above the gates and faults. */
  readonly around?: (store: Store) => Store
}

/** A kit whose requests have time enough for a race that is scripted. */
export const scene = ({ requestMs = 60_000, around }: SceneOptions = {}): Kit => kit({ requestMs }, around)

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

export function open({ sessions }: Pick<Kit, 'sessions'>, cookie: string | undefined): OpenRequest {
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
  at: Pick<Kit, 'sessions'>,
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
export async function begin(at: Pick<Kit, 'sessions'>, data: Data = { userId: 'u1' }): Promise<string> {
  return cookieOf(
    await run(at, undefined, (session) => Object.entries(data).map(([key, value]) => session.set(key, value))),
  )
}

/** What a new request with this cookie sees. */
export async function see(at: Pick<Kit, 'sessions'>, cookie: string | undefined): Promise<Data> {
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
