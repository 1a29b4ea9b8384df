import { existsSync, readFileSync } from 'node:fs'
import type { Test } from './counts.ts'

/** What `progress.ts` writes down of a run of Vitest. */
export type Line =
  | { readonly began: 'file' | 'test'; readonly id: string; readonly name: string }
  | { readonly ended: 'test'; readonly id: string; readonly place: string; readonly test: TestResult }
  | {
      readonly ended: 'file'
      readonly id: string
      readonly place: string
      readonly hasFailed: boolean
      readonly errors: readonly string[]
    }
  | { readonly ended: 'run'; readonly errors: readonly string[] }

/** One test, and what it said of itself. */
export interface TestResult extends Test {
  readonly meta?: { readonly runtime?: string; readonly refused?: boolean; readonly route?: readonly [string, string] }
}

/** What the lines of a run tell, whether or not it came to its end. */
export interface Found {
  /** The tests of each file that came to an end. */
  readonly files: ReadonlyMap<string, readonly TestResult[]>
  /** What failed that is no test: files that did not load, hooks, errors that nobody caught. */
  readonly faults: readonly string[]
  /** The names of what had begun and not ended; tests where there are any, else files. */
  readonly underWay: readonly string[]
  readonly hasEnded: boolean
}

export function foundIn(file: string): Found {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').flatMap(parsed) : []
  const files = new Map<string, TestResult[]>()
  for (const line of lines)
    if ('ended' in line && line.ended === 'test') files.set(line.place, [...(files.get(line.place) ?? []), line.test])
  return { files, faults: lines.flatMap(faultsOf), underWay: underWayIn(lines), hasEnded: lines.some(isEnd) }
}

const isEnd = (line: Line) => 'ended' in line && line.ended === 'run'

/** A process that is killed may leave half a line. */
function parsed(text: string): Line[] {
  try {
    return [JSON.parse(text) as Line]
  } catch {
    return []
  }
}

function faultsOf(line: Line): string[] {
  if (!('ended' in line) || line.ended === 'test') return []
  if (line.ended === 'run') return line.errors.map((error) => `an error that nobody caught: ${error}`)
  return line.hasFailed ? [`failed outside of its tests: ${line.place} ${line.errors.join('\n')}`] : []
}

function underWayIn(lines: readonly Line[]): string[] {
  const ended = new Set(lines.flatMap((line) => ('ended' in line && line.ended !== 'run' ? [line.id] : [])))
  const begun = (what: 'file' | 'test') =>
    lines.flatMap((line) => ('began' in line && line.began === what && !ended.has(line.id) ? [line.name] : []))
  const tests = begun('test')
  return tests.length > 0 ? tests : begun('file')
}
