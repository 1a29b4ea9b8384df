/**
 * Everything, as `npm test` runs it: tools, build, types, lint, every test. The last line is `N passed, N failed`.
 *
 * Only Node's own modules are imported here: it has to start, and say what is wrong, where nothing else is in place.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

interface Tool {
  /** Any one of these, by name or by path, will do. */
  readonly commands: readonly string[]
  readonly debian: string
  readonly homebrew: string
}

interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** The parts of Vitest's JSON report that count. */
interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

const root = join(import.meta.dirname, '..')
/** A run takes about eight minutes on two busy cores, most of them waiting for real servers; one that hangs has to fail. */
const testMs = 15 * 60_000

const servers: readonly Tool[] = [
  { commands: ['memcached'], debian: 'memcached', homebrew: 'memcached' },
  { commands: ['redis-server'], debian: 'redis-server', homebrew: 'redis' },
]
const browser: Tool = {
  commands: [
    ...['chromium', 'chromium-browser', 'google-chrome'],
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  debian: 'chromium',
  homebrew: '--cask google-chrome',
}
/** Peers that tests compare with and caches to stand behind, on Debian: installed where that goes unasked, else those tests say that they are skipped. */
const comparisons: readonly Tool[] = [
  { commands: ['/usr/sbin/nginx'], debian: 'nginx-light', homebrew: 'nginx' },
  { commands: ['/usr/sbin/haproxy'], debian: 'haproxy', homebrew: 'haproxy' },
  { commands: ['/usr/sbin/varnishd'], debian: 'varnish', homebrew: 'varnish' },
  { commands: ['php'], debian: 'php-cli', homebrew: 'php' },
  // No commands of their own: Debian's packages leave these folders.
  { commands: ['/usr/share/doc/php-memcached'], debian: 'php-memcached', homebrew: 'php' },
  { commands: ['/usr/share/doc/python3-pylibmc'], debian: 'python3-pylibmc', homebrew: 'libmemcached' },
]
const tools = existsSync(join(root, 'test/browser')) ? [...servers, browser] : servers

process.env.PATH = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
assertNode()
provideTools()
step('build', 'npm', 'run', '--silent', 'build')
step('demo', 'npm', 'run', '--silent', 'build:demo')
step('types', 'tsc', '-p', '.')
step('lint', 'biome', 'check', '--error-on-warnings', '.')
tests()
finish()

function assertNode(): void {
  console.log(`Node ${process.versions.node}`)
  // `npm ci` puts the `node` of the dev dependencies first in the PATH of every script, unless its install script was skipped.
  if (Number.parseInt(process.versions.node, 10) < 22) stop('Node 22 or newer is needed: run `npm rebuild node`')
}

function provideTools(): void {
  const wanted = process.platform === 'linux' ? [...tools, ...comparisons] : tools
  const missing = wanted.filter((tool) => !isThere(tool))
  if (missing.length === 0) return
  console.log(`missing: ${missing.map((tool) => tool.commands[0]).join(', ')}`)
  for (const [command, ...args] of installation(missing)) call(command as string, args)
  const left = tools.filter((tool) => !isThere(tool))
  if (left.length === 0) return
  const debian = left.map((tool) => tool.debian).join(' ')
  const homebrew = left.map((tool) => `brew install ${tool.homebrew}`).join(' && ')
  stop(`install what the tests need, on Debian: apt-get install ${debian}; on macOS: ${homebrew}`)
}

/** The commands that install the tools without asking anybody; none where that is not possible. */
function installation(missing: readonly Tool[]): readonly (readonly string[])[] {
  if (process.platform === 'darwin' && isThere({ commands: ['brew'] }))
    // Homebrew has no package of Chromium that runs unasked: the message says how to get one.
    return missing.filter((tool) => tool !== browser).map((tool) => ['brew', 'install', tool.homebrew])
  if (!isThere({ commands: ['apt-get'] })) return []
  const isRoot = process.getuid?.() === 0
  if (!isRoot && spawnSync('sudo', ['-n', 'true']).status !== 0) return []
  const apt = [...(isRoot ? [] : ['sudo', '-n']), 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get']
  const packages = missing.map((tool) => tool.debian)
  return [
    [...apt, 'update'],
    [...apt, 'install', '-y', '--no-install-recommends', ...packages],
  ]
}

function isThere({ commands }: Pick<Tool, 'commands'>): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return commands.some((command) =>
    command.startsWith('/') ? isExecutable(command) : folders.some((folder) => isExecutable(join(folder, command))),
  )
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** One check before the tests. A failure is counted and the rest still runs: one run shows all that is wrong. */
function step(name: string, command: string, ...args: readonly string[]): void {
  console.log(`\n${name}: ${[command, ...args].join(' ')}`)
  if (call(command, args)) return
  console.log(`${name} failed`)
  counts.failed++
}

function tests(): void {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-'))
  const file = join(folder, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const succeeded = call('vitest', ['run', '--allowOnly=false', ...reporters], testMs)
  const failedBefore = counts.failed
  if (existsSync(file)) count(JSON.parse(readFileSync(file, 'utf8')) as Report)
  rmSync(folder, { recursive: true })
  if (succeeded || counts.failed > failedBefore) return
  console.log('the test run failed outside of its tests')
  counts.failed++
}

function count({ testResults }: Report): void {
  for (const { name, status, assertionResults } of testResults) {
    const failed = assertionResults.filter((test) => test.status === 'failed').length
    const passed = assertionResults.filter((test) => test.status === 'passed').length
    counts.passed += passed
    counts.failed += failed
    counts.skipped += assertionResults.length - passed - failed
    // It did not load, or a hook of it failed: Vitest then counts no test.
    if (status !== 'failed' || failed > 0) continue
    console.log(`failed outside of its tests: ${name}`)
    counts.failed++
  }
}

function call(command: string, args: readonly string[], timeout?: number): boolean {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    killSignal: 'SIGKILL',
    ...(timeout === undefined ? {} : { timeout }),
  })
  if (error) console.log(`${command}: ${error.message}`)
  return status === 0
}

function stop(reason: string): never {
  console.log(reason)
  counts.failed++
  finish()
}

function finish(): never {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`\n${counts.passed} passed, ${counts.failed} failed${skipped}`)
  process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0)
}
