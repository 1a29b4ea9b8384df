import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { endWithThis } from '../../support/at-exit.ts'
import { nextCookies } from '../../support/jar.ts'
import { freePort } from '../../support/servers.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const bun = path('../../runtimes/node_modules/.bin/bun')

/** What runs a container here; Bun only where the folder of runtimes is installed. */
export const runtimes: readonly { readonly name: string; readonly command: string; readonly isHere: boolean }[] = [
  { name: 'Node', command: process.execPath, isHere: true },
  { name: 'Bun', command: bun, isHere: existsSync(bun) },
]
for (const { name, isHere } of runtimes)
  if (!isHere) console.warn(`SKIPPED: containers on ${name}: run npm ci in test/runtimes`)

/** A program in one file, deleted in the end. */
export interface Bundle {
  readonly file: string
  [Symbol.asyncDispose](): Promise<void>
}

/** Every name of package.json, its own and those within it, leads to the source that its file is built from. */
const { name: own, exports, imports } = JSON.parse(readFileSync(path('../../../package.json'), 'utf8'))
const source = (built: string) => path(`../../../${built.replace('./dist/', '').replace(/\.js$/, '.ts')}`)
const aliases: Record<string, string> = {}
for (const [name, { node, default: other }] of Object.entries<Record<string, string>>({ ...imports, ...exports }))
  if (other !== undefined) aliases[name.replace(/^\./, own)] = source(node ?? other)

/** Express is CommonJS, which asks for Node's modules by `require`. */
const requiring =
  "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);"

/**
 * One file that holds a program and all it needs, so that it runs on every runtime, and on no stale build: the library's public
 * names lead to its sources. Packages named in `external` have to be installed beside it.
 */
export async function bundle(entry: string, external: readonly string[] = []): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'claimcheck-container-'))
  const file = join(folder, 'app.mjs')
  await build({
    entryPoints: [path(`../../../${entry}`)],
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'esm',
    alias: aliases,
    external: ['memjs', ...external],
    // Packages of examples that are no dependencies of the library.
    nodePaths: [path('../../frameworks/node_modules')],
    banner: { js: requiring },
    logLevel: 'error',
  })
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: IncomingMessage['headers']
  /** What a browser would send next. */
  readonly cookie: string | undefined
}

/** An application in a process of its own. */
export interface Container {
  readonly port: number
  ask(path: string, options?: RequestOptions): Promise<Answer>
  signal(name: NodeJS.Signals): void
  /** The code it ended with, and all it wrote to standard error. */
  readonly ended: Promise<{ readonly code: number | null; readonly errors: string }>
  [Symbol.asyncDispose](): Promise<void>
}

export const secret: string = 'the-secret-of-all-container-tests-0123456789'

/** Starts it and waits until it listens, or has ended. */
export async function startContainer(command: string, file: string, env: NodeJS.ProcessEnv): Promise<Container> {
  const port = await freePort()
  const full = { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: `${port}`, SESSION_SECRET: secret, ...env }
  const child = spawn(command, [file], { env: full, stdio: ['ignore', 'pipe', 'pipe'] })
  endWithThis(child)
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  // 'close' comes when the pipes have been read to their end, 'exit' may come before.
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, errors }))
  await Promise.race([once(child.stdout, 'data'), ended])
  // Browsers and balancers keep their connections: so does every request here.
  const agent = new Agent({ keepAlive: true, maxSockets: 100 })
  return {
    port,
    ended,
    ask: (at, options) => ask({ host: '127.0.0.1', port, agent, path: at, ...options }),
    signal: (name) => void child.kill(name),
    async [Symbol.asyncDispose]() {
      agent.destroy()
      child.kill('SIGKILL')
      await ended
    },
  }
}

export async function ask(options: RequestOptions): Promise<Answer> {
  const sent = request(options)
  sent.end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  const before = (options.headers as Record<string, string> | undefined)?.cookie
  const cookie = nextCookies(before, response.headers['set-cookie'] ?? [])
  return { status: response.statusCode ?? 0, text, headers: response.headers, cookie }
}
