import type { Session, SessionEvent, Store } from '../../../src/index.ts'
import { assert } from '../assert.ts'

/** What a scenario may choose about a site; everything else is as an application would have it. */
export interface SiteOptions {
  readonly secret?: readonly string[] | undefined
  readonly idleSeconds?: number | undefined
  readonly absoluteSeconds?: number | undefined
  readonly onUnavailable?: 'fail' | 'anonymous' | undefined
}

/** How a request ended, as its browser sees it. */
export interface Outcome {
  /** 200, or that of the error. */
  readonly status: number
  /** The `code` of the library's error, if it ended in one. */
  readonly code: string | undefined
  /** The whole first Set-Cookie header of the session, if there was one. */
  readonly setCookie: string | undefined
  /** The Cookie header that the browser sends next. */
  readonly cookies: string | undefined
  readonly headers: Headers
}

/** One request under way. */
export interface Visit {
  readonly session: Session
  /**
   * Ends the handler; settles when the response would leave.
   * `error`: by an error nobody handles. `refusal`: by an answer that is thrown, such as 403.
   */
  finish(how?: 'error' | 'refusal'): Promise<Outcome>
}

/** One configuration of sessions, reached through a framework or without one. */
export interface Site {
  /** A request with this Cookie header. */
  visit(cookie?: string): Promise<Visit>
}

/** The calls that a site made of its store. */
export interface Calls {
  readonly read: number
  readonly create: number
  readonly update: number
  readonly delete: number
}

/** Where a scenario takes place: its own namespace of a store, sites on it, and a clock. */
export interface SessionWorld {
  /** Whether outcomes are real HTTP responses, with everything a framework adds. */
  readonly http: boolean
  /** Whether time costs time here. */
  readonly realTime: boolean
  /** The store below the counters, for looking and meddling. */
  readonly store: Store
  /** Keys of all records created so far, in order. */
  readonly keys: readonly string[]
  readonly calls: Calls
  /** What all sites reported since the last reset. */
  readonly events: readonly SessionEvent[]
  resetCounters(): void
  /** From now on every call fails, or no longer does. */
  setDown(down: boolean): void
  /** Lets time pass, for the sites and for the store. */
  advance(ms: number): Promise<void>
  /** Sites of one world share its store and namespace. */
  site(options?: SiteOptions): Site
}

/** One scenario, to be run with any test framework or none; rejects with `ConformanceError`. Every run needs a world of its own. */
export interface SessionCase {
  readonly name: string
  run(world: SessionWorld): Promise<void>
}

/** The Cookie header a browser would send after this response; throws where nothing was handed out. */
export function cookieOf(outcome: Outcome, what = 'the response'): string {
  assert(outcome.status === 200, `${what}: expected 200, got ${outcome.status} ${outcome.code ?? ''}`)
  assert(outcome.setCookie !== undefined, `${what}: expected a Set-Cookie`)
  assert(outcome.cookies !== undefined, `${what}: expected a cookie that is not empty`)
  return outcome.cookies
}

/** Runs one request from start to end. */
export async function request(
  site: Site,
  cookie: string | undefined,
  handler: (session: Session) => unknown = () => {},
): Promise<Outcome> {
  const visit = await site.visit(cookie)
  await handler(visit.session)
  return visit.finish()
}

/** A session with this data; its cookie. */
export async function begin(site: Site, data: Readonly<Record<string, unknown>> = { userId: 'u1' }): Promise<string> {
  const outcome = await request(site, undefined, (session) => {
    for (const [key, value] of Object.entries(data)) session.set(key, value)
  })
  return cookieOf(outcome, 'the first write')
}

/** What a request with this cookie sees. */
export async function dataOf(site: Site, cookie: string | undefined): Promise<Record<string, unknown>> {
  const visit = await site.visit(cookie)
  const data = await visit.session.all()
  expectStatus(await visit.finish(), 200, 'a request that reads')
  return data
}

/** Throws unless a request with this cookie sees exactly this. */
export async function expectData(
  site: Site,
  cookie: string | undefined,
  expected: Readonly<Record<string, unknown>>,
  what: string,
): Promise<void> {
  const data = await dataOf(site, cookie)
  const text = (value: Readonly<Record<string, unknown>>) => JSON.stringify(Object.entries(value).sort())
  assert(text(data) === text(expected), `${what}: expected ${text(expected)}, got ${text(data)}`)
}

/** Throws unless the request ended so. */
export function expectStatus(outcome: Outcome, status: number, what: string): void {
  assert(outcome.status === status, `${what}: expected ${status}, got ${outcome.status} ${outcome.code ?? ''}`)
}

/** Throws unless it is an error that leaves the browser's cookie alone. */
export function expectRefused(outcome: Outcome, status: number, code: string, what: string): void {
  expectStatus(outcome, status, what)
  assert(outcome.code === code, `${what}: expected ${code}, got ${outcome.code}`)
  assert(outcome.setCookie === undefined, `${what}: an error must not touch the cookie`)
}

/** Throws unless the response leaves the cookie as it is. */
export function expectNoCookie(outcome: Outcome, what: string): void {
  expectStatus(outcome, 200, what)
  assert(outcome.setCookie === undefined, `${what}: expected no Set-Cookie`)
}

/** Throws unless the store was called exactly so since the last reset. */
export function expectCalls(world: SessionWorld, expected: Partial<Calls>, what: string): void {
  const all = { read: 0, create: 0, update: 0, delete: 0, ...expected }
  for (const verb of ['read', 'create', 'update', 'delete'] as const) {
    const [made, wanted] = [world.calls[verb], all[verb]]
    assert(made === wanted, `${what}: expected ${wanted} calls of ${verb}, got ${made}`)
  }
}

/** How often an event was reported since the last reset. */
export function countEvents(world: SessionWorld, type: SessionEvent['type']): number {
  return world.events.filter((event) => event.type === type).length
}
