import { check, isEnding, isWrite, type Violation } from './checker.ts'
import { type FaultClass, faultClasses } from './faults.ts'
import type { Observed, Outcome } from './history.ts'
import { makePlan, type Workload, workloads } from './plan.ts'
import { type Build, simulate } from './simulate.ts'

/** How one fault class and workload went. */
export interface Tally {
  readonly faultClass: FaultClass
  readonly workload: Workload
  readonly schedules: number
  readonly acknowledged: number
  readonly unknown: number
  readonly requests: number
  /** 503s in schedules without a fault, save those of a write that a login or logout overtook: what became of it is not told. */
  readonly needless: number
  /** Each violation with how often, and a seed that shows it. */
  readonly violations: ReadonlyMap<Violation, { count: number; seed: number }>
}

const healthy: readonly FaultClass[] = ['none', 'crowd']

function needlessIn({ history }: Outcome): readonly Observed[] {
  const endings = history.filter(isEnding)
  return history.filter((request) => {
    const overlaps = ({ called, returned = called }: Observed) =>
      called <= (request.returned ?? called) && returned >= request.called
    return request.outcome === 'unknown' && !(isWrite(request) && endings.some(overlaps))
  })
}

/** Runs the schedules of seeds `first` to `first + schedules - 1`. */
export async function tally(
  faultClass: FaultClass,
  workload: Workload,
  schedules: number,
  build?: Build,
  first = 1,
): Promise<Tally> {
  const violations = new Map<Violation, { count: number; seed: number }>()
  const sums = { acknowledged: 0, unknown: 0, requests: 0, needless: 0 }
  for (let seed = first; seed < first + schedules; seed++) {
    const outcome = await simulate(seed, makePlan(seed, faultClass, workload), build)
    if (healthy.includes(faultClass)) sums.needless += needlessIn(outcome).length
    for (const request of outcome.history.filter(({ kind }) => kind !== 'read')) {
      sums.requests++
      if (request.outcome === 'ok') sums.acknowledged++
      if (request.outcome === 'unknown') sums.unknown++
    }
    for (const violation of check(outcome)) {
      const { count } = violations.get(violation) ?? { count: 0 }
      violations.set(violation, { count: count + 1, seed })
    }
  }
  return { faultClass, workload, schedules, ...sums, violations }
}

function line({
  faultClass,
  workload,
  schedules,
  acknowledged,
  unknown,
  requests,
  needless,
  violations,
}: Tally): string {
  const share = (part: number) => `${Math.round((100 * part) / requests)} %`.padStart(5)
  const found = [...violations].map(([name, { count, seed }]) => `${name}: ${count} (seed ${seed})`).join(', ') || 'ok'
  return `${faultClass.padEnd(11)} ${workload.padEnd(10)} ${schedules} schedules, acknowledged ${share(acknowledged)}, 503 ${share(unknown)}${healthy.includes(faultClass) ? `, needless ${needless}` : ''}: ${found}`
}

/** `node test/simulation/run.ts [schedules] [fault,class] [work,load]`, after a build; a seed alone prints its trace. */
async function main(): Promise<void> {
  const [total = '40000', faults = faultClasses.join(), works = workloads.join(), seed] = process.argv.slice(2)
  if (seed !== undefined) {
    const plan = makePlan(Number(seed), faults as FaultClass, works as Workload)
    const outcome = await simulate(Number(seed), plan)
    console.log(`skew ${plan.skew}\n${outcome.trace.join('\n')}\n${check(outcome).join() || 'ok'}`)
    return
  }
  const pairs = faults
    .split(',')
    .flatMap((fault) => works.split(',').map((work) => [fault, work] as [FaultClass, Workload]))
  let bad = 0
  for (const [fault, work] of pairs) {
    const result = await tally(fault, work, Math.ceil(Number(total) / pairs.length))
    bad += result.violations.size + result.needless
    console.log(line(result))
  }
  process.exitCode = bad > 0 ? 1 : 0
}

if (process.argv[1] === import.meta.filename) await main()
