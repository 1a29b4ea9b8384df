import { identify } from '../claim/identity.ts'
import type { Claim } from '../claim/token.ts'
import { nameIn, wayOn } from './binding.ts'
import { hasJustEnded } from './conflict.ts'
import type { Exchange } from './exchange.ts'
import { readRecord } from './load.ts'
import type { Ended, Found } from './loaded.ts'
import type { RequestState } from './state.ts'

/** A login may itself have been superseded by one that came after. */
const maxHops = 3

/** The session that a login joins. */
export interface Successor {
  readonly claim: Claim
  readonly found: Found
}

/** The session that has just taken the place of one that ended, if this request has proven to be of its subject and it lives. */
export async function successorOf(state: RequestState, from: Claim, ended: Ended): Promise<Successor | undefined> {
  let [claim, end] = [from, ended]
  for (let hop = 0; hop < maxHops; hop++) {
    if (end.status !== 'gone' || !end.bytes || !hasJustEnded(state, end.revision)) return undefined
    const id = await wayOn(state, claim, end.bytes)
    if (!id) return undefined
    claim = await claimTo(state, id)
    const next = await readRecord(state, claim, 0)
    if (next.status === 'found') return (await isListed(state, claim, next)) ? successor(state, claim, next) : undefined
    end = next
  }
  return undefined
}

/** Nothing is known of it yet but its id. Read without a touch: its times are in the record. */
async function claimTo(exchange: Exchange, id: Uint8Array): Promise<Claim> {
  const { keys } = await exchange.signer()
  const identity = await identify(id, exchange.settings.namespace, keys)
  return {
    identity,
    revision: 0,
    until: Math.floor(exchange.settings.now() / 1000) + exchange.settings.absoluteSeconds,
  }
}

async function successor(exchange: Exchange, { identity }: Claim, found: Found): Promise<Successor> {
  const { revision, record } = found
  const { until, lifetime } = record
  return { claim: { identity, revision, until, lifetime, subject: await nameIn(exchange, record) }, found }
}

async function isListed(exchange: Exchange, claim: Claim, { record }: Found): Promise<boolean> {
  const { isListed } = await exchange.lists.look(exchange, { ...claim, subject: await nameIn(exchange, record) })
  return isListed
}
