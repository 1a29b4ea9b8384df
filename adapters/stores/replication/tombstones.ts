import { revisionOf } from '../../../src/record/revision.ts'
import { isTombstone, nameSameSuccessor } from '../../../src/record/tombstone.ts'
import type { DeleteOptions, UpdateResult } from '../../../src/store.ts'
import { askingOf, hasRunOut } from './asking.ts'
import type { Cluster } from './cluster.ts'
import { type Copy, type Known, sameBytes } from './copies.ts'
import { outageOf } from './member.ts'
import { noOwnerError, reread, type Stored, stored, type Write, whatIsThere } from './outcome.ts'
import { putOn } from './putting.ts'
import { entryOf, read } from './reading.ts'

/**
 * Supersedes a session: a tombstone that names its successor, by compare-and-swap on every owner in ring order, whatever its breaker
 * says. Of several exactly one wins.
 *
 * The first owner decides who. A newer record on a later one was acknowledged past the first, so it is not overwritten: the caller
 * takes it into the successor and supersedes again.
 */
export async function supersede(write: Write, known: Known): Promise<UpdateResult> {
  const { cluster, key, value, seconds } = write
  const copies: Copy[] = []
  for (const [at, copy] of known.copies.entries()) {
    const after = await supersedeOne(write, copy, known.revision, stored(copies).length === 0)
    if (after === 'changed') return whatIsThere(write, false)
    if ('lostTo' in after) {
      // The loser begins a new session and is answered, so the winner's tombstone must be on all copies first.
      await read(cluster, key, write.asking.call)
      return { status: 'conflict', current: entryOf(after.lostTo, copies) }
    }
    if ('newer' in after) {
      const now = [...copies, after.newer, ...known.copies.slice(at + 1)]
      return { status: 'superseded', current: entryOf(after.newer.value, now) }
    }
    copies.push(after)
  }
  if (stored(copies).length === 0) throw noOwnerError(write)
  for (const { member, status } of copies) {
    if (status === 'down') cluster.handover.note(member, key, { value, seconds })
  }
  return { status: 'stored', version: entryOf(value, copies).version }
}

type Superseded = Copy | 'changed' | { readonly lostTo: Uint8Array } | { readonly newer: Stored }

/** One owner; a record that another wrote there meanwhile is superseded only where it is no newer than the caller's. */
async function supersedeOne(write: Write, known: Copy, revision: number, isFirst: boolean): Promise<Superseded> {
  const { key, value, seconds, asking } = write
  const { member } = known
  // One that let a call run out gets a moment all the same: two logins that each skip another owner would both win.
  const isDoubtful = known.status === 'down' || hasRunOut(member, asking.call)
  let copy = isDoubtful ? await reread(member, key, asking) : known
  for (let attempt = 0; attempt < 3 && copy.status !== 'down'; attempt++) {
    if (copy.status === 'value' && isTombstone(copy.value))
      return sameBytes(copy.value, value) || nameSameSuccessor(copy.value, value) ? copy : { lostTo: copy.value }
    if (copy.status === 'value' && copy !== known && revisionOf(copy.value) > revision)
      return isFirst ? 'changed' : { newer: copy }
    const from = copy
    const result = await member.askAgain((store, call) => putOn(store, from, key, value, seconds, call), asking)
    if (result?.status === 'stored') return { member, status: 'value', value, version: result.version }
    if (result?.status === 'superseded') return { newer: { member, status: 'value', ...result.current } }
    copy = await reread(member, key, asking)
    if (isFirst && result && copy.status !== 'down' && !(copy.status === 'value' && isTombstone(copy.value)))
      return 'changed'
  }
  return { member, status: 'down' }
}

/** Sets a tombstone on every owner at once, whatever its breaker says. One that took it is enough; the others get it when they are back. */
export async function remove(cluster: Cluster, key: string, { tombstone, ...options }: DeleteOptions): Promise<void> {
  const owners = cluster.ownersOf(key)
  const asking = askingOf(owners, options)
  if (tombstone) {
    const results = await Promise.all(owners.map((member) => cluster.bury(member, key, tombstone, asking, true)))
    if (!results.includes(true)) throw outageOf(owners)
    return
  }
  // Without a tombstone a copy that was missed would bring the session back, so all must have taken it.
  const work = owners.map((member) =>
    member.ask((store, call) => store.delete(key, call).then(() => true), asking, true),
  )
  if ((await Promise.all(work)).includes(undefined)) throw outageOf(owners)
}
