import { countsOf } from '../../run/counts.ts'
import type { TestResult } from '../../run/lines.ts'
import type { VitestResult } from '../../run/vitest.ts'

/** A line of the table. */
export interface Row {
  readonly name: string
  readonly cells: readonly string[]
  /** The same of the column `redis`, by client. */
  readonly clients?: ReadonlyMap<string, string>
}

const stores = ['memory', 'memcached', 'redis', 'upstash', 'crypto']
/** The heading; `all` is more than the sum of the others. */
export const columns: readonly string[] = [...stores, 'all']

/** Lines up the cells of a table with its heading. */
export function table(heading: readonly string[], rows: readonly Row[]): string {
  const lines = [heading, ...rows.map(({ name, cells }) => [name, ...cells])]
  const widths = heading.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)))
  const text = (line: readonly string[]) =>
    line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ')
  return lines.map((line) => text(line).trimEnd()).join('\n')
}

/** What a runtime came to, store by store. */
export function rowOf(name: string, { files, faults }: VitestResult): Row {
  const tests = [...files.values()].flat()
  const failures = faults.length === 0 ? [] : [`${faults.length} FAILED to run`]
  const cells = stores.map((column) => cellOf(tests.filter(({ ancestorTitles: [top] }) => top === column)))
  const ofRedis = Map.groupBy(
    tests.filter(({ ancestorTitles: [top, client] }) => top === 'redis' && client !== undefined),
    ({ ancestorTitles: [, client = ''] }) => client,
  )
  const clients = new Map([...ofRedis].map(([client, of]) => [client, cellOf(of)]))
  return { name, cells: [...cells, [`${countsOf(name, tests).passed}`, ...failures].join(', ')], clients }
}

/** Which clients of redis ran on which runtime; those that can speak to it at all. */
export function clientTable(rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap(({ clients }) => [...(clients?.keys() ?? [])]))]
  const lines = rows.filter(({ clients }) => clients && clients.size > 0)
  const cells = ({ clients }: Row) => names.map((name) => clients?.get(name) ?? '-')
  return table(
    ['redis by client', ...names],
    lines.map((row) => ({ name: row.name, cells: cells(row) })),
  )
}

function cellOf(tests: readonly TestResult[]): string {
  const { passed, failed } = countsOf('', tests)
  if (failed > 0) return `${passed}, ${failed} FAILED`
  if (tests.some(({ meta, status }) => meta?.refused && status === 'passed')) return 'refused'
  return passed === 0 ? '-' : `${passed}`
}

/** Where sessions were begun, line by line, against where they went on. */
export function matrixOf(store: string, tests: readonly TestResult[]): string {
  const routes = tests.filter(({ ancestorTitles: [top], meta }) => top === store && meta?.route)
  const names = [...new Set(routes.map(({ meta }) => meta?.route?.[0] ?? ''))]
  const cell = (from: string, to: string) => {
    const found = routes.find(({ meta }) => meta?.route?.[0] === from && meta.route[1] === to)
    return found === undefined ? '-' : found.status === 'passed' ? 'ok' : 'FAILED'
  }
  const rows = names.map((from) => ({ name: from, cells: names.map((to) => cell(from, to)) }))
  return table([`${store}: begun on, then used on`, ...names], rows)
}
