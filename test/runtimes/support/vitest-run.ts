import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from '../../run/counts.ts'
import { endWithThis } from '../../support/at-exit.ts'
import { root } from './runtimes.ts'

/** One test as Vitest's JSON report has it, and what it said of itself. */
export interface TestResult extends Test {
  readonly meta?: { readonly runtime?: string; readonly refused?: boolean; readonly route?: readonly [string, string] }
}

/** What came of one run. */
export interface RunResult {
  readonly tests: readonly TestResult[]
  /** What is wrong besides failed tests: files that did not load, no report, an exit code that does not fit. */
  readonly faults: readonly string[]
  readonly output: string
  readonly seconds: number
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly TestResult[]
  }[]
}

/** A run takes well below a minute; one that hangs has to fail. */
const timeoutMs = 300_000

/** Runs Vitest by the given command line to its end and reads its report. */
export async function runVitest(command: readonly string[], env: Readonly<Record<string, string>>): Promise<RunResult> {
  const folder = mkdtempSync(join(tmpdir(), 'claimcheck-runtimes-'))
  const file = join(folder, 'report.json')
  const started = performance.now()
  const [program = '', ...args] = [
    ...command,
    ...['--allowOnly=false', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
  ]
  const { code, output } = await exec(program, args, env)
  const seconds = (performance.now() - started) / 1000
  const report = reportIn(file)
  rmSync(folder, { recursive: true })
  const tests = report?.testResults.flatMap(({ assertionResults }) => assertionResults) ?? []
  return { tests, faults: faultsOf(report, tests, code), output, seconds }
}

function faultsOf(report: Report | undefined, tests: readonly TestResult[], code: number | string): readonly string[] {
  if (!report || tests.length === 0) return [`Vitest ended with ${code} and without a test`]
  const hasFailed = (results: readonly TestResult[]) => results.some(({ status }) => status === 'failed')
  const files = report.testResults
    .filter(({ status, assertionResults }) => status === 'failed' && !hasFailed(assertionResults))
    .map(({ name, message }) => `failed outside of its tests: ${name} ${message ?? ''}`)
  if (code === 0 || files.length > 0 || hasFailed(tests)) return files
  return [`Vitest ended with ${code}, though no test failed`]
}

function reportIn(file: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report
  } catch {
    return undefined
  }
}

function exec(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | string; output: string }> {
  return new Promise((settle) => {
    let output = ''
    const child = spawn(program, args, {
      ...{ cwd: root, stdio: ['ignore', 'pipe', 'pipe'] as const, timeout: timeoutMs, killSignal: 'SIGKILL' as const },
      env: { ...process.env, ...env },
    })
    endWithThis(child)
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk
      })
    child.once('error', ({ message }) => settle({ code: message, output }))
    child.once('close', (code, signal) => settle({ code: code ?? signal ?? 'nothing', output }))
  })
}
