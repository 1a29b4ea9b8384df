import { revisionOf } from '../../../src/record/revision.ts'
import { isTombstone, tombstone } from '../../../src/record/tombstone.ts'
import type { CreateOptions, CreateResult, UpdateOptions, UpdateResult, Version } from '../../../src/store.ts'
import { askingOf, hasRunOut, isLeftOut } from './asking.ts'
import type { Cluster } from './cluster.ts'
import { type Copy, type Known, sameBytes, splitVersion } from './copies.ts'
import { type Member, outageOf } from './member.ts'
import { acknowledge, noOwnerError, reread, stored, type Write, whatIsThere } from './outcome.ts'
import { put } from './putting.ts'
import { read } from './reading.ts'
import { supersede } from './tombstones.ts'

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
/** Adds on every owner at once; `taken` also asks for another id where a fresh one could have all its owners up. */
export async function create(
  cluster: Cluster,
  key: string,
  value: Uint8Array,
  seconds: number,
  options: CreateOptions,
): Promise<CreateResult> {
  cluster.sawSeconds(seconds)
  const owners = cluster.ownersOf(key)
  const isAway = (member: Member) => !member.isUp || hasRunOut(member, options)
  const { isShared = false } = options
  if (!isShared && owners.some(isAway) && cluster.hasUp(owners.length, options)) return { status: 'taken' }
  const write = { cluster, key, value, seconds, asking: askingOf(owners, options) }
  const results = await Promise.all(owners.map((member) => addOne(write, member, isShared)))
  if (isShared && results.includes('taken')) return agree(write)
  if (results.includes('taken')) {
    await undo(write, owners, results)
    return { status: 'taken' }
  }
  const copies = results as Copy[]
  // No tombstone here: in a composition of compositions the others may have taken it. Whoever drew the id undoes it.
  if (stored(copies).length === 0) throw outageOf(owners)
  return acknowledge(write, copies)
}

/**
 * Others create it, too, and each may have one of the copies. Reading brings all of them to the one that outranks the others, which is
 * the same for everybody who looks.
 */
async function agree(write: Write): Promise<CreateResult> {
  const { cluster, key, value, seconds, asking } = write
  const found = await read(cluster, key, { ...asking.call, recordSeconds: seconds })
  return found && sameBytes(found.entry.value, value) ? acknowledge(write, found.copies) : { status: 'taken' }
}

async function addOne(
  { key, value, seconds, asking }: Write,
  member: Member,
  isShared: boolean,
): Promise<Copy | 'taken'> {
  const add = { isShared: isShared || undefined }
  const result = await member.ask((store, call) => store.create(key, value, seconds, { ...call, ...add }), asking)
  if (result?.status === 'stored') return { member, status: 'value', value, version: result.version }
  if (result === undefined) return { member, status: 'down' }
  const copy = await reread(member, key, asking)
  return copy.status === 'value' && sameBytes(copy.value, value) ? copy : 'taken'
}

/** What was added in vain ends under a tombstone, also where the answer was lost; another's record stays untouched. */
async function undo({ cluster, key, asking }: Write, owners: readonly Member[], results: readonly (Copy | 'taken')[]) {
  const mark = cluster.inFull(tombstone('destroyed', Math.ceil(cluster.options.now())))
  const mine = owners.filter((_, at) => results[at] !== 'taken')
  await Promise.all(mine.map((member) => cluster.bury(member, key, mark, asking)))
}

/** Compares and swaps on every reachable owner, one after the other in ring order. */
export async function update(
  cluster: Cluster,
  key: string,
  value: Uint8Array,
  seconds: number,
  version: Version,
  { versionAgeMs = 0, ...options }: UpdateOptions,
): Promise<UpdateResult> {
  if (!isTombstone(value)) cluster.sawSeconds(seconds)
  const owners = cluster.ownersOf(key)
  const write = { cluster, key, value, seconds, asking: askingOf(owners, options) }
  const known = splitVersion(version, owners)
  if (!known) return whatIsThere(write, false)
  const swap = isTombstone(value) ? supersede : swapAll
  if (versionAgeMs <= staleMs || known.copies.length === 1) return swap(write, known)
  const found = await read(cluster, key, options)
  if (!found) return { status: 'missing' }
  if (!isUnchanged(known.copies, found.copies)) return { status: 'conflict', current: found.entry }
  return swap(write, { revision: known.revision, copies: found.copies })
}

/** Every copy is as the caller knows it, or away now. One that has come back since may have missed a change: the caller looks again. */
function isUnchanged(known: readonly Copy[], found: readonly Copy[]): boolean {
  return found.every((now, at) => {
    const then = known[at] as Copy
    if (now.status === 'down') return true
    return now.status === 'value' ? then.status === 'value' && then.version === now.version : then.status === now.status
  })
}

async function swapAll(write: Write, known: Known): Promise<UpdateResult> {
  const { cluster, asking } = write
  const copies: Copy[] = []
  let isMaybe = false
  for (const copy of known.copies) {
    const isOut = copy.status === 'down' || isLeftOut(copy.member, asking)
    const hasMissedHome = !isOut && copies.length > 0 && stored(copies).length === 0
    if (hasMissedHome && !ranksAsFailover(write, known.revision)) {
      // The home may still apply what it was sent, so this write cannot be made again under a higher revision.
      if (isMaybe) throw noOwnerError(write)
      return { status: 'outranked', revision: failoverRevision(cluster, known.revision) }
    }
    let after = isOut ? ({ member: copy.member, status: 'down' } as const) : await swapOne(write, copy)
    if (after === 'conflict' && stored(copies).length > 0) after = await passedOn(write, copy.member)
    if (after === 'conflict' || after === 'maybe')
      return whatIsThere(write, isMaybe || after === 'maybe' || stored(copies).length > 0)
    if (!isOut && after.status === 'down') isMaybe = true
    copies.push(after)
  }
  if (stored(copies).length === 0) throw noOwnerError(write)
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

/**
 * A reader that came between may already have repaired this copy with our bytes. Our compare-and-swap then fails although the
 * write is stored, so our bytes are looked for before a conflict is reported. Without this one in fifty rivals is told 503.
 */
async function passedOn({ key, value, asking }: Write, member: Member): Promise<Copy | 'conflict'> {
  const copy = await reread(member, key, asking)
  return copy.status === 'value' && sameBytes(copy.value, value) ? copy : 'conflict'
}

/** `maybe`: it may have been applied, and something else is there now. A copy that timed out is asked once, whatever its breaker says. */
async function swapOne({ key, value, seconds, asking }: Write, copy: Copy): Promise<Copy | 'conflict' | 'maybe'> {
  const after = await put(copy, key, value, seconds, asking)
  if (after === 'conflict' || after.status !== 'down') return after
  const again = await reread(copy.member, key, asking)
  if (again.status === 'down') return again
  return again.status === 'value' && sameBytes(again.value, value) ? again : 'maybe'
}
