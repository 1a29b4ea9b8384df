/**
 * How long a process needs until its session library is imported: what a cold start of a function or container pays.
 *
 * `npm run bench:cold [rounds]`. A new process for every sample, one at a time, libraries in turn and in another order each round;
 * medians, and of the distance to bare Hono in the same round, so that a busy machine hits both sides. Everything is installed in
 * one folder, this library as it is packed.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Sample {
  /** Milliseconds for the imports, told by the process itself. */
  readonly imports: number
  /** Milliseconds from its start to its end. */
  readonly whole: number
}

const subjects: readonly (readonly string[])[] = [
  ['hono'],
  ['hono', 'claimcheck', 'claimcheck/upstash'],
  ['hono', 'claimcheck', 'claimcheck/memcached'],
  ['hono', '@hono/session'],
  ['hono', 'hono-sessions'],
  ['hono', 'iron-session'],
  ['express', 'express-session', 'connect-memcached'],
]
const rounds = Number(process.argv[2] ?? 25)
const root = join(import.meta.dirname, '..')

const folder = mkdtempSync(join(tmpdir(), 'claimcheck-cold-'))
try {
  install()
  const programs = subjects.map(program)
  // Not counted: the first reads the files from the disk.
  for (const file of programs) sample(file)
  print(run(programs))
} finally {
  rmSync(folder, { recursive: true })
}

/** The libraries to compare with, and the packed package beside them. */
function install(): void {
  cpSync(join(root, 'bench/node_modules'), join(folder, 'node_modules'), { recursive: true })
  const flags = ['--silent', '--ignore-scripts', '--pack-destination', folder]
  const tarball = execFileSync('npm', ['pack', ...flags], { cwd: root, encoding: 'utf8' }).trim()
  const target = join(folder, 'node_modules/claimcheck')
  mkdirSync(target)
  execFileSync('tar', ['-xzf', join(folder, tarball), '-C', target, '--strip-components=1'])
}

/** Imports as a program writes them, loaded by one that looks at the clock. */
function program(names: readonly string[], at: number): string {
  writeFileSync(join(folder, `imports-${at}.mjs`), names.map((name) => `import '${name}'\n`).join(''))
  const file = join(folder, `program-${at}.mjs`)
  const code = `const start = performance.now()
await import('./imports-${at}.mjs')
process.stdout.write(String(performance.now() - start))
process.exit()`
  writeFileSync(file, code)
  return file
}

function sample(file: string): Sample {
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8' })
  const whole = performance.now() - start
  if (status !== 0) throw new Error(`${file} ended with ${status}\n${stderr}`)
  return { imports: Number(stdout), whole }
}

/** The samples of each program, by round. */
function run(programs: readonly string[]): readonly (readonly Sample[])[] {
  const samples = programs.map((): Sample[] => [])
  const order = programs.map((_, at) => at)
  for (let round = 0; round < rounds; round++) {
    for (const at of order) samples[at]?.push(sample(programs[at] as string))
    // To the left by one: everyone follows everyone else's neighbour sooner or later.
    order.push(order.shift() as number)
    if (round % 2 === 1) order.reverse()
  }
  return samples
}

function print(samples: readonly (readonly Sample[])[]): void {
  const [bare = []] = samples
  const versions = [
    ...new Set(subjects.flat().filter((name) => name.split('/').length === 1 || name.startsWith('@'))),
  ].map(
    (name) => `${name} ${JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version}`,
  )
  console.log(`Node ${process.versions.node}, ${process.platform} ${process.arch}; ${rounds} rounds, medians in ms`)
  console.log(`${versions.join(', ')}\n`)
  console.log(`${''.padEnd(46)}   imports  over Hono   process  over Hono`)
  for (const [at, list] of samples.entries()) {
    const columns = (['imports', 'whole'] as const).flatMap((what) => [
      median(list.map((one) => one[what])),
      median(list.map((one, round) => one[what] - (bare[round]?.[what] ?? Number.NaN))),
    ])
    const name = subjects[at]?.join(' + ') ?? ''
    console.log(`${name.padEnd(46)}${columns.map((ms) => ms.toFixed(1).padStart(10)).join(' ')}`)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
