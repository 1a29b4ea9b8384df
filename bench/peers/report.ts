import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { Sample, Scenario } from './load.ts'
import type { Kept } from './promises.ts'

/** What one scenario gave: of each contender its samples by round. */
export interface Result {
  readonly scenario: Scenario
  readonly samples: ReadonlyMap<string, readonly Sample[]>
}

/** What the ratios are to. */
export const reference = 'hand-written'

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** The median of the ratios to the reference within each round; to the first contender where the reference did not run. */
export function ratioOf({ samples }: Result, name: string, of: (sample: Sample) => number): number {
  const base = samples.get(reference) ?? [...samples.values()][0] ?? []
  return median((samples.get(name) ?? []).map((sample, round) => of(sample) / of(base[round] as Sample)))
}

/** Versions, machine and date: figures without them mean nothing. */
export function printHead(rounds: number, seconds: number): void {
  const folder = join(import.meta.dirname, 'node_modules')
  const { devDependencies } = JSON.parse(readFileSync(join(import.meta.dirname, 'package.json'), 'utf8'))
  const versions = Object.keys(devDependencies).map((name) => {
    const { version } = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8'))
    return `${name} ${version}`
  })
  const date = new Date().toISOString().slice(0, 10)
  console.log(`${date}, Node ${process.versions.node}, ${process.platform} ${process.arch}, ${cpus().length} cores.`)
  console.log(`Medians of ${rounds} rounds of ${seconds} s, contenders in turn. ${versions.join(', ')}.\n`)
}

export function printTable(result: Result): void {
  const { name, connections, sessions, bytes } = result.scenario
  console.log(
    `### ${name}\n\n${connections} connections, ${sessions} sessions of ${bytes} bytes; x: requests, times those of ${reference}\n`,
  )
  console.log(
    '| | x | requests/s | p50 ms | p99 ms | CPU us | x | store CPU us | RSS MB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|',
  )
  for (const [name, samples] of result.samples) {
    const of = (value: (sample: Sample) => number) => median(samples.map(value))
    const cells = [
      ratioOf(result, name, ({ perSecond }) => perSecond).toFixed(2),
      of(({ perSecond }) => perSecond).toFixed(0),
      (of(({ p50Us }) => p50Us) / 1000).toFixed(2),
      (of(({ p99Us }) => p99Us) / 1000).toFixed(2),
      of(({ cpuUs }) => cpuUs).toFixed(0),
      ratioOf(result, name, ({ cpuUs }) => cpuUs).toFixed(2),
      of(({ storeCpuUs }) => storeCpuUs).toFixed(1),
      (of(({ rssBytes }) => rssBytes) / 2 ** 20).toFixed(0),
    ]
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
  console.log()
}

export function printPromises(kept: ReadonlyMap<string, Kept>): void {
  console.log(
    '### What is kept\n\n| | lost of 50 parallel appends | logouts of 5 undone by a slow request | cookie bytes |\n|---|--:|--:|--:|',
  )
  for (const [name, { lostUpdates, resurrections, cookieBytes }] of kept)
    console.log(`| ${name} | ${lostUpdates} | ${resurrections} | ${cookieBytes} |`)
  console.log()
}
