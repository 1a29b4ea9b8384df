import { type Finding, judge, type Violation } from './judge.ts'
import { type Habit, habits, makePlan, type Place, places } from './plan.ts'
import { type Spoil, type Visit, visit } from './visits.ts'

/** How the schedules of one place and habit went. */
export interface Tally {
  readonly place: Place
  readonly habit: Habit
  readonly seeds: number
  readonly visits: number
  /** How many of the visits were answered 503. */
  readonly unavailable: number
  /** Each violation with the number of seeds that show it, and the first. */
  readonly violations: ReadonlyMap<Violation, { readonly count: number; readonly seed: number }>
}

/** One schedule, judged. */
export interface Story {
  readonly visits: readonly Visit[]
  readonly trace: readonly string[]
  readonly findings: readonly Finding[]
}

/** Runs one schedule and judges it. */
export async function oracle(seed: number, place: Place, habit: Habit, spoil?: Spoil): Promise<Story> {
  const plan = makePlan(seed, place, habit)
  const { visits, trace } = await visit(seed, plan, spoil)
  return { visits, trace, findings: judge(visits, plan.visitsMs + plan.calmMs) }
}

/** Runs the schedules of seeds 1 to `seeds`. */
export async function tally(place: Place, habit: Habit, seeds: number, spoil?: Spoil): Promise<Tally> {
  const violations = new Map<Violation, { count: number; seed: number }>()
  const sums = { visits: 0, unavailable: 0 }
  for (let seed = 1; seed <= seeds; seed++) {
    const { visits, findings } = await oracle(seed, place, habit, spoil)
    sums.visits += visits.length
    sums.unavailable += visits.filter(({ outcome }) => outcome === 'unknown').length
    for (const violation of new Set(findings.map((finding) => finding.violation))) {
      const { count, seed: shown } = violations.get(violation) ?? { count: 0, seed }
      violations.set(violation, { count: count + 1, seed: shown })
    }
  }
  return { place, habit, seeds, ...sums, violations }
}

function line({ place, habit, seeds, visits, unavailable, violations }: Tally): string {
  const found = [...violations].map(([name, { count, seed }]) => `${name}: ${count} (seed ${seed})`).join(', ') || 'ok'
  const share = ((100 * unavailable) / visits).toFixed(1)
  return `${place.padEnd(13)} ${habit.padEnd(7)} ${seeds} seeds, ${visits} visits, 503 ${share} %: ${found}`
}

function print({ trace, findings }: Story): void {
  console.log(trace.join('\n'))
  for (const { violation, visits } of findings) console.log(`${violation}: ${visits.map((id) => `#${id}`).join(' ')}`)
}

/** `node test/oracle/run.ts [seeds] [places] [habits]`; with a seed as a fourth word, its trace. */
async function main(): Promise<void> {
  const [seeds = '2000', where = places.join(), how = habits.join(), seed] = process.argv.slice(2)
  if (seed !== undefined) return print(await oracle(Number(seed), where as Place, how as Habit))
  let bad = 0
  for (const place of where.split(',') as Place[]) {
    for (const habit of how.split(',') as Habit[]) {
      const result = await tally(place, habit, Number(seeds))
      bad += result.violations.size
      console.log(line(result))
    }
  }
  process.exitCode = bad > 0 ? 1 : 0
}

if (process.argv[1] === import.meta.filename) await main()
