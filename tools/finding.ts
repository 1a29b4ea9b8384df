/** How bad it is: sessions do not work or are in danger; something will go wrong; good to know. */
export type Level = 'error' | 'warning' | 'note'

/** One thing that `doctor` found. Never holds an id, token, key, secret or value. */
export interface Finding {
  /** Stable, for scripts. */
  readonly code: string
  readonly level: Level
  /** The server, as configured; left out where it is about none. */
  readonly node?: string | undefined
  /** What was found. */
  readonly what: string
  /** Why it matters. */
  readonly why: string
  /** What to do about it. */
  readonly todo: string
}

/** 0: nothing or notes alone; 1: warnings; 2: errors. */
export function exitCodeOf(findings: readonly Finding[]): 0 | 1 | 2 {
  if (findings.some(({ level }) => level === 'error')) return 2
  return findings.some(({ level }) => level === 'warning') ? 1 : 0
}

/** For a look that makes a finding or none. */
export const when = (condition: boolean, finding: () => Finding): readonly Finding[] => (condition ? [finding()] : [])
