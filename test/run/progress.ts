import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import type { Line } from './lines.ts'

/**
 * A reporter of Vitest that writes down each test as it begins and as it ends, one line of JSON each, to the file that
 * `CLAIMCHECK_LINES` names: what was counted survives however the run ends, and whoever watches the file sees that it goes on.
 */
class ProgressReporter implements Reporter {
  readonly #written = new Set<string>()

  onTestModuleQueued(file: TestModule): void {
    write({ began: 'file', id: file.id, name: placeOf(file) })
  }

  onTestCaseReady(test: TestCase): void {
    write({ began: 'test', id: test.id, name: `${placeOf(test.module)}: ${titlesOf(test).join(' > ')}` })
  }

  onTestCaseResult(test: TestCase): void {
    this.#write(test)
  }

  onTestModuleEnd(file: TestModule): void {
    // Tests that never began: in what is skipped, or after a hook that failed.
    for (const test of file.children.allTests()) if (!this.#written.has(test.id)) this.#write(test)
    const errors = [file, ...file.children.allSuites()].flatMap((part) => part.errors().map(textOf))
    const isTest = [...file.children.allTests('failed')].length > 0
    write({ ended: 'file', id: file.id, place: placeOf(file), hasFailed: !file.ok() && !isTest, errors })
  }

  onTestRunEnd(_: readonly TestModule[], errors: readonly ErrorLike[]): void {
    write({ ended: 'run', errors: errors.map(textOf) })
  }

  #write(test: TestCase): void {
    this.#written.add(test.id)
    const { state: status, errors = [] } = test.result()
    const found = { status, title: test.name, ancestorTitles: titlesOf(test).slice(0, -1), meta: test.meta() }
    const place = placeOf(test.module)
    write({ ended: 'test', id: test.id, place, test: { ...found, failureMessages: errors.map(textOf) } })
  }
}

interface ErrorLike {
  readonly message: string
  readonly stack?: string | undefined
}

const textOf = ({ stack, message }: ErrorLike) => stack || message
const placeOf = ({ moduleId }: TestModule) => relative(process.cwd(), moduleId)

function titlesOf(test: TestCase): readonly string[] {
  const titles = [test.name]
  for (let up = test.parent; up.type === 'suite'; up = up.parent) titles.unshift(up.name)
  return titles
}

function write(line: Line): void {
  const file = process.env.CLAIMCHECK_LINES
  if (file) appendFileSync(file, `${JSON.stringify(line)}\n`)
}

// biome-ignore lint/style/noDefaultExport: this is how Vitest takes a reporter
export default ProgressReporter
