import { checkSubjects, type SubjectViolation } from './checker.ts'
import { makeSubjectPlan, type SubjectFault, subjectFaults } from './plan.ts'
import { simulateSubject } from './simulate.ts'
import type { BuildSystem } from './system.ts'

/** How the schedules of one class went. */
export interface SubjectTally {
  readonly calls: number
  /** 503s. */
  readonly unknown: number
  /** Each violation with how often, and a seed that shows it. */
  readonly violations: ReadonlyMap<SubjectViolation, { count: number; seed: number }>
}

/** Runs the schedules of seeds `first` to `first + schedules - 1`. */
export async function tallySubjects(
  fault: SubjectFault,
  schedules: number,
  build?: BuildSystem,
  first = 1,
): Promise<SubjectTally> {
  const violations = new Map<SubjectViolation, { count: number; seed: number }>()
  const sums = { calls: 0, unknown: 0 }
  for (let seed = first; seed < first + schedules; seed++) {
    const outcome = await simulateSubject(seed, makeSubjectPlan(seed, fault), build)
    sums.calls += outcome.calls.length
    sums.unknown += outcome.calls.filter((call) => call.outcome === 'unknown').length
    for (const violation of checkSubjects(outcome)) {
      const { count } = violations.get(violation) ?? { count: 0 }
      violations.set(violation, { count: count + 1, seed })
    }
  }
  return { ...sums, violations }
}

/** `node test/simulation/subjects/run.ts [schedules of each class] [class,class]`, after a build; a seed alone prints its trace. */
async function main(): Promise<void> {
  const [schedules = '1000', faults = subjectFaults.join(), seed] = process.argv.slice(2)
  if (seed !== undefined) {
    const outcome = await simulateSubject(Number(seed), makeSubjectPlan(Number(seed), faults as SubjectFault))
    const violations = checkSubjects(outcome)
    console.log(`${outcome.trace.join('\n')}\n${outcome.counts}\n${[...violations].join() || 'ok'}`)
    return
  }
  for (const fault of faults.split(',') as SubjectFault[]) {
    const { calls, unknown, violations } = await tallySubjects(fault, Number(schedules))
    const found = [...violations].map(([name, { count, seed }]) => `${name}: ${count} (seed ${seed})`).join(', ')
    console.log(
      `${fault.padEnd(11)} ${schedules} schedules, 503 ${Math.round((100 * unknown) / calls)} %: ${found || 'ok'}`,
    )
    if (found) process.exitCode = 1
  }
}

if (process.argv[1] === import.meta.filename) await main()
