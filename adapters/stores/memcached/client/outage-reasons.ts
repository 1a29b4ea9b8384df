import type { UnavailableReason } from '../../../../src/errors.ts'
import { systemReason } from '../../system-reason.ts'

/**
 * What this client's own words for a failure mean. They are all its own: a server's would have no place in an error. The first that fits
 * counts.
 */
const meanings: readonly (readonly [words: RegExp, reason: UnavailableReason])[] = [
  [/ in time$|aborted|before its deadline/, 'timeout'],
  [/user name and/, 'authentication'],
  [/store is closed/, 'not-connected'],
  [/out of memory/, 'out-of-memory'],
  [/compare-and-swap|is older than|runs with -M/, 'missing-command'],
  [/^(closed|broke) the connection|lost its socket|being replaced/, 'disconnected'],
  [/^(sent|answered with|announced|did not tell)|could not be understood/, 'wrong-answer'],
]

/** Why a server was of no use, by the system's code where there is one, else by the words for it. */
export function reasonFor(words: string, cause?: unknown): UnavailableReason | undefined {
  return systemReason(cause)?.reason ?? meanings.find(([known]) => known.test(words))?.[1]
}
