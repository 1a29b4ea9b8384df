import { StoreUnavailableError } from '../../../src/errors.ts'
import type { UpdateResult, Version } from '../../../src/store.ts'
import type { Asking } from './asking.ts'
import type { Cluster } from './cluster.ts'
import { type Copy, copyOf, sameBytes } from './copies.ts'
import { type Member, outageOf } from './member.ts'
import { entryOf, read } from './reading.ts'

/** How often a write whose connection broke before the acknowledgement is looked at again. */
const maxChecks = 3

/** Everything a write needs to know, in one place. */
export interface Write {
  readonly cluster: Cluster
  readonly key: string
  readonly value: Uint8Array
  readonly seconds: number
  readonly asking: Asking
}

/** The owners that hold the value now. */
export const stored = (copies: readonly Copy[]): readonly Stored[] => copies.filter((copy) => copy.status === 'value')

/** A copy that holds something. */
export type Stored = Extract<Copy, { readonly status: 'value' }>

/** The error for a write that no owner accepted. */
export const noOwnerError = ({ cluster, key }: Write): StoreUnavailableError => outageOf(cluster.ownersOf(key))

const unknown = ({ cluster, key }: Write): StoreUnavailableError => {
  const { node } = outageOf(cluster.ownersOf(key))
  return new StoreUnavailableError('another change came between, and whether this one was stored is not known', {
    node,
  })
}

/** What an owner holds, asked whatever its breaker says. */
export async function reread(member: Member, key: string, asking: Asking): Promise<Copy> {
  return copyOf(member, await member.askAgain((store, call) => store.read(key, call), asking))
}

/**
 * After a refusal: our own bytes mean it was stored after all; anything else is a conflict, or unknown where we may have been
 * applied. What another made of our record only the caller can see: it is sealed.
 */
export async function whatIsThere(write: Write, isMaybe: boolean): Promise<UpdateResult> {
  const { cluster, key, value, asking } = write
  const found = await read(cluster, key, asking.call)
  if (found && sameBytes(found.entry.value, value)) return acknowledge(write, found.copies)
  if (isMaybe && found) return { status: 'unknown', current: found.entry, error: unknown(write) }
  if (isMaybe) throw unknown(write)
  return found ? { status: 'conflict', current: found.entry } : { status: 'missing' }
}

/**
 * Stored on every owner that is up. A store that lost the connection it answered on may have lost the write with it: such a vote
 * is void, and what is really there is looked at again.
 */
export async function acknowledge(
  write: Write,
  given: readonly Copy[],
): Promise<{ readonly status: 'stored'; readonly version: Version }> {
  const { cluster, key, value, seconds, asking } = write
  let copies = given
  for (let check = 0; !stored(copies).every(isCurrent); check++) {
    const found = check < maxChecks ? await read(cluster, key, asking.call) : null
    if (!found || !sameBytes(found.entry.value, value)) throw noOwnerError(write)
    copies = found.copies
  }
  for (const { member, status } of copies) if (status === 'down') cluster.handover.note(member, key, seconds)
  return { status: 'stored', version: entryOf(value, copies).version }
}

const isCurrent = ({ member, version }: Stored) => member.store.isCurrent?.(version) ?? true
