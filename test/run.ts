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
import { add, addFailure, addReport, type Counts, counts } from './run/counts.ts'
import { provideTools } from './run/tools.ts'
import { atExit } from './support/at-exit.ts'

/** A run takes under ten minutes on two busy cores, most of them waiting for real servers; one that hangs has to fail. */
const testMs = 15 * 60_000
const folder = mkdtempSync(join(tmpdir(), 'claimcheck-'))
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
await tests('unit', 'webcrypto', 'servers', 'package', 'browser')
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

async function tests(...projects: readonly string[]): Promise<void> {
  const file = join(folder, `${projects[0]}.json`)
  const only = projects.flatMap((project) => ['--project', project])
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  addReport(file, await call(['vitest', 'run', '--allowOnly=false', ...only, ...reporters], testMs))
}

interface Beside {
  readonly lambda: Called
  readonly runtimes: Called
  readonly table: Called
  readonly file: string
}

/**
 * Installs the other runtimes and runs the suite on them while the tests that wait for real servers leave the machine idle;
 * they measure deadlines of a few hundred milliseconds, and so this gives way to them (`nice`).
 */
async function beside(): Promise<Beside> {
  const file = join(folder, 'runtimes.json')
  const runtimes = await install('test/runtimes')
  // AWS's runtime client is built here, a minute or two; the table has rows of it.
  const lambda = await install('test/lambda')
  const table = await callBeside(['nice', 'node', 'test/runtimes/run.ts'], { CLAIMCHECK_COUNTS: file })
  return { runtimes, lambda, table, file }
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
  const { runtimes, lambda, table, file } = await beside
  if (!runtimes.succeeded) addFailure(`installing test/runtimes failed\n${runtimes.output}`)
  if (!lambda.succeeded) addFailure(`installing test/lambda failed\n${lambda.output}`)
  console.log(`\nruntimes: node test/runtimes/run.ts\n${table.output}`)
  if (existsSync(file)) add(JSON.parse(readFileSync(file, 'utf8')) as Counts)
  else addFailure('the suite of all runtimes did not come to its end')
}

function stop(reason: string): never {
  addFailure(reason)
  finish()
}

function finish(): never {
  const { passed, failed, skipped, failures } = counts
  // Once more at the end: a log is often kept by its end only.
  for (const failure of failures) console.log(`\nFAILED ${failure}`)
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  process.exit(failed > 0 || passed === 0 ? 1 : 0)
}
