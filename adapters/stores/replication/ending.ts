import { isTombstone } from '../../../src/record.ts'
import type { DeleteOptions, UpdateResult } from '../../../src/store.ts'
import { askingOf, hasRunOut } from './asking.ts'
import type { Cluster } from './cluster.ts'
import { type Copy, sameBytes } from './copies.ts'
import { outageOf } from './member.ts'
import { nobody, reread, stored, type Write, whatIsThere } from './outcome.ts'
import { entryOf, put } from './reading.ts'

/** A claim is a tombstone by compare-and-swap, on every owner in ring order whatever its breaker says: of several exactly one wins. */
export async function claim(write: Write, known: readonly Copy[]): Promise<UpdateResult> {
  const { cluster, key, value, seconds } = write
  const copies: Copy[] = []
  for (const copy of known) {
    const after = await claimOne(write, copy, stored(copies).length === 0)
    if (after === 'changed') return whatIsThere(write, false)
    if ('lostTo' in after) return { status: 'conflict', current: entryOf(after.lostTo, copies) }
    copies.push(after)
  }
  if (stored(copies).length === 0) throw nobody(write)
  for (const { member, status } of copies) {
    if (status === 'down') cluster.handover.note(member, key, { value, seconds })
  }
  return { status: 'stored', version: entryOf(value, copies).version }
}

/** The first owner decides; on the others a record that moved on meanwhile is overwritten, another's tombstone is not. */
async function claimOne(
  write: Write,
  known: Copy,
  isFirst: boolean,
): Promise<Copy | 'changed' | { readonly lostTo: Uint8Array }> {
  const { key, value, seconds, asking } = write
  const { member } = known
  const isAway = known.status === 'down' && !hasRunOut(member, asking.call)
  let copy = isAway ? await reread(member, key, asking) : known
  for (let attempt = 0; attempt < 3 && copy.status !== 'down'; attempt++) {
    if (copy.status === 'value' && isTombstone(copy.value))
      return sameBytes(copy.value, value) ? copy : { lostTo: copy.value }
    const after = await put(copy, key, value, seconds, asking, true)
    if (after !== 'conflict' && after.status === 'value') return after
    copy = await reread(member, key, asking)
    if (isFirst && copy.status === 'value' && !isTombstone(copy.value) && after === 'conflict') return 'changed'
  }
  return { member, status: 'down' }
}

/** A tombstone on every owner at once, whatever its breaker says; one that took it is enough, the rest get it handed over. */
export async function remove(cluster: Cluster, key: string, { tombstone, ...options }: DeleteOptions): Promise<void> {
  const owners = cluster.ownersOf(key)
  const asking = askingOf(owners, options)
  if (tombstone) {
    const results = await Promise.all(owners.map((member) => cluster.bury(member, key, tombstone, asking, true)))
    if (!results.includes(true)) throw outageOf(owners)
    return
  }
  // Without a tombstone a copy that was missed would come back, so all must have taken it.
  const work = owners.map((member) =>
    member.ask((store, call) => store.delete(key, call).then(() => true), asking, true),
  )
  if ((await Promise.all(work)).includes(undefined)) throw outageOf(owners)
}
