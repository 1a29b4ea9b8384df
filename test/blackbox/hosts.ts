import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startLambda } from '../lambda/emulator.ts'
import { httpEvent, received } from '../lambda/gateway.ts'
import type { Given } from '../runtimes/suite/given.ts'
import type { Runtime } from '../runtimes/support/runtimes.ts'
import { endWithThis } from '../support/at-exit.ts'
import { expectOne, nextCookies } from '../support/jar.ts'
import { startWorker } from '../support/wrangler.ts'
import type { Consumer } from './consumer.ts'

/** The app on one runtime, reached as its users reach it. */
export interface Host {
  /** `POST` but for the root of a store. */
  ask(path: string, cookie?: string): Promise<Answer>
  stop(): Promise<unknown>
}

/** What a browser makes of a response. */
export interface Answer {
  readonly status: number
  readonly text: string
  /** The Cookie header from now on; undefined where the cookie was taken back. */
  readonly cookie: string | undefined
}

/** What every host is told. */
export interface Surroundings {
  readonly consumer: Consumer
  readonly given: Omit<Given, 'runtime'>
}

const secret = 'one secret for every runtime: 0123456789'
const methodOf = (path: string) => (/^\/\w+$/.test(path) ? 'GET' : 'POST')

function variables({ given, consumer }: Surroundings): Record<string, string> {
  return {
    SECRET: secret,
    MEMCACHED: given.memcached.join(),
    REDIS_PORT: `${given.redisPort}`,
    UPSTASH_URL: given.upstash.url,
    UPSTASH_TOKEN: given.upstash.token,
    PROBE: consumer.probe,
  }
}

/** The app in a process of its own, behind the HTTP server that comes with the runtime. */
export async function startServer({ program, run }: Runtime, around: Surroundings): Promise<Host> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...variables(around) }
  const child = spawn(program, [...run, 'server.ts'], { cwd: around.consumer.folder, env })
  endWithThis(child)
  const port = await listening(child)
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return { ask: over(`http://127.0.0.1:${port}`), stop }
}

/** Over HTTP, with the cookie of a browser. */
function over(url: string): Host['ask'] {
  return async (path, cookie) => {
    const headers: Record<string, string> = cookie === undefined ? {} : { cookie }
    return answerOf(await fetch(new URL(path, url), { method: methodOf(path), headers }), cookie)
  }
}

async function listening(child: ChildProcess): Promise<number> {
  let output = ''
  const port = new Promise<number>((found, failed) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        output += chunk
        const [, port] = /listening on (\d+)/.exec(output) ?? []
        if (port !== undefined) found(Number(port))
      })
    child.once('error', failed)
    child.once('exit', (code) => failed(new Error(`ended with ${code}:\n${output}`)))
    setTimeout(() => failed(new Error(`does not listen:\n${output}`)), 240_000).unref()
  })
  port.catch(() => child.kill('SIGKILL'))
  return port
}

/** A Worker in workerd, as wrangler bundles and runs it; without `nodejs_compat` unless it is given. */
export async function startWorkerd(entry: string, around: Surroundings, flags: readonly string[] = []): Promise<Host> {
  const config = join(around.consumer.folder, `${entry}.toml`)
  const settings = { name: entry, main: `${entry}.ts`, compatibility_date: '2026-07-01', compatibility_flags: flags }
  // JSON spells texts and lists as TOML does.
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`)
      .join(''),
  )
  const { SECRET = '', UPSTASH_URL = '', UPSTASH_TOKEN = '' } = variables(around)
  const worker = await startWorker(config, { SECRET, UPSTASH_TOKEN }, { UPSTASH_URL })
  return { ask: over(worker.url), stop: () => worker[Symbol.asyncDispose]() }
}

/** A function behind an HTTP API, one instance of it. */
export async function startFunction(module: string, around: Surroundings): Promise<Host> {
  const env = variables(around)
  const lambda = await startLambda({ handler: `${module}.handler`, cwd: around.consumer.folder, env })
  const ask = async (path: string, cookie?: string) => {
    const event = httpEvent({ path, cookie })
    const method = methodOf(path)
    const http = { ...event.requestContext.http, method }
    const { kind, result } = await lambda.invoke({ ...event, requestContext: { ...event.requestContext, http } })
    if (kind !== 'response') throw new Error(`${kind}: ${JSON.stringify(result)}\n${lambda.log()}`)
    const { status, headers, body } = received('HTTP API', result)
    return answerOf(new Response(body, { status, headers }), cookie)
  }
  return { ask, stop: () => lambda.stop() }
}

async function answerOf(response: Response, before: string | undefined): Promise<Answer> {
  const setCookies = response.headers.getSetCookie()
  expectOne(setCookies)
  return { status: response.status, text: await response.text(), cookie: nextCookies(before, setCookies) }
}
