import type { Found } from './lines.ts'

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** What failed and why, one text each. */
  readonly failures: readonly string[]
}

/** The parts of a test that count. */
export interface Test {
  readonly status: string
  readonly title: string
  readonly ancestorTitles: readonly string[]
  readonly failureMessages: readonly string[]
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

/** Counts what a Vitest run came to; whatever failed that is no test is one failure each. */
export function addFound({ files, faults }: Pick<Found, 'files' | 'faults'>): void {
  for (const [place, tests] of files) add(countsOf(place, tests))
  for (const fault of faults) addFailure(fault)
}

/** What tests of one place came to. */
export function countsOf(place: string, tests: readonly Test[]): Counts {
  const passed = tests.filter(({ status }) => status === 'passed').length
  const failures = tests.filter(({ status }) => status === 'failed').map((test) => failureOf(place, test))
  return { passed, failed: failures.length, skipped: tests.length - passed - failures.length, failures }
}

/** Enough of it to begin with where nothing but the end of a long output was kept. */
function failureOf(place: string, { ancestorTitles, title, failureMessages }: Test): string {
  const why = failureMessages.join('\n').split('\n').slice(0, 12)
  return [`${place}: ${[...ancestorTitles, title].join(' > ')}`, ...why].join('\n  ')
}
