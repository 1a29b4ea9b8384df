import { type Fault, type FaultClass, planFaults } from './faults.ts'
import { seededRandom } from './virtual-time.ts'

export type Workload = 'append' | 'increment' | 'destroy' | 'login' | 'switch' | 'mix' | 'import' | 'import-end'
export type RequestKind = 'append' | 'increment' | 'read' | 'destroy' | 'login'

export const workloads: readonly Workload[] = [
  'append',
  'increment',
  'destroy',
  'login',
  'switch',
  'mix',
  'import',
  'import-end',
]

export interface PlannedRequest {
  readonly id: number
  readonly kind: RequestKind
  readonly process: number
  readonly at: number
  /** Milliseconds between reading and committing. */
  readonly think: number
  /** One of the last reads, when all faults are long over. */
  readonly isFinal: boolean
}

/** One schedule: who asks what when, and what breaks meanwhile. */
export interface Plan {
  readonly nodes: number
  readonly processes: number
  /** Milliseconds by which each process's clock is off: at most 300 either way. */
  readonly skew: readonly number[]
  readonly faults: readonly Fault[]
  readonly requests: readonly PlannedRequest[]
  readonly loseReplies: number
  readonly isHeld: boolean
  /** There is no session yet, but an old one that everybody brings along. */
  readonly isImport: boolean
  /** The owners of the one session that everybody uses, as a process knows them at a time. */
  ownersAt(process: number, now: number): readonly number[]
  readonly endsAt: number
}

const kindsOf: Record<Workload, readonly RequestKind[]> = {
  append: ['append', 'append', 'read'],
  increment: ['increment', 'increment', 'read'],
  destroy: ['append', 'destroy', 'read', 'read'],
  login: ['login', 'login', 'read'],
  // What was acknowledged before a login must be in the session after it.
  switch: ['append', 'append', 'login', 'read'],
  mix: ['append', 'login', 'destroy', 'read'],
  // The session is another library's, and comes over with whatever asks for it first, often several at once.
  import: ['append', 'append', 'read'],
  'import-end': ['append', 'append', 'destroy', 'read'],
}

/** Milliseconds in which requests begin, where the usual time is too short. */
const spans: Partial<Record<FaultClass, number>> = { slow: 3000, ring: 4500, 'ring-back': 8000 }

const isImport = (workload: Workload) => workload === 'import' || workload === 'import-end'

/**
 * Half of one copy's replies get lost, for everybody. Where all copies lose some, two requests soon acknowledge past opposite ones, which
 * is more than is promised: an import writes so much that one schedule in a thousand shows it.
 */
const loseOfOne = (processes: number): readonly Fault[] =>
  Array.from({ length: processes }, (_, process): readonly Fault[] => [
    { type: 'muffle', at: 0, node: 0, process },
    { type: 'clear', at: 1500, node: 0, process },
  ]).flat()

/** A seeded schedule of one fault class and workload; the session exists and is calm at time 0, save where it is still to come over. */
export function makePlan(seed: number, faultClass: FaultClass, workload: Workload): Plan {
  const random = seededRandom(seed * 7919 + 13)
  const between = (a: number, b: number) => a + Math.floor(random() * (b - a + 1))
  const isRing = faultClass === 'ring' || faultClass === 'ring-back'
  const processes = Math.max(between(2, 3), faultClass === 'home-dying' ? 3 : 2)
  const skew = Array.from({ length: processes }, () =>
    faultClass === 'none' || random() < 0.4 ? 0 : between(-300, 300),
  )
  const span = spans[faultClass] ?? 1500
  const faults =
    faultClass === 'lose' && isImport(workload) ? loseOfOne(processes) : planFaults(faultClass, between, processes)
  const requests = planRequests(faultClass, workload, span, random, between, processes)
  const lastFault = Math.max(span, isRing ? span + 1000 : 0, ...faults.map(({ at }) => at))
  const finals = planFinals(lastFault, processes)
  return {
    ...{ nodes: isRing ? 5 : 3, processes, skew, faults, requests: [...requests, ...finals] },
    loseReplies: faultClass === 'lose' && !isImport(workload) ? 0.15 : 0,
    isHeld: random() < 0.5,
    isImport: isImport(workload),
    ownersAt: ownersOver(faultClass, random() < 0.5 ? [3, 4] : [3, 0]),
    endsAt: lastFault + 20_000,
  }
}

const crowded: readonly FaultClass[] = ['crowd', 'dense', 'home-cut', 'home-stuck', 'home-lossy', 'home-dying']

/** `slow`: handlers that take seconds between read and commit. Crowded classes have two to four times as many requests. */
function planRequests(
  faultClass: FaultClass,
  workload: Workload,
  span: number,
  random: () => number,
  between: (a: number, b: number) => number,
  processes: number,
): readonly PlannedRequest[] {
  const kinds = kindsOf[workload]
  const isRing = faultClass === 'ring' || faultClass === 'ring-back'
  const isBurst = random() < 0.5 && !isRing
  const start = between(0, 800)
  const count =
    faultClass === 'home-dying' ? between(10, 30) : crowded.includes(faultClass) ? between(4, 14) : between(2, 6)
  const longest = faultClass === 'slow' ? 7000 : 400
  return Array.from({ length: count }, (_, at) => ({
    id: at + 1,
    kind: workload === 'destroy' && at === 0 ? 'destroy' : (kinds[between(0, kinds.length - 1)] as RequestKind),
    process: between(0, processes - 1),
    at: isBurst ? start + between(0, 60) : between(0, span),
    think: random() < 0.3 ? between(1, longest) : 0,
    isFinal: false,
  }))
}

/** Everybody looks again, several times, when all is over. */
function planFinals(after: number, processes: number): readonly PlannedRequest[] {
  const delays = [600, 1500, 6000, 9000]
  return delays.flatMap((delay, nth) =>
    Array.from({ length: processes }, (_, process): PlannedRequest => {
      const at = after + delay + process * 37
      return { id: 1000 + nth * 10 + process, kind: 'read', process, at, think: 0, isFinal: delay === 9000 }
    }),
  )
}

/** Processes learn of a ring change up to a second apart; from then on the owners of both rings are asked, the earlier first. */
function ownersOver(faultClass: FaultClass, moved: readonly number[]) {
  const before = [0, 1]
  const learn = [300, 1300, 800]
  const both = [...before, ...moved.filter((node) => !before.includes(node))]
  return (process: number, now: number): readonly number[] => {
    if (faultClass !== 'ring' && faultClass !== 'ring-back') return before
    return now < (learn[process] as number) ? before : both
  }
}
