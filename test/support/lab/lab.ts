import { setTimeout as sleep } from 'node:timers/promises'
import { expect, vi } from 'vitest'
import { startMemcached, type TestServer } from '../servers.ts'
import type { App } from './apps.ts'
import { busy, measureBusy, promised } from './busy.ts'
import { type ChaosProxy, startChaosProxy } from './chaos-proxy.ts'
import { check, excerpt, type Invariant, summary } from './checker.ts'
import type { Load } from './load.ts'

/** The long form: real times, more rounds. Set CLAIMCHECK_FAULTS=long. */
export const isLong: boolean = process.env.CLAIMCHECK_FAULTS === 'long'

// Set before the tests of the importing file are collected. The soak has a time of its own.
if (isLong) vi.setConfig({ testTimeout: 300_000 })

/** What the promises say, plus what a machine that others use too may add; the promises are stretched on a busy one (`busy`). */
export const settleMs = (): number => promised(600 + 150)

/** Things to be stopped, the last first, whatever became of the test. */
export class Bench implements AsyncDisposable {
  readonly #ends: (() => unknown)[] = []

  constructor() {
    measureBusy()
  }

  /** `onTestFinished`-like: called at the end. */
  defer(end: () => unknown): void {
    this.#ends.push(end)
  }

  async nodes(count: number, args: readonly string[] = []): Promise<readonly TestServer[]> {
    const nodes = await Promise.all(Array.from({ length: count }, () => startMemcached(args)))
    for (const node of nodes) this.defer(() => node.stop())
    return nodes
  }

  async proxies(nodes: readonly TestServer[]): Promise<readonly ChaosProxy[]> {
    const proxies = await Promise.all(nodes.map(({ port }) => startChaosProxy(port)))
    for (const proxy of proxies) this.defer(() => proxy[Symbol.asyncDispose]())
    return proxies
  }

  apps(apps: readonly App[]): readonly App[] {
    for (const app of apps) this.defer(() => app.stop())
    return apps
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends.reverse()) await end()
  }
}

/** Fails with the history of the first violations. `allowed`: what this fault may cost, each at most so often. */
export function expectInvariants({ history }: Load, allowed: Partial<Record<Invariant, number>> = {}): void {
  const violations = check(history)
  const over = violations.filter(
    ({ invariant }) => violations.filter((other) => other.invariant === invariant).length > (allowed[invariant] ?? 0),
  )
  if (over.length > 0) expect.fail(`${JSON.stringify(summary(over))}\n${excerpt(history, over)}`)
}

/** Nobody's cookie is taken back but by a logout that was acknowledged, and no failure comes with a cookie. */
export function expectCookiesLeftAlone({ history }: Load): void {
  const wrong = history.filter(
    ({ kind, status, wasCleared, hasCookie }) =>
      (wasCleared && !(kind === 'logout' && status === 200)) || (hasCookie && (status ?? 0) >= 400),
  )
  expect(wrong).toEqual([])
}

export async function expectNoCrash(apps: readonly App[]): Promise<void> {
  for (const app of apps) expect((await app.report()).events['unhandled-rejection']).toBeUndefined()
}

/** Repeats until it is true. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  withinMs: number,
  what: string,
): Promise<number> {
  const begun = performance.now()
  while (!(await condition())) {
    const tookMs = performance.now() - begun
    if (tookMs > withinMs * busy && tookMs > promised(withinMs)) expect.fail(`${what}: not within ${withinMs} ms`)
    await sleep(20)
  }
  return performance.now() - begun
}

/** No process has taken a node out any more; the ms it took. Only then does every read repair. */
export function untilAllIn(apps: readonly App[], withinMs: number): Promise<number> {
  const isIn = async () => {
    const healths = await Promise.all(apps.map((app) => app.health()))
    return healths.every(({ nodes }) => nodes.every(({ up, outMs }) => up && outMs === undefined))
  }
  return until(isIn, withinMs, 'every node asked again by every process')
}
