const classes = [
  'none',
  /** No fault, and two to four times as many requests. */
  'crowd',
  'slow',
  'dense',
  'pause',
  'crash',
  'crash-down',
  'cut',
  'lose',
  'ring',
  'ring-back',
  /** These strike the link of one process to the home copy, again and again, and nothing else. */
  'home-cut',
  'home-stuck',
  'home-lossy',
  /** The same, and one process dies between the copies of a supersession. */
  'home-dying',
] as const

export type FaultClass = (typeof classes)[number]
export const faultClasses: readonly FaultClass[] = classes

/**
 * `stick` and `move`: nothing passes on a link, and it all arrives later. `muffle` and `clear`: half of the replies get lost. `doom`: the
 * process dies a moment after it has next begun to supersede.
 */
export interface Fault {
  readonly type:
    | 'pause'
    | 'resume'
    | 'crash'
    | 'stop'
    | 'start'
    | 'cut'
    | 'heal'
    | 'stick'
    | 'move'
    | 'muffle'
    | 'clear'
    | 'doom'
  readonly at: number
  readonly node: number
  readonly process?: number
}

/** What breaks when, for one class; requests begin within the first two seconds or so. */
export function planFaults(
  faultClass: FaultClass,
  between: (a: number, b: number) => number,
  processes: number,
): readonly Fault[] {
  const node = between(0, 1)
  const from = between(0, 700)
  const to = from + between(50, 1500)
  const process = between(0, processes - 1)
  switch (faultClass) {
    case 'pause':
    case 'dense':
      return [
        { type: 'pause', at: from, node },
        { type: 'resume', at: to, node },
      ]
    case 'slow':
      return [
        { type: 'pause', at: from, node },
        { type: 'resume', at: to + 7000, node },
      ]
    case 'crash':
      return [{ type: 'crash', at: from, node }]
    case 'crash-down':
      return [
        { type: 'stop', at: from, node },
        { type: 'start', at: to, node },
      ]
    case 'cut':
      return [
        { type: 'cut', at: from, node, process },
        { type: 'heal', at: to, node, process },
      ]
    case 'home-cut':
    case 'home-stuck':
    case 'home-lossy':
      return atHome(faultClass, between, processes)
    case 'home-dying':
      return [
        { type: 'doom', at: from, node, process },
        ...atHome(node === 0 ? 'home-cut' : 'home-stuck', between, processes),
      ]
    default:
      return []
  }
}

const onLink = {
  'home-cut': ['cut', 'heal'],
  'home-stuck': ['stick', 'move'],
  'home-lossy': ['muffle', 'clear'],
} as const

/** One to three times; the process is the same, since two that are cut off from different copies is more than is promised. */
function atHome(
  faultClass: keyof typeof onLink,
  between: (a: number, b: number) => number,
  processes: number,
): readonly Fault[] {
  const [begin, end] = onLink[faultClass]
  const process = between(0, processes - 1)
  const faults: Fault[] = []
  let at = between(0, 500)
  for (let times = between(1, 3); times > 0; times--) {
    const until = at + between(50, 900)
    faults.push({ type: begin, at, node: 0, process }, { type: end, at: until, node: 0, process })
    at = until + between(20, 400)
  }
  return faults
}
