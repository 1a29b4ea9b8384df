import { inBackground } from '../../adapters/stores/replication/asking.ts'
import type { ClusterOptions } from '../../adapters/stores/replication/cluster.ts'
import { type Copy, copyOf, splitVersion } from '../../adapters/stores/replication/copies.ts'
import { put } from '../../adapters/stores/replication/putting.ts'
import { entryOf } from '../../adapters/stores/replication/reading.ts'
import { createCluster, replicate } from '../../adapters/stores/replication/store.ts'
import { revisionOf } from '../../src/record/revision.ts'
import { isTombstone, nameSameSuccessor } from '../../src/record/tombstone.ts'
import type { Store, UpdateResult } from '../../src/store.ts'
import type { Build } from './simulate.ts'

/** One way to write the copies of a live record; tombstones and all else stay as they are. */
type Rule = (key: string, value: Uint8Array, seconds: number, copies: readonly Copy[]) => Promise<UpdateResult>

/** A replicated store whose commits follow a simpler rule than the real one. */
function withRule(rule: Rule): Build {
  return (options: ClusterOptions): Store => {
    const real = replicate('simpler', options)
    const cluster = createCluster(options)
    return {
      ...real,
      async update(key, value, seconds, version, callOptions) {
        const known = splitVersion(version, cluster.ownersOf(key))
        if (isTombstone(value) || !known) return real.update(key, value, seconds, version, callOptions)
        return rule(key, value, seconds, known.copies)
      },
    }
  }
}

const conflict: UpdateResult = { status: 'conflict' }

const acknowledge = (value: Uint8Array, copies: readonly Copy[]): UpdateResult => ({
  status: 'stored',
  version: entryOf(value, copies).version,
})

/** The first owner that answers decides; the others are brought up to it behind the answer. */
export const answerBeforeTheCopy: Build = withRule(async (key, value, seconds, copies) => {
  const after: Copy[] = []
  for (const copy of copies) {
    const result = await put(copy, key, value, seconds, inBackground)
    if (result === 'conflict') return conflict
    after.push(result)
    if (result.status === 'value') break
  }
  for (const copy of copies.slice(after.length)) void overwriteIfOlder(copy, key, value, seconds)
  return after.some(({ status }) => status === 'value')
    ? acknowledge(value, [...after, ...copies.slice(after.length)])
    : conflict
})

/** All owners at once; the home decides. */
export const copiesInParallel: Build = withRule(async (key, value, seconds, copies) => {
  const after = await Promise.all(copies.map((copy) => put(copy, key, value, seconds, inBackground)))
  const [home] = after
  if (home === undefined || home === 'conflict' || home.status !== 'value') return conflict
  await Promise.all(
    copies.map((copy, at) => (after[at] === 'conflict' ? overwriteIfOlder(copy, key, value, seconds) : undefined)),
  )
  return acknowledge(
    value,
    after.map((copy, at) => (copy === 'conflict' ? (copies[at] as Copy) : copy)),
  )
})

/** The home decides, the others take the record if theirs is older, and the answer waits for that. */
export const overwriteOlderCopies: Build = withRule(async (key, value, seconds, copies) => {
  const at = copies.findIndex(({ status, member }) => status !== 'down' && member.isUp)
  const judge = copies[at]
  const result = judge && (await put(judge, key, value, seconds, inBackground))
  if (!result || result === 'conflict' || result.status !== 'value') return conflict
  for (const copy of copies) if (copy !== judge) await overwriteIfOlder(copy, key, value, seconds)
  return acknowledge(
    value,
    copies.map((copy) => (copy === judge ? result : copy)),
  )
})

/** The real rule without the higher revision of a commit that misses its home. */
export const noFailoverRank: Build = (options) => {
  return replicate('simpler', { ...options, failoverMs: 0 })
}

/** The real rule, but the first copy's vote on a supersession is the last word: a newer record on a later copy is overwritten. */
export const supersedeNewer: Build = (options) => {
  const real = replicate('simpler', options)
  const cluster = createCluster(options)
  return {
    ...real,
    async update(key, value, seconds, version, callOptions) {
      const known = splitVersion(version, cluster.ownersOf(key))
      if (!isTombstone(value) || !known) return real.update(key, value, seconds, version, callOptions)
      const after: Copy[] = []
      for (const copy of known.copies) {
        const result = await supersedeOne(copy, key, value, seconds, after.length === 0)
        if (result === 'conflict') return conflict
        if (result.status === 'value') after.push(result)
      }
      return after.length > 0 ? acknowledge(value, after) : conflict
    },
  }
}

/** An imported session as one of a drawn id, which nobody else adds. */
export const importAsDrawn: Build = (options) => {
  const real = replicate('simpler', options)
  return {
    ...real,
    create: (key, value, seconds, { isShared, ...call } = {}) => real.create(key, value, seconds, call),
  }
}

async function supersedeOne(known: Copy, key: string, value: Uint8Array, seconds: number, isFirst: boolean) {
  const { member } = known
  const look = async () => copyOf(member, await member.ask((store) => store.read(key), inBackground, true))
  let copy = known.status === 'down' ? await look() : known
  for (let attempt = 0; attempt < 3 && copy.status !== 'down'; attempt++) {
    if (copy.status === 'value' && isTombstone(copy.value))
      return nameSameSuccessor(copy.value, value) ? copy : 'conflict'
    const result = await put(copy, key, value, seconds, inBackground)
    if (result !== 'conflict' && result.status === 'value') return result
    copy = await look()
    if (isFirst && result === 'conflict' && !(copy.status === 'value' && isTombstone(copy.value))) return 'conflict'
  }
  return { member, status: 'down' } as const
}

async function overwriteIfOlder(copy: Copy, key: string, value: Uint8Array, seconds: number): Promise<void> {
  const entry = await copy.member.ask((store) => store.read(key), inBackground)
  if (entry === undefined || (entry && (isTombstone(entry.value) || revisionOf(entry.value) >= revisionOf(value))))
    return
  const { member } = copy
  await put(
    entry ? { member, status: 'value', ...entry } : { member, status: 'absent' },
    key,
    value,
    seconds,
    inBackground,
  )
}
