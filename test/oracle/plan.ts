import { seededRandom } from '../simulation/virtual-time.ts'
import type { Spell } from './weather.ts'

/** Where the faults are. */
export type Place = 'none' | 'one copy' | 'home only' | 'second only' | 'both in turn'
/** Whether the visitors also log in and out. */
export type Habit = 'writes' | 'logins'

export const places: readonly Place[] = ['none', 'one copy', 'home only', 'second only', 'both in turn']
export const habits: readonly Habit[] = ['writes', 'logins']

/** One schedule. */
export interface Plan {
  readonly copies: 1 | 2
  readonly processes: number
  readonly tabs: number
  readonly habit: Habit
  readonly spells: readonly Spell[]
  /** An answer takes up to so many milliseconds to the browser, so that answers overtake each other. */
  readonly jitterMs: number
  /** Milliseconds until the visitors stop, and until everything has had time to mend. */
  readonly visitsMs: number
  readonly calmMs: number
}

/** Longer than breakers, late writes and handing over take together. */
const mendingMs = 8000

/** A seeded schedule. */
export function makePlan(seed: number, place: Place, habit: Habit): Plan {
  const random = seededRandom(seed * 6151 + 29)
  const processes = 2 + Math.floor(random() * 2)
  const spells: Spell[] = []
  // Two turns have a calm between them in which what was missed is handed over: one fault at a time is what is promised.
  const turns = place === 'both in turn' ? 2 : 1
  const spellMs = 2500
  for (let turn = 0; turn < turns; turn++) {
    const node = place === 'second only' ? 1 : turn
    const begin = turn * (spellMs + mendingMs)
    if (place !== 'none') spells.push(...spellsOf(random, node, processes, begin, spellMs))
  }
  const visitsMs = turns * spellMs + (turns - 1) * mendingMs + 500
  return {
    copies: place === 'one copy' ? 1 : 2,
    ...{ processes, tabs: 2 + Math.floor(random() * 4), habit, spells, visitsMs, calmMs: mendingMs },
    jitterMs: random() < 0.5 ? 0 : random() * 150,
  }
}

/** Bursts of faults at one store; each meets all processes, or only some of them: a cut. */
function spellsOf(random: () => number, node: number, processes: number, begin: number, ms: number): Spell[] {
  const spells: Spell[] = []
  for (let at = begin + random() * 300; at < begin + ms; ) {
    const to = Math.min(at + 50 + random() * 1500, begin + ms)
    const everybody = Array.from({ length: processes }, (_, process) => process)
    const met = random() < 0.4 ? everybody : everybody.filter(() => random() < 0.5)
    spells.push({ node, from: at, to, processes: new Set(met), share: random() < 0.3 ? 1 : random() })
    at = to + random() * 600
  }
  return spells
}
