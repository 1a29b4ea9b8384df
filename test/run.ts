/**
 * Everything, as `npm test` runs it: tools, build, types, lint, every test on every runtime. The last line is
 * `N passed, N failed`.
 *
 * Only Node's own modules are imported here: it has to start, and say what is wrong, where nothing else is in place.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { type Called, type Command, call, callBeside, root } from './run/command.ts'
import { add, addFailure, addFound, type Counts, counts } from './run/counts.ts'
import { foundIn } from './run/lines.ts'
import { provideTools } from './run/tools.ts'
import { runVitest } from './run/vitest.ts'
import { atExit } from './support/at-exit.ts'

const folder = mkdtempSync(join(tmpdir(), 'claimcheck-'))
/** What is not counted yet. */
const lines = join(folder, 'lines')
const runtimeCounts = join(folder, 'runtimes.json')
let hasFinished = false
atExit(countInterrupted)
atExit(() => rmSync(folder, { recursive: true, force: true }))
// Whatever a test leaves behind is in there, too; servers that gave up root have to reach their sockets.
chmodSync(folder, 0o755)
process.env.TMPDIR = folder
process.env.PATH = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter)
// Packed once, for all tests of the package: packing builds anew, and nobody else must be using what was built.
process.env.CLAIMCHECK_TARBALL = join(folder, tarballName())

assertNode()
const lacking = await provideTools()
if (lacking) stop(lacking)
await step('package', ['npm', 'pack', '--silent', '--pack-destination', folder])
await step('demo', ['npm', 'run', '--silent', 'build:demo'])
await step('types', ['tsc', '-p', '.'])
await step('lint', ['biome', 'check', '--error-on-warnings', '.'])
const platforms = beside()
await tests('unit', 'webcrypto', 'simulation')
await tests('servers')
await tests('package')
await tests('browser')
await showBeside(platforms)
await tests('platforms')
finish()

function assertNode(): void {
  console.log(`Node ${process.versions.node}`)
  // `npm ci` puts the `node` of the dev dependencies first in the PATH of every script, unless its install script was skipped.
  if (Number.parseInt(process.versions.node, 10) < 22) stop('Node 22 or newer is needed: run `npm rebuild node`')
}

function tarballName(): string {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>
  return `${name}-${version}.tgz`
}

/** One check before the tests. A failure is counted and the rest still runs: one run shows all that is wrong. */
async function step(name: string, command: Command): Promise<void> {
  console.log(`\n${name}: ${command.join(' ')}`)
  if (!(await call(command))) addFailure(`${name} failed`)
}

/** Each run on its own: one that hangs takes none of the others with it. */
async function tests(...projects: readonly string[]): Promise<void> {
  const only = projects.flatMap((project) => ['--project', project])
  addFound(await runVitest(['vitest', 'run', ...only], { lines }))
  rmSync(lines, { force: true })
}

interface Beside {
  readonly lambda: Called
  readonly frameworks: Called
  readonly runtimes: Called
  readonly table: Called
}

/**
 * Installs the other runtimes and runs the suite on them while the tests that wait for real servers leave the machine idle;
 * they measure deadlines of a few hundred milliseconds, and so this gives way to them (`nice`).
 */
async function beside(): Promise<Beside> {
  const runtimes = await install('test/runtimes')
  // AWS's runtime client is built here, a minute or two; the table has rows of it.
  const lambda = await install('test/lambda')
  const frameworks = await install('test/frameworks')
  const table = await callBeside(['nice', 'node', 'test/runtimes/run.ts'], { CLAIMCHECK_COUNTS: runtimeCounts })
  return { runtimes, lambda, frameworks, table }
}

/** A folder with a package of its own, unless what it has is what its lock says. */
async function install(at: string): Promise<Called> {
  const installed = join(root, at, 'node_modules/.package-lock.json')
  const isNew =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, at, 'package-lock.json')).mtimeMs
  if (isNew) return { succeeded: true, output: '' }
  return callBeside(['nice', 'npm', 'ci', '--no-audit', '--no-fund', '--prefix', at])
}

async function showBeside(beside: Promise<Beside>): Promise<void> {
  const { runtimes, lambda, frameworks, table } = await beside
  if (!runtimes.succeeded) addFailure(`installing test/runtimes failed\n${runtimes.output}`)
  if (!lambda.succeeded) addFailure(`installing test/lambda failed\n${lambda.output}`)
  if (!frameworks.succeeded) addFailure(`installing test/frameworks failed\n${frameworks.output}`)
  console.log(`\nruntimes: node test/runtimes/run.ts\n${table.output}`)
  if (!countRuntimes()) addFailure('the suite of all runtimes did not come to its end')
}

/** Counts what is written so far; whether it has come to its end. */
function countRuntimes(): boolean {
  if (!existsSync(runtimeCounts)) return false
  const { hasEnded, ...found } = JSON.parse(readFileSync(runtimeCounts, 'utf8')) as Counts & { hasEnded: boolean }
  add(found)
  rmSync(runtimeCounts)
  return hasEnded
}

/** Whoever ends a run still learns what it came to. */
function countInterrupted(): void {
  if (hasFinished) return
  addFound(foundIn(lines))
  countRuntimes()
  addFailure('the run was ended before it had come to its end')
  show()
}

function stop(reason: string): never {
  addFailure(reason)
  finish()
}

function finish(): never {
  hasFinished = true
  show()
  process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0)
}

function show(): void {
  const { passed, failed, skipped, failures } = counts
  // Once more at the end: a log is often kept by its end only.
  for (const failure of failures) console.log(`\nFAILED ${failure}`)
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
}
