import { hashOf, namesOf } from '../claim/subject.ts'
import type { Claim } from '../claim/token.ts'
import type { Exchange } from '../request/exchange.ts'
import { bury } from './bury.ts'
import { isOf, type Listed } from './entries.ts'
import { edit, listClaim } from './store.ts'

/** Which sessions of a subject are ended. */
export interface Ending {
  /** All but this one. */
  readonly except: Claim | undefined
  /** Only the one with this ref. */
  readonly ref: string | undefined
}

/**
 * Takes sessions off the lists of a subject, which ends them; the refs of those that were there.
 *
 * There is a list for each secret. A session that moves between two of them, as its secret was changed, stands in both for a while. It looks
 * for itself in the one it left after it has entered the other, so two rounds miss none. Where one list is all there is, the second round
 * meets the list of a login that only another copy knew, and that outranks this change; else it costs a read.
 */
export async function revoke(exchange: Exchange, subject: string, { except, ref }: Ending): Promise<readonly string[]> {
  const { keys } = await exchange.signer()
  const names = await namesOf(keys, exchange.settings.namespace, await hashOf(subject))
  const stays = (one: Listed) => (except !== undefined && isOf(except)(one)) || (ref !== undefined && one.ref !== ref)
  const ended = new Map<string, Listed>()
  for (const isFirst of [true, false]) {
    for (const name of names) {
      const list = await listClaim(exchange, name)
      const { before } = await edit(exchange, list, (entries) => afterRevoking(entries, stays, isFirst), isFirst)
      for (const one of before) if (!stays(one)) ended.set(one.hash, one)
    }
  }
  await bury(exchange, [...ended.values()], 'revoked', names[0])
  return [...ended.values()].map((one) => one.ref)
}

/** At first an empty list is written, too, where there was none: a copy that is away may hold one. */
function afterRevoking(
  entries: readonly Listed[],
  stays: (one: Listed) => boolean,
  isFirst: boolean,
): readonly Listed[] | undefined {
  const left = entries.filter(stays)
  const isDone = left.length === entries.length && (entries.length > 0 || !isFirst)
  return isDone ? undefined : left
}
