import { isTombstone, revisionOf, tombstone } from '../../../src/record.ts'
import type {
  CallOptions,
  CreateResult,
  DeleteOptions,
  UpdateOptions,
  UpdateResult,
  Version,
} from '../../../src/store.ts'
import type { Cluster } from './cluster.ts'
import { type Copy, copyOf, sameBytes, splitVersion } from './copies.ts'
import { type Member, outageOf } from './member.ts'
import { entryOf, put, read } from './reading.ts'

/**
 * How far a commit that misses the home copy puts its revision ahead of the clock: more than the clock skew between servers plus
 * a deadline, so that the late write of a home that was frozen cannot outrank it.
 */
const failoverMs = 2000
/** A resealed revision may be a little older than the one asked for: the time between the two calls. */
const slackMs = 1000
/**
 * A version read longer ago is looked at again: a slow handler's write into a home that froze meanwhile carries a revision of NOW,
 * and would outrank what was acknowledged during the freeze. Far below `failoverMs`.
 */
const staleMs = 250
/** A write whose connection broke before the acknowledgement is looked at again this often. */
const maxChecks = 3

/** Everything a write needs to know, in one place. */
interface Write {
  readonly cluster: Cluster
  readonly key: string
  readonly value: Uint8Array
  readonly seconds: number
  readonly signal: AbortSignal | undefined
}

/** Adds on every owner at once; `taken` also asks for another id where a fresh one could have all its owners up. */
export async function create(
  cluster: Cluster,
  key: string,
  value: Uint8Array,
  seconds: number,
  { signal }: CallOptions,
): Promise<CreateResult> {
  cluster.sawSeconds(seconds)
  const owners = cluster.ownersOf(key)
  if (owners.some(({ isUp }) => !isUp) && cluster.hasUp(owners.length)) return { status: 'taken' }
  const write = { cluster, key, value, seconds, signal }
  const results = await Promise.all(owners.map((member) => addOne(write, member)))
  if (results.includes('taken')) {
    await undo(write, owners, results)
    return { status: 'taken' }
  }
  const copies = results as Copy[]
  // No tombstone here: in a composition of compositions the others may have taken it. Whoever drew the id undoes it.
  if (stored(copies).length === 0) throw outageOf(owners)
  return acknowledge(write, copies)
}

async function addOne({ key, value, seconds, signal }: Write, member: Member): Promise<Copy | 'taken'> {
  const result = await member.ask((store) => store.create(key, value, seconds, { signal }), signal)
  if (result?.status === 'stored') return { member, status: 'value', value, version: result.version }
  if (result === undefined) return { member, status: 'down' }
  const copy = await reread(member, key, signal)
  return copy.status === 'value' && sameBytes(copy.value, value) ? copy : 'taken'
}

/** What was added in vain ends under a tombstone, also where the answer was lost; another's record stays untouched. */
async function undo({ cluster, key, signal }: Write, owners: readonly Member[], results: readonly (Copy | 'taken')[]) {
  const mark = cluster.inFull(tombstone('destroyed', Math.ceil(cluster.options.now())))
  const mine = owners.filter((_, at) => results[at] !== 'taken')
  await Promise.all(mine.map((member) => cluster.bury(member, key, mark, { signal })))
}

/** Compares and swaps on every reachable owner, one after the other in ring order. */
export async function update(
  cluster: Cluster,
  key: string,
  value: Uint8Array,
  seconds: number,
  version: Version,
  { signal, versionAgeMs = 0 }: UpdateOptions,
): Promise<UpdateResult> {
  if (!isTombstone(value)) cluster.sawSeconds(seconds)
  const write = { cluster, key, value, seconds, signal }
  const known = splitVersion(version, cluster.ownersOf(key))
  if (!known) return whatIsThere(write, false)
  if (isTombstone(value)) return claim(write, known.copies)
  if (versionAgeMs <= staleMs || known.copies.length === 1) return swapAll(write, known)
  const found = await read(cluster, key, { signal })
  if (!found) return { status: 'missing' }
  if (!isUnchanged(known.copies, found.copies)) return { status: 'conflict', current: found.entry }
  return swapAll(write, { revision: known.revision, copies: found.copies })
}

/** Every copy is as the caller knows it, or away now. One that has come back since may have missed a change: the caller looks again. */
function isUnchanged(known: readonly Copy[], found: readonly Copy[]): boolean {
  return found.every((now, at) => {
    const then = known[at] as Copy
    if (now.status === 'down') return true
    return now.status === 'value' ? then.status === 'value' && then.version === now.version : then.status === now.status
  })
}

interface Known {
  readonly revision: number
  readonly copies: readonly Copy[]
}

async function swapAll(write: Write, known: Known): Promise<UpdateResult> {
  const { cluster } = write
  const copies: Copy[] = []
  let isMaybe = false
  for (const copy of known.copies) {
    const isOut = copy.status === 'down' || !copy.member.isUp
    const hasMissedHome = !isOut && copies.length > 0 && stored(copies).length === 0
    if (hasMissedHome && !ranksAsFailover(write, known.revision)) {
      // The home may still apply what it was sent, so this write cannot be made again under a higher revision.
      if (isMaybe) throw nobody(write)
      return { status: 'outranked', revision: failoverRevision(cluster, known.revision) }
    }
    const after = isOut ? ({ member: copy.member, status: 'down' } as const) : await swapOne(write, copy)
    if (after === 'conflict' || after === 'maybe')
      return whatIsThere(write, isMaybe || after === 'maybe' || stored(copies).length > 0)
    if (!isOut && after.status === 'down') isMaybe = true
    copies.push(after)
  }
  if (stored(copies).length === 0) throw nobody(write)
  return acknowledge(write, copies)
}

/** Above whatever a frozen home may still apply: a write on the same record takes its revision + 1, or its own clock's time. */
function failoverRevision({ options }: Cluster, base: number): number {
  return Math.ceil(Math.max(base + 2, options.now() + (options.failoverMs ?? failoverMs)))
}

function ranksAsFailover({ cluster, value }: Write, base: number): boolean {
  const revision = revisionOf(value)
  return revision >= base + 2 && revision >= failoverRevision(cluster, base) - slackMs
}

const nobody = ({ cluster, key }: Write) => outageOf(cluster.ownersOf(key))

/** `maybe`: it may have been applied, and something else is there now. A copy that timed out is asked once, whatever its breaker says. */
async function swapOne({ key, value, seconds, signal }: Write, copy: Copy): Promise<Copy | 'conflict' | 'maybe'> {
  const after = await put(copy, key, value, seconds, signal)
  if (after === 'conflict' || after.status !== 'down') return after
  const again = await reread(copy.member, key, signal)
  if (again.status === 'down') return again
  return again.status === 'value' && sameBytes(again.value, value) ? again : 'maybe'
}

async function reread(member: Member, key: string, signal: AbortSignal | undefined): Promise<Copy> {
  return copyOf(member, await member.ask((store) => store.read(key, { signal }), signal, true))
}

/** After a refusal: our own bytes mean it was stored after all; anything else is a conflict, or unknown where we may have been applied. */
async function whatIsThere(write: Write, isMaybe: boolean): Promise<UpdateResult> {
  const { cluster, key, value, signal } = write
  const found = await read(cluster, key, { signal })
  if (found && sameBytes(found.entry.value, value)) return acknowledge(write, found.copies)
  if (isMaybe) throw nobody(write)
  return found ? { status: 'conflict', current: found.entry } : { status: 'missing' }
}

/**
 * Stored on every owner that is up. A store that lost the connection it answered on may have lost the write with it: such a vote
 * is void, and what is really there is looked at again.
 */
async function acknowledge(
  write: Write,
  given: readonly Copy[],
): Promise<{ readonly status: 'stored'; readonly version: Version }> {
  const { cluster, key, value, signal } = write
  let copies = given
  for (let check = 0; !stored(copies).every(stands); check++) {
    const found = check < maxChecks ? await read(cluster, key, { signal }) : null
    if (!found || !sameBytes(found.entry.value, value)) throw nobody(write)
    copies = found.copies
  }
  for (const { member, status } of copies) if (status === 'down') cluster.handover.note(member, key)
  return { status: 'stored', version: entryOf(value, copies).version }
}

const stored = (copies: readonly Copy[]) => copies.filter((copy) => copy.status === 'value')

const stands = ({ member, version }: Extract<Copy, { readonly status: 'value' }>) =>
  member.store.stands?.(version) ?? true

/** A claim is a tombstone by compare-and-swap, on every owner in ring order whatever its breaker says: of several exactly one wins. */
async function claim(write: Write, known: readonly Copy[]): Promise<UpdateResult> {
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
  const { key, value, seconds, signal } = write
  const { member } = known
  let copy = known.status === 'down' ? await reread(member, key, signal) : known
  for (let attempt = 0; attempt < 3 && copy.status !== 'down'; attempt++) {
    if (copy.status === 'value' && isTombstone(copy.value))
      return sameBytes(copy.value, value) ? copy : { lostTo: copy.value }
    const after = await put(copy, key, value, seconds, signal, true)
    if (after !== 'conflict' && after.status === 'value') return after
    copy = await reread(member, key, signal)
    if (isFirst && copy.status === 'value' && !isTombstone(copy.value) && after === 'conflict') return 'changed'
  }
  return { member, status: 'down' }
}

/** A tombstone on every owner at once, whatever its breaker says; one that took it is enough, the rest get it handed over. */
export async function remove(cluster: Cluster, key: string, { tombstone, signal }: DeleteOptions): Promise<void> {
  const owners = cluster.ownersOf(key)
  if (tombstone) {
    const results = await Promise.all(owners.map((member) => cluster.bury(member, key, tombstone, { signal }, true)))
    if (!results.includes(true)) throw outageOf(owners)
    return
  }
  // Without a tombstone a copy that was missed would come back, so all must have taken it.
  const work = owners.map((member) =>
    member.ask((store) => store.delete(key, { signal }).then(() => true), signal, true),
  )
  if ((await Promise.all(work)).includes(undefined)) throw outageOf(owners)
}
