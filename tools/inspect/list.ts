import { identifyList } from '../../src/claim/subject.ts'
import type { Settings } from '../../src/request/exchange.ts'
import { entriesIn, isOf } from '../../src/subjects/entries.ts'
import type { Claimed } from './claim.ts'
import { type Copy, copiesOf } from './copies.ts'

/** What the list of a session's subject says, which is the authority. */
export interface InspectedList {
  /** `nothing`: it is not there, or lists nobody because it does not open. `down`: nobody can say. */
  readonly status: 'there' | 'nothing' | 'unknown' | 'down'
  /** Whether the session stands in it: else it is over. */
  readonly isListed: boolean
  /** How many that have not reached their end do. */
  readonly sessions: number
}

/** Asks every server that may have the list, as for the session itself; undefined where its claim check names no subject. */
export async function listOf(settings: Settings, claimed: Claimed): Promise<InspectedList | undefined> {
  const { claim, keys } = claimed
  if (claim.subject === undefined) return undefined
  const identity = await identifyList(claim.subject, settings.namespace, keys)
  const copies = await copiesOf(settings.store, { ...claimed, claim: { ...claim, identity } })
  const record = newestOf(copies)
  if (!record) return { status: statusOf(copies), isListed: false, sessions: 0 }
  const now = settings.now() / 1000
  const living = entriesIn(record).filter(({ until }) => until > now)
  return { status: 'there', isListed: living.some(isOf(claim)), sessions: living.length }
}

/** The one that counts. A tombstone, which nobody here writes in the place of a list, beats every other and lists nobody. */
function newestOf(copies: readonly Copy[]) {
  const held = copies.map(({ holds }) => holds)
  if (held.some(({ status }) => status === 'tombstone')) return undefined
  const records = held.filter((holds) => holds.status === 'record')
  return records.toSorted((a, b) => b.revision - a.revision)[0]?.record
}

function statusOf(copies: readonly Copy[]): 'nothing' | 'unknown' | 'down' {
  const has = (status: Copy['holds']['status']) => copies.some(({ holds }) => holds.status === status)
  if (has('tombstone')) return 'nothing'
  return has('unknown') ? 'unknown' : has('down') ? 'down' : 'nothing'
}
