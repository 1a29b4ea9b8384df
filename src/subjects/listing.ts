import { hashOf, namesOf } from '../claim/subject.ts'
import type { Claim } from '../claim/token.ts'
import type { Exchange } from '../request/exchange.ts'
import { defaultLifetime } from '../request/lifetime.ts'
import type { Found } from '../request/loaded.ts'
import type { Device, SubjectSession } from '../session.ts'
import { claimOf, isOf, type Listed } from './entries.ts'
import { listClaim, livingIn, readList, readListed } from './store.ts'

/** The live sessions of a subject, by its lists and each one's record; the one that logged in last comes last. */
export async function sessionsOf(
  exchange: Exchange,
  subject: string,
  current: Claim | undefined,
): Promise<SubjectSession[]> {
  const { keys } = await exchange.signer()
  const { namespace } = exchange.settings
  const names = await namesOf(keys, namespace, await hashOf(subject))
  const lists = await Promise.all(
    names.map(async (name) => livingIn(exchange, await readList(exchange, await listClaim(exchange, name)))),
  )
  // That of the first secret is the youngest, and a session that has moved there stands in both.
  const listed = new Map(lists.reverse().flatMap((entries) => entries.map((one) => [one.hash, one] as const)))
  const sessions = await Promise.all(
    [...listed.values()].map(async (one) => shown(one, await readListed(exchange, claimOf(one, namespace)), current)),
  )
  return sessions.filter((session) => session !== undefined)
}

function shown(one: Listed, found: Found | undefined, current: Claim | undefined): SubjectSession | undefined {
  if (!found) return undefined
  const { created, authenticated, until, lifetime = defaultLifetime, device } = found.record
  return Object.freeze({
    ...{ ref: one.ref, created, authenticated, until, lifetime, device: device as Device | undefined },
    changed: Math.floor(found.revision / 1000),
    isCurrent: current !== undefined && isOf(current)(one),
  })
}
