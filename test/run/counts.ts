import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { root } from './command.ts'

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What failed and why, one text each. */
  readonly failures: readonly string[]
}

/** The parts of a test in Vitest's JSON report that count. */
export interface Test {
  readonly status: string
  readonly title: string
  readonly ancestorTitles: readonly string[]
  readonly failureMessages?: readonly string[] | null
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly Test[]
  }[]
}

/** What all parts of a run came to. */
export let counts: Counts = { passed: 0, failed: 0, skipped: 0, failures: [] }

export function add({ passed, failed, skipped, failures }: Counts): void {
  counts = {
    passed: counts.passed + passed,
    failed: counts.failed + failed,
    skipped: counts.skipped + skipped,
    failures: [...counts.failures, ...failures],
  }
}

/** Something that is no test went wrong: one failure. */
export function addFailure(what: string): void {
  console.log(what)
  add({ passed: 0, failed: 1, skipped: 0, failures: [what] })
}

/** Counts what a Vitest run reported; a run that failed without a failed test is one failure. */
export function addReport(file: string, succeeded: boolean): void {
  const failedBefore = counts.failed
  if (existsSync(file)) for (const result of readReport(file).testResults) addFile(result)
  if (!succeeded && counts.failed === failedBefore) addFailure('the test run failed outside of its tests')
}

/** What tests of one place came to. */
export function countsOf(place: string, tests: readonly Test[]): Counts {
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failures = tests.filter(({ status }) => status === 'failed').map((test) => failureOf(place, test))
  return { passed, failed: failures.length, skipped: tests.length - passed - failures.length, failures }
}

const readReport = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Report

function addFile({ name, status, message, assertionResults }: Report['testResults'][number]): void {
  const file = relative(root, name)
  const found = countsOf(file, assertionResults)
  add(found)
  // It did not load, or a hook of it failed: Vitest then counts no test.
  if (status === 'failed' && found.failed === 0) addFailure(`failed outside of its tests: ${file} ${message ?? ''}`)
}

/** Enough of it to begin with where nothing but the end of a long output was kept. */
function failureOf(place: string, { ancestorTitles, title, failureMessages }: Test): string {
  const why = (failureMessages ?? []).join('\n').split('\n').slice(0, 12)
  return [`${place}: ${[...ancestorTitles, title].join(' > ')}`, ...why].join('\n  ')
}
