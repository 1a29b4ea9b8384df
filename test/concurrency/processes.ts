import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { nextCookies } from '../support/jar.ts'
import { type AppOptions, buildApp } from './app.ts'
import { type BackendKind, openStore } from './backends.ts'

/** What a server of its own process is told beside: a file that holds its secrets, a line each, and may change. */
export interface ProcessOptions extends AppOptions {
  readonly secretsFile?: string | undefined
}

/** What a server process says once it listens. */
export interface ServerMessage {
  readonly port: number
}

export interface Answer {
  readonly status: number
  readonly text: string
  /** The session's Set-Cookie, if any; `cookie` is what a browser would send next. */
  readonly setCookie: string | undefined
  readonly cookie: string | undefined
}

/** Servers on one store; each call goes to the next of them. */
export interface Servers {
  get(path: string, cookie?: string): Promise<Answer>
  post(path: string, cookie?: string): Promise<Answer>
  stop(): Promise<void>
}

/** A server in a process of its own, which ends at once where it is stopped. */
export interface ServerProcess {
  readonly origin: string
  stop(): Promise<void>
}

type Fetch = (path: string, init: RequestInit) => Promise<Response>

/** One server in this process. */
export async function oneProcess(kind: BackendKind, port: number, options: AppOptions): Promise<Servers> {
  const { store, close } = await openStore(kind, port)
  const app = buildApp(store, options)
  return servers([async (path, init) => app.request(path, init)], close)
}

/** Two servers in processes of their own. */
export async function twoProcesses(kind: BackendKind, port: number, options: AppOptions): Promise<Servers> {
  const started = await Promise.all([startProcess(kind, port, options), startProcess(kind, port, options)])
  const stop = async () => void (await Promise.all(started.map((server) => server.stop())))
  return servers(
    started.map(
      ({ origin }) =>
        (path, init) =>
          fetch(`${origin}${path}`, init),
    ),
    stop,
  )
}

/** A server in a process of its own. */
export async function startProcess(kind: BackendKind, port: number, options: ProcessOptions): Promise<ServerProcess> {
  const file = fileURLToPath(new URL('./server.ts', import.meta.url))
  const child = fork(file, [JSON.stringify({ kind, port, ...options })], { execArgv: [], silent: false })
  const exited = once(child, 'exit')
  const [message] = await Promise.race([
    once(child, 'message'),
    exited.then(([code]) => Promise.reject(new Error(`the server ended with ${code} while starting`))),
  ])
  return {
    origin: `http://127.0.0.1:${(message as ServerMessage).port}`,
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}

function servers(fetchers: readonly Fetch[], stop: () => Promise<void>): Servers {
  let turn = 0
  const send = async (method: string, path: string, cookie: string | undefined): Promise<Answer> => {
    const headers: Record<string, string> = cookie === undefined ? {} : { Cookie: cookie }
    const fetcher = fetchers[turn++ % fetchers.length] as Fetch
    const response = await fetcher(path, { method, headers })
    const setCookies = response.headers.getSetCookie()
    const next = nextCookies(cookie, setCookies)
    return { status: response.status, text: await response.text(), setCookie: setCookies[0], cookie: next }
  }
  return {
    get: (path, cookie) => send('GET', path, cookie),
    post: (path, cookie) => send('POST', path, cookie),
    stop,
  }
}
