import { revisionOf } from '../../../src/record/revision.ts'
import { isTombstone } from '../../../src/record/tombstone.ts'
import type { Entry, ReadOptions } from '../../../src/store.ts'
import { RefusalError } from '../refusal.ts'
import { type Asking, askingOf } from './asking.ts'
import type { Cluster, RepairRecord } from './cluster.ts'
import { type Copy, copyOf, joinVersion, sameBytes, versionOfOnly, winnerOf } from './copies.ts'
import { type Member, outageOf } from './member.ts'
import { passOn } from './passing-on.ts'
import { put } from './putting.ts'

/** An entry all reachable owners agree on, and the copies it came from. */
export interface Replicated {
  readonly entry: Entry
  readonly copies: readonly Copy[]
}

/** A repair may collide with other writers. After this many rounds it is an outage. */
const maxRounds = 12

/** What a store answers: of one owner without a round through its copies, where it holds a record. */
export async function readEntry(cluster: Cluster, key: string, options: ReadOptions): Promise<Entry | null> {
  const owners = cluster.ownersOf(key)
  const [only] = owners
  if (owners.length !== 1 || !only) return (await read(cluster, key, options))?.entry ?? null
  cluster.sawSeconds(secondsIn(options))
  const entry = await only.ask((store) => store.read(key, options), askingOf(owners, options))
  if (entry && !isTombstone(entry.value)) {
    const { value, version } = entry
    return { value, version: versionOfOnly(revisionOf(value), only, version) }
  }
  return (await read(cluster, key, options, [copyOf(only, entry)]))?.entry ?? null
}

/**
 * Asks all owners at once. Where they differ, the one that counts is FIRST written to the others, then returned: what somebody
 * has read can never be missing from a later read. Null only where every owner says so, or has been away for too long. `answered`: what
 * they have said already.
 */
export async function read(
  cluster: Cluster,
  key: string,
  options: ReadOptions,
  answered?: readonly Copy[],
): Promise<Replicated | null> {
  cluster.sawSeconds(secondsIn(options))
  const owners = cluster.ownersOf(key)
  const asking = askingOf(owners, options)
  for (let round = 0; round < maxRounds; round++) {
    if (round > 1) await pause(round)
    let copies = (round === 0 && answered) || (await readCopies(owners, key, options, asking))
    if (!isEnough(winnerOf(copies), options)) copies = await askThoseOut(cluster, copies, key, options, asking)
    const best = winnerOf(copies)
    if (best === undefined) return absentOrThrow(cluster, copies, options.onGivenUp)
    if (isTombstone(best.value)) {
      if (await passOn(cluster, key, copies, best.value, options, asking))
        return { entry: entryOf(best.value, copies), copies }
      continue
    }
    const behind = options.atLeast !== undefined && revisionOf(best.value) < options.atLeast
    const giveUpMs = cluster.options.giveUpSeconds * 1000
    if (behind && copies.some(({ status, member }) => status === 'down' && member.downMs <= giveUpMs))
      throw away(copies)
    const repaired = await repair(cluster, key, copies, best.value, options, asking)
    // Who only reads hands over too: between two restarts a session may be read where its node is still out.
    for (const { member, status } of repaired ?? [])
      if (status === 'down') cluster.handover.note(member, key, secondsIn(options))
    if (repaired) return { entry: entryOf(best.value, repaired), copies: repaired }
  }
  // That is this one session's trouble: the copies are there.
  throw new RefusalError('the copies of a session still differ after 12 rounds of repair')
}

/** Reading repairs: afterwards a member that was away holds what the others hold. */
export const repairByReading: RepairRecord = async (cluster, key, member, recordSeconds) => {
  const found = await read(cluster, key, { recordSeconds }).catch(() => undefined)
  return found?.copies.every((copy) => copy.member !== member || copy.status !== 'down') ?? found === null
}

/** Full jitter (up to 4, 8, ... 32 ms): writers that are between two copies get there, and rival readers fall out of step. */
function pause(round: number): Promise<void> {
  return new Promise((wake) => setTimeout(wake, Math.random() * Math.min(32, 2 ** round)))
}

/** How long the record lives, as far as the caller says. */
const secondsIn = ({ touchSeconds, recordSeconds }: ReadOptions) => touchSeconds ?? recordSeconds

/** One parallel round trip; with `touchSeconds` each owner slides the expiry. */
async function readCopies(
  owners: readonly Member[],
  key: string,
  options: ReadOptions,
  asking: Asking,
): Promise<Copy[]> {
  return Promise.all(
    owners.map(async (member) => copyOf(member, await member.ask((store) => store.read(key, options), asking))),
  )
}

/** Whether this is an answer even where another copy would know more. */
function isEnough(best: ReturnType<typeof winnerOf>, { atLeast = 0 }: ReadOptions): boolean {
  return best !== undefined && (isTombstone(best.value) || revisionOf(best.value) >= atLeast)
}

/** Those left out for their breakers may know what the others do not: without them this is a 503, and one that is back must end that. */
function askThoseOut(
  cluster: Cluster,
  copies: readonly Copy[],
  key: string,
  options: ReadOptions,
  asking: Asking,
): Promise<Copy[]> {
  const giveUpMs = cluster.options.giveUpSeconds * 1000
  const again = async (copy: Copy) => {
    const { member, status } = copy
    if (asking.force || status !== 'down' || member.isUp || member.downMs > giveUpMs) return copy
    return copyOf(member, await member.ask((store) => store.read(key, options), asking, true))
  }
  return Promise.all(copies.map(again))
}

export function entryOf(value: Uint8Array, copies: readonly Copy[]): Entry {
  return { value, version: joinVersion(revisionOf(value), copies) }
}

/** Nothing was found. That is an answer only if everybody gave it; a member that is away may hold the session. */
function absentOrThrow(cluster: Cluster, copies: readonly Copy[], onGivenUp: ReadOptions['onGivenUp']): null {
  const missing = copies.filter(({ status }) => status === 'down')
  const giveUpMs = cluster.options.giveUpSeconds * 1000
  if (!missing.every(({ member }) => member.downMs > giveUpMs)) throw away(copies)
  // Where nothing else is up there is nowhere to begin anew: an outage, not a loss.
  if (missing.length > 0 && !cluster.hasUp(1)) throw away(copies)
  for (const { member } of missing) onGivenUp?.(member.name)
  return null
}

const away = (copies: readonly Copy[]) =>
  outageOf(copies.filter(({ status }) => status === 'down').map(({ member }) => member))

/** Brings lagging copies up to the one that counts; undefined where another writer came between. */
async function repair(
  cluster: Cluster,
  key: string,
  copies: readonly Copy[],
  value: Uint8Array,
  options: ReadOptions,
  asking: Asking,
): Promise<readonly Copy[] | undefined> {
  const seconds = secondsIn(options) ?? cluster.recordSeconds
  const repaired: Copy[] = []
  let isCalm = true
  for (const copy of copies) {
    const isLagging = copy.status !== 'down' && !(copy.status === 'value' && sameBytes(copy.value, value))
    const after = isLagging ? await put(copy, key, value, seconds, asking) : copy
    if (after === 'conflict') isCalm = false
    else repaired.push(after)
  }
  return isCalm ? repaired : undefined
}
