import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StoreHealth } from '../../../src/index.ts'
import { endWithThis } from '../at-exit.ts'
import type { LabAppOptions } from './app.ts'
import { type Answer, ask } from './http.ts'
import type { StoreSpec } from './stores.ts'

/** What an app process is told at its start. */
export interface AppSpec {
  readonly store: StoreSpec
  readonly app: Omit<LabAppOptions, 'now'>
  /** Unix socket that it listens on: reachable out of any network namespace. */
  readonly path: string
  /** Milliseconds between two lookups of the servers, instead of 60,000. */
  readonly lookupMs?: number | undefined
}

export type AppMessage =
  | { readonly type: 'servers'; readonly servers: readonly string[] }
  | { readonly type: 'stall'; readonly ms: number }
  | { readonly type: 'health' | 'report' }

export interface AppReport {
  readonly events: Readonly<Record<string, number>>
  readonly heapUsed: number
  readonly rss: number
  readonly descriptors: number
}

/** An application in a process of its own. */
export interface App {
  readonly pid: number
  ask(method: 'GET' | 'POST', path: string, cookie?: string): Promise<Answer>
  provide(servers: readonly string[]): void
  stall(ms: number): void
  report(): Promise<AppReport>
  health(): Promise<StoreHealth>
  signal(name: NodeJS.Signals): void
  /** Kills it, if it still runs; the code it ended with. */
  stop(): Promise<number | null>
  readonly exited: Promise<number | null>
}

export interface AppOptions {
  readonly app?: Omit<LabAppOptions, 'now' | 'namespace'>
  readonly lookupMs?: number
  /** Put before the command: `ip netns exec ...`. */
  readonly prefix?: readonly string[]
  /** Runs under this group, so that firewall rules can tell processes apart. */
  readonly gid?: number
}

/** So many app processes on one store; with different options each its own list. */
export function startApps(count: number, store: StoreSpec, options: AppOptions = {}): Promise<readonly App[]> {
  return Promise.all(Array.from({ length: count }, () => startApp(store, options)))
}

export async function startApp(store: StoreSpec, options: AppOptions = {}): Promise<App> {
  const folder = mkdtempSync(join(tmpdir(), 'lab-'))
  const { prefix = [], gid, lookupMs, app = {} } = options
  const path = join(folder, 'app.sock')
  const spec: AppSpec = { store, path, lookupMs, app: { namespace: 'lab', ...app } }
  const file = fileURLToPath(new URL('./app-server.ts', import.meta.url))
  const command = [...prefix, process.execPath, '--expose-gc', file, JSON.stringify(spec)]
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    ...(gid === undefined ? {} : { gid }),
  })
  endWithThis(child)
  const exited = once(child, 'exit').then(([code]) => {
    rmSync(folder, { recursive: true, force: true })
    return code as number | null
  })
  const start = once(child, 'message')
  await Promise.race([
    start,
    exited.then((code) => Promise.reject(new Error(`an app ended with ${code} at its start`))),
  ])
  let asking: Promise<unknown> = Promise.resolve()
  const inquire = <Result>(type: 'health' | 'report'): Promise<Result> => {
    const result = asking.then(async () => {
      const answer = once(child, 'message')
      child.send({ type } satisfies AppMessage)
      return (await answer)[0] as Result
    })
    asking = result
    return result
  }
  return {
    pid: child.pid as number,
    exited,
    ask: (method, at, cookie) => ask(path, method, at, cookie),
    provide: (servers) => void child.send({ type: 'servers', servers } satisfies AppMessage),
    stall: (ms) => void child.send({ type: 'stall', ms } satisfies AppMessage),
    report: () => inquire<AppReport>('report'),
    health: () => inquire<StoreHealth>('health'),
    signal: (name) => void child.kill(name),
    async stop() {
      child.kill('SIGKILL')
      return exited
    },
  }
}
