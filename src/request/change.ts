import type { Claim } from '../claim/token.ts'
import { equalData } from '../record/journal.ts'
import { encodeRecord, type SessionRecord, sealRecord } from '../record/record.ts'
import { moved } from './binding.ts'
import { conflict, dataToWrite, gone, newer } from './conflict.ts'
import { tell } from './hand-out.ts'
import type { Found } from './loaded.ts'
import { commitsIn } from './proof.ts'
import type { RequestState } from './state.ts'
import { tellCommit } from './telling.ts'
import { foundAs, nextRevision, type Updated, update } from './write.ts'

/**
 * Collisions to ride out, within `requestMs`. 20 writers in lockstep need at most 8 (measured), but on a busy machine another process
 * may write 25 times while this one waits for its turn: with 8 its write of a key that nobody else touched was refused.
 */
const maxAttempts = 32

/** How a change ends. */
export interface Changed {
  readonly cookie?: string | undefined
  /** The record after the change, for the next commit of the same session in this process. */
  readonly found?: Found | undefined
}

/** Compare-and-swap from record to newer record until it holds; the journal is replayed on each. */
export async function change(state: RequestState, claim: Claim, from: Found): Promise<Changed> {
  const { keys } = await state.signer()
  let base = from
  let floor = 0
  for (let attempts = 1; attempts <= maxAttempts; attempts++) {
    const data = dataToWrite(state, base)
    if (equalData(data, base.record.data)) return { found: base }
    const revision = Math.max(nextRevision(state, base.revision, claim.revision), floor)
    const record = { ...base.record, data, commits: commitsIn(state, base) }
    const value = await sealRecord(keys, claim.identity, revision, encodeRecord(record, state.settings.maxBytes))
    const readAt = performance.now()
    const result = await updateListed(state, claim, value, record, base)
    if (result.status === 'stored' || result.status === 'contained') {
      state.opened.set(claim.identity.key, { keys, bytes: value, revision, record })
      tellCommit(state, 'updated', { claim, bytes: value.length, attempts, found: { record } })
      const cookie = await tell(state, await moved(state, claim, record), revision, record.until)
      const isLast = result.status === 'stored'
      return { cookie, found: isLast ? foundAs(value, record, result.version, readAt) : result.found }
    }
    // The rank was asked for on this very base: on a newer one it would outrank an acknowledged change of another.
    floor = result.status === 'outranked' ? result.revision : 0
    if (result.status === 'outranked') continue
    const next = await newer(state, claim, result, base, attempts)
    if (next.status !== 'found') throw gone(state, next)
    base = next
  }
  throw conflict(state, 'overtaken')
}

/** Looks at the list of its subject beside the write: after a revocation no request that was under way is told that its change is stored. */
async function updateListed(
  state: RequestState,
  claim: Claim,
  value: Uint8Array,
  record: SessionRecord,
  base: Found,
): Promise<Updated> {
  const writing = update(state, claim, value, state.secondsToLive(record), base)
  if (record.subject === undefined || claim.subject === undefined) return writing
  const [result, { isListed }] = await Promise.all([writing, state.lists.look(state, claim)])
  if (!isListed) throw gone(state, { status: 'absent', reason: 'revoked' })
  return result
}
