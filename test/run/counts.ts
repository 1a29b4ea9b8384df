import { existsSync, readFileSync } from 'node:fs'

export interface Counts {
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

/** What all parts of a run came to. */
export const counts: Counts = { passed: 0, failed: 0, skipped: 0 }

export function add({ passed, failed, skipped }: Counts): void {
  counts.passed += passed
  counts.failed += failed
  counts.skipped += skipped
}

/** Something that is no test went wrong: one failure. */
export function addFailure(what: string): void {
  console.log(what)
  counts.failed++
}

/** Counts what a Vitest run reported; a run that failed without a failed test is one failure. */
export function addReport(file: string, succeeded: boolean): void {
  const failedBefore = counts.failed
  if (existsSync(file)) for (const result of readReport(file).testResults) addFile(result)
  if (!succeeded && counts.failed === failedBefore) addFailure('the test run failed outside of its tests')
}

const readReport = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Report

function addFile({ name, status, assertionResults }: Report['testResults'][number]): void {
  const failed = assertionResults.filter((test) => test.status === 'failed').length
  const passed = assertionResults.filter((test) => test.status === 'passed').length
  add({ passed, failed, skipped: assertionResults.length - passed - failed })
  // It did not load, or a hook of it failed: Vitest then counts no test.
  if (status === 'failed' && failed === 0) addFailure(`failed outside of its tests: ${name}`)
}
