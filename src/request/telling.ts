import type { Claim } from '../claim/token.ts'
import type { Happening } from '../events.ts'
import type { SessionRecord } from '../record/record.ts'
import type { RequestState } from './state.ts'

/** A record as it was stored. */
interface Stored {
  readonly claim: Claim
  readonly found: { readonly record: SessionRecord }
  readonly bytes: number
  readonly attempts: number
}

type Outcome = Extract<Happening, { readonly type: 'commit' }>['outcome']

/** Tells that a change was stored, and which keys make its record too large. */
export function tellCommit(
  state: RequestState,
  outcome: Outcome,
  { claim, found, bytes, attempts }: Stored,
  previousRef?: string,
): void {
  if (state.emit === undefined) return
  const { subject, identity } = claim
  state.emit({ type: 'commit', outcome, bytes, attempts, previousRef }, identity.ref, subject)
  const { budgetBytes, now } = state.settings
  if (bytes <= budgetBytes) return
  const keys = state.largeKeys.next(found.record.data, now())
  if (keys.length > 0) state.emit({ type: 'large', bytes, budgetBytes, keys }, identity.ref, subject)
}
