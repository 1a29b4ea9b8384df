import { revisionOf } from '../../../src/record/revision.ts'
import { isTombstone, namesSuccessor, tombstone } from '../../../src/record/tombstone.ts'
import type { ReadOptions } from '../../../src/store.ts'
import type { Asking } from './asking.ts'
import type { Cluster } from './cluster.ts'
import type { Copy } from './copies.ts'
import { put } from './putting.ts'

/**
 * How long a supersession counts as under way: more than the clock skew between servers plus a deadline. Its revision is the time of
 * its login, or ahead of that, so this may take some seconds longer. Nothing depends on it but how many logins are refused.
 */
const supersessionMs = 2000

/**
 * Whoever reads a tombstone sets it on the other owners before answering. False where another writer came between, or a
 * supersession is to be waited for.
 */
export async function passOn(
  cluster: Cluster,
  key: string,
  copies: readonly Copy[],
  value: Uint8Array,
  { touchSeconds }: ReadOptions,
  asking: Asking,
): Promise<boolean> {
  const bury = async (copy: Copy, value: Uint8Array): Promise<boolean> => {
    await cluster.bury(copy.member, key, cluster.inFull(value), asking)
    return true
  }
  const passOne = async (copy: Copy): Promise<boolean> => {
    // A touch has shortened its time, so it is renewed in full. With its own bytes: of two logins the second must find the first.
    if (copy.status === 'value' && isTombstone(copy.value)) return touchSeconds === undefined || bury(copy, copy.value)
    if (namesSuccessor(value)) return passOnSupersession(cluster, key, copy, value, asking)
    if (copy.status !== 'down') return bury(copy, value)
    cluster.handover.note(copy.member, key, cluster.inFull(value))
    return true
  }
  return !(await Promise.all(copies.map(passOne))).includes(false)
}

/**
 * A supersession may still be on its way from copy to copy. A record newer than it was acknowledged past the first of them: it is
 * left for the login, which takes it into the successor, and nobody is told that the session has ended while it lives there.
 *
 * A login that does not come has given up. Then a tombstone without a successor takes the place of that record: should the login
 * come after all, it has lost. So the tombstone is not set, but compared and swapped like a record.
 */
async function passOnSupersession(
  cluster: Cluster,
  key: string,
  copy: Copy,
  value: Uint8Array,
  asking: Asking,
): Promise<boolean> {
  const revision = revisionOf(value)
  const isNewer = copy.status === 'value' && revisionOf(copy.value) > revision
  if (isNewer && cluster.options.now() < revision + supersessionMs) return false
  // Of two tombstones the later counts, so everybody who looks again finds that the supersession is void, the login too.
  const end = isNewer ? tombstone('regenerated', revision + 1) : value
  const after = await put(copy, key, end, cluster.inFull(end).seconds, asking)
  if (after === 'conflict' || isNewer) return false
  // Not the tombstone itself: when that owner is back, it may hold a newer record.
  if (after.status === 'down') cluster.handover.note(copy.member, key)
  return true
}
