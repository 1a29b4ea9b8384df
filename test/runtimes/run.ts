/**
 * The same suite on every runtime: `node test/runtimes/run.ts [runtime...]`, after `npm ci --prefix test/runtimes`.
 *
 * Prints runtime x store x passed; the last line is `N passed, N failed`. A runtime whose package is not there is said to be so.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { pack } from '../blackbox/consumer.ts'
import { add, addFailure, counts, countsOf } from '../run/counts.ts'
import { runVitest, type VitestResult } from '../run/vitest.ts'
import { atExit } from '../support/at-exit.ts'
import { isInstalled, type Runtime, runtimes, vitestPath, workerdVersion } from './support/runtimes.ts'
import { type Servers, startServers } from './support/servers.ts'
import { clientTable, columns, matrixOf, type Row, rowOf, table } from './support/table.ts'

const wanted = process.argv.slice(2)
const names = runtimes.map(({ name }) => name)
const unknown = wanted.filter((name) => !names.includes(name))
if (unknown.length > 0) throw new Error(`no such runtime: ${unknown.join(', ')}; there are ${names.join(', ')}`)
const selected = runtimes.filter(({ name }) => wanted.length === 0 || wanted.includes(name))
/** Why tests were left out, each reason once. */
const left = new Set<string>()
const folder = mkdtempSync(join(tmpdir(), 'claimcheck-runtimes-'))
atExit(() => rmSync(folder, { recursive: true, force: true }))

/** Most of a run is waiting for a server's clock: three at a time keep two cores busy, more are in each other's way. */
const atOnce = 3

await main()

async function main(): Promise<void> {
  await using servers = await startServers()
  const rows: Row[] = []
  let matrices = ''
  const suites = selected.map((runtime, at) => async () => {
    rows[at] = await suiteOn(runtime, servers)
  })
  const blackBox = async () => {
    matrices = await blackBoxOn(servers)
  }
  await inTurns(wanted.length === 0 ? [blackBox, ...suites] : suites)
  for (const reason of left) console.log(reason)
  console.log(`\n${table(['passed', ...columns], rows)}\n\n${clientTable(rows)}\n${matrices}`)
  finish()
}

/** The packed package in a process of its own on each runtime, all on the same servers. */
async function blackBoxOn({ given }: Servers): Promise<string> {
  // A whole run has packed it already.
  const tarball = process.env.CLAIMCHECK_TARBALL || (await pack(folder))
  const env = { CLAIMCHECK_GIVEN: JSON.stringify(given), CLAIMCHECK_TARBALL: tarball }
  const command = [process.execPath, vitestPath, 'run', '--config', 'test/blackbox/vitest.config.ts'] as const
  const result = await runVitest(command, { env, isKept: true })
  report('the packed package', result)
  const tests = [...result.files.values()].flat()
  const said = tests.flatMap(({ meta }) => meta?.runtime ?? [])
  return `\nthe packed package ran on ${said.join('; ')}\n\n${matrixOf('redis', tests)}\n\n${matrixOf('memcached', tests)}\n`
}

async function suiteOn(runtime: Runtime, { given }: Servers): Promise<Row> {
  const { name, says, program, vitest } = runtime
  if (!isInstalled(runtime)) return { name: says, cells: ['not installed'] }
  const env = { CLAIMCHECK_GIVEN: JSON.stringify({ ...given, runtime: says }) }
  const command = [program, ...vitest, '--config', 'test/runtimes/vitest.config.ts'] as const
  const result = await runVitest(command, { env, isKept: true })
  const said =
    [...result.files.values()].flat().find(({ meta }) => meta?.runtime)?.meta?.runtime ?? `${says} (said nothing)`
  // A Worker knows that it is one, but not of which version: that its binary says.
  const title = name === 'workerd' ? workerdVersion() : said
  report(title, result)
  return rowOf(title, result)
}

/** One line where all is well; everything that was printed where it is not. */
function report(title: string, result: VitestResult): void {
  const found = countsOf(title, [...result.files.values()].flat())
  const { passed, skipped } = found
  const { faults, output, seconds } = result
  const failed = found.failed + faults.length
  add({ ...found, failed, failures: [...found.failures, ...faults.map((fault) => `${title}: ${fault}`)] })
  if (failed > 0) console.log([output, ...faults].join('\n'))
  for (const line of output.split('\n')) if (line.startsWith('SKIPPED')) left.add(line)
  console.log(`${title}: ${passed} passed, ${failed} failed${withSkipped(skipped)} in ${seconds.toFixed(0)} s`)
  writeCounts(false)
}

/** For the whole run, which counts what there is even where this is ended early. */
function writeCounts(hasEnded: boolean): void {
  const { CLAIMCHECK_COUNTS } = process.env
  if (CLAIMCHECK_COUNTS) writeFileSync(CLAIMCHECK_COUNTS, JSON.stringify({ ...counts, hasEnded }))
}

function withSkipped(skipped: number): string {
  return skipped > 0 ? `, ${skipped} skipped` : ''
}

/** What could not even be started is a failure like any other, and does not keep the rest from running. */
function fail(error: unknown): void {
  addFailure(inspect(error))
}

async function inTurns(works: readonly (() => Promise<void>)[]): Promise<void> {
  const due = [...works]
  const lane = async () => {
    for (let next = due.shift(); next; next = due.shift()) await next().catch(fail)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

function finish(): void {
  const { passed, failed, skipped } = counts
  writeCounts(true)
  console.log(`${passed} passed, ${failed} failed${withSkipped(skipped)}`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
}
