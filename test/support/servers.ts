import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { endWithThis } from './at-exit.ts'
import { stopStill } from './stop-still.ts'

/** A real server process on a free loopback port, ended by its pid. */
export interface TestServer {
  readonly host: string
  readonly port: number
  /** `host:port`. */
  readonly address: string
  readonly pid: number
  /** SIGSTOP, SIGCONT, SIGKILL... to exactly this process. After SIGSTOP none of its threads runs any more. */
  signal(name: NodeJS.Signals): void
  /** Kills the process, if it still runs, and waits until it is gone. */
  stop(): Promise<void>
  /** Starts again on the same port, empty; the old process must be gone. */
  restart(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A port nobody listens on right now, below those that systems give to whoever connects, or listens on port 0 (from 32768 on
 * Linux, from 49152 on macOS): such a one may be somebody else's by the time that a server is started on it again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768)
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch {
    return false
  }
  await new Promise<void>((done) => probe.close(() => done()))
  return true
}

/** Debian's memcached; `args` are its own flags, e.g. `['-c', '16']`. */
export function startMemcached(args: readonly string[] = []): Promise<TestServer> {
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  return startServer((port) => ['memcached', ...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', '0', ...args])
}

/** Debian's redis-server without persistence; `args` are its own flags. */
export function startRedis(args: readonly string[] = []): Promise<TestServer> {
  return startServer((port) => [
    ...['redis-server', '--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    ...args,
  ])
}

/** Any server that stays in the foreground; `commandFor` gives its command line for a free port. */
export async function startServer(commandFor: (port: number) => readonly string[]): Promise<TestServer> {
  const port = await freePort()
  let child = await launch(commandFor(port), port)
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return {
    host: '127.0.0.1',
    port,
    address: `127.0.0.1:${port}`,
    get pid() {
      return child.pid as number
    },
    signal: (name) =>
      name === 'SIGSTOP' ? stopStill(child.pid as number) : void process.kill(child.pid as number, name),
    stop,
    async restart() {
      await stop()
      child = await launch(commandFor(port), port)
    },
    [Symbol.asyncDispose]: stop,
  }
}

async function launch(command: readonly string[], port: number): Promise<ChildProcess> {
  const [file, ...args] = command as [string, ...string[]]
  const child = spawn(file, args, { stdio: 'ignore' })
  endWithThis(child)
  const failed = new Promise<never>((_, reject) => {
    child.once('error', (cause) => reject(new Error(`${file} does not start: install it`, { cause })))
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code} while starting`)))
  })
  failed.catch(() => {})
  const deadline = Date.now() + 60_000
  while (!(await Promise.race([accepts(port), failed]))) {
    if (Date.now() > deadline) throw new Error(`${file} does not listen on ${port}`)
    await new Promise((wait) => setTimeout(wait, 20))
  }
  return child
}

async function accepts(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1')
  const result = await new Promise<boolean>((settle) => {
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
  socket.destroy()
  return result
}
