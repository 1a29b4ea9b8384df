import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { atExit } from './at-exit.ts'

const root = join(import.meta.dirname, '../..')
const wrangler = join(root, 'test/runtimes/node_modules/wrangler/bin/wrangler.js')

/** A Worker in the real workerd, as `wrangler dev` runs it. */
export interface TestWorker {
  readonly url: string
  /** What wrangler and the Worker have printed so far. */
  readonly output: string
  [Symbol.asyncDispose](): Promise<void>
}

/** How a finished run of wrangler went. */
export interface WranglerRun {
  readonly code: number | null
  readonly output: string
}

/** Runs a command of wrangler to its end; nothing leaves the machine. */
export async function runWrangler(args: readonly string[]): Promise<WranglerRun> {
  const home = await mkdtemp(join(tmpdir(), 'claimcheck-wrangler-'))
  const { child, printed } = launch(args, home)
  const [code] = (await once(child, 'close')) as [number | null]
  await rm(home, { recursive: true, force: true })
  return { code, output: printed() }
}

/** Variables by their names. */
type Vars = Readonly<Record<string, string>>

/** `wrangler dev` on a free loopback port, with these secrets, and with these variables over those of the configuration. */
export async function startWorker(config: string, secrets: Vars = {}, vars: Vars = {}): Promise<TestWorker> {
  const home = await mkdtemp(join(tmpdir(), 'claimcheck-wrangler-'))
  const listen = ['--ip', '127.0.0.1', '--port', '0', '--inspector-port', '0', '--show-interactive-dev-session=false']
  const own = ['--persist-to', join(home, 'state'), '--env-file', await envFile(home, secrets)]
  const over = Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}:${value}`])
  const { child, printed } = launch(['dev', '--local', '--config', config, ...listen, ...own, ...over], home)
  const url = await readyUrl(child, printed)
  return {
    url,
    get output() {
      return printed()
    },
    async [Symbol.asyncDispose]() {
      await end(child)
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** In the place of a `.dev.vars`, also of one that whoever runs the tests has. */
async function envFile(folder: string, secrets: Vars): Promise<string> {
  const path = join(folder, 'env')
  const lines = Object.entries(secrets).map(([name, value]) => `${name}="${value}"\n`)
  await writeFile(path, lines.join(''))
  return path
}

/** Throws, with what to do, where the private folder of the runtimes is not installed. */
function launch(args: readonly string[], home: string): { child: ChildProcess; printed: () => string } {
  if (!existsSync(wrangler)) throw new Error('wrangler is not installed: run `npm ci --prefix test/runtimes`')
  // No more than needed: wrangler takes secrets from the environment, too.
  const { PATH, TMPDIR = tmpdir() } = process.env
  const quiet = { WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', CLOUDFLARE_CF_FETCH_ENABLED: 'false' }
  const child = spawn(process.execPath, [wrangler, ...args], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...quiet, PATH, TMPDIR, HOME: home, WRANGLER_LOG_PATH: join(home, 'logs'), NO_COLOR: '1', CI: '1' },
  })
  const group = child.pid
  if (group !== undefined) {
    // Whole groups: wrangler has children of its own, workerd among them.
    child.once(
      'close',
      atExit(() => endGroup(group, 'SIGKILL')),
    )
  }
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  return { child, printed: () => text }
}

async function readyUrl(child: ChildProcess, printed: () => string): Promise<string> {
  const deadline = Date.now() + 240_000
  for (;;) {
    const url = /Ready on (http:\/\/\S+)/.exec(printed())?.[1]
    if (url !== undefined) return url
    if (child.exitCode === null && child.signalCode === null && Date.now() < deadline)
      await new Promise((wait) => setTimeout(wait, 50))
    else {
      await end(child)
      throw new Error(`wrangler dev does not start:\n${printed()}`)
    }
  }
}

/** Asked first, so that it takes its temporary files along. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const closed = once(child, 'close')
  endGroup(child.pid, 'SIGTERM')
  const patience = setTimeout(endGroup, 3000, child.pid, 'SIGKILL')
  await closed
  clearTimeout(patience)
}

function endGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal)
  } catch {
    // It has ended by itself.
  }
}
