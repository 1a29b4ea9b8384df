import type { Claim } from '../claim/token.ts'
import { StoreUnavailableError } from '../errors.ts'
import type { Entered, Exchange, Listing, SubjectLists } from '../request/exchange.ts'
import { bury } from './bury.ts'
import { claimOf, isOf, type Listed, listedAs } from './entries.ts'
import { edit, listClaim, livingIn, readList, readListed } from './store.ts'

/** The lists behind the sessions of one configuration. They hold nothing themselves. */
export const subjectLists: SubjectLists = { look, enter, trim, leave }

const listOf = (exchange: Exchange, { subject }: Claim) => listClaim(exchange, subject as string)

async function look(exchange: Exchange, claim: Claim): Promise<Listing> {
  const found = await readList(exchange, await listOf(exchange, claim))
  return { isListed: livingIn(exchange, found).some(isOf(claim)), revision: found?.revision }
}

async function enter(
  exchange: Exchange,
  claim: Claim,
  instead: Claim | undefined,
  isProven: boolean,
): Promise<Entered> {
  const list = await listOf(exchange, claim)
  const isSameList = instead?.subject === claim.subject
  let isGone = false
  const isOld = (one: Listed) => isSameList && instead !== undefined && isOf(instead)(one)
  const { after } = await edit(
    exchange,
    list,
    (entries) => {
      isGone = isSameList && !isProven && !entries.some(isOld)
      if (isGone) return undefined
      return [...entries.filter((one) => !isOld(one) && !isOf(claim)(one)), listedAs(claim)]
    },
    !isSameList || isProven,
  )
  if (isGone) return 'ended'
  const entered = after.length > exchange.settings.maxSessions ? 'too-many' : 'listed'
  if (isSameList || isProven || !instead) return entered
  // From one list to another, as the secret was changed. Only after the entry: a revocation that came first has emptied the other list.
  if ((await look(exchange, instead)).isListed) return entered
  await leave(exchange, claim)
  return 'ended'
}

async function leave(exchange: Exchange, claim: Claim): Promise<void> {
  try {
    const list = await listOf(exchange, claim)
    const without = (entries: readonly Listed[]) =>
      entries.some(isOf(claim)) ? entries.filter((one) => !isOf(claim)(one)) : undefined
    await edit(exchange, list, without, false)
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error
  }
}

async function trim(exchange: Exchange, claim: Claim): Promise<void> {
  const { maxSessions, namespace } = exchange.settings
  const list = await listOf(exchange, claim)
  const entries = livingIn(exchange, await readList(exchange, list))
  if (entries.length <= maxSessions) return
  const others = entries.filter((one) => !isOf(claim)(one))
  const isLive = await Promise.all(
    others.map(async (one) => (await readListed(exchange, claimOf(one, namespace))) !== undefined),
  )
  const live = others.filter((_, at) => isLive[at])
  const over = live.slice(0, Math.max(0, live.length + 1 - maxSessions))
  const leaving = new Set([...others.filter((_, at) => !isLive[at]), ...over].map(({ hash }) => hash))
  await edit(exchange, list, (now) => now.filter(({ hash }) => !leaving.has(hash)), false)
  await bury(exchange, over, 'max-sessions', claim.subject)
}
