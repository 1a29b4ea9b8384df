import { identityOf } from '../claim/identity.ts'
import type { Claim } from '../claim/token.ts'
import type { Json } from '../record/json.ts'
import type { SessionRecord } from '../record/record.ts'

/** One session in the list of its subject. */
export interface Listed {
  /** base64url of the hash of its id: what follows the namespace in its store key. */
  readonly hash: string
  /** The 8 characters that stand for it in logs. */
  readonly ref: string
  /** Seconds since 1970: its absolute end. */
  readonly until: number
}

const hashLength = 43
const noId = new Uint8Array(0)

/** How a session is listed. */
export function listedAs({ identity, until }: Claim): Listed {
  return { hash: hashIn(identity.key), ref: identity.ref, until }
}

const hashIn = (storeKey: string) => storeKey.slice(-hashLength)

export const isOf =
  (claim: Claim) =>
  ({ hash }: Listed): boolean =>
    hash === hashIn(claim.identity.key)

/**
 * The sessions in a list, as its data holds them: `sessions`, a list of [hash, ref, until]. The one that logged in last comes last. What is
 * not of that form lists nobody.
 */
export function entriesIn({ data }: SessionRecord): readonly Listed[] {
  const list = data.get('sessions')
  return Array.isArray(list) ? list.flatMap(entryOf) : []
}

function entryOf(one: Json): Listed[] {
  if (!Array.isArray(one)) return []
  const [hash, ref, until] = one
  const isEntry = typeof hash === 'string' && typeof ref === 'string' && typeof until === 'number'
  return isEntry ? [{ hash, ref, until }] : []
}

/** The same as data. */
export function dataWith(entries: readonly Listed[]): ReadonlyMap<string, Json> {
  return new Map([['sessions', entries.map(({ hash, ref, until }) => [hash, ref, until])]])
}

/** What a listed session is read by. Its id nobody knows but its browser, and nothing here needs it. */
export function claimOf({ hash, ref, until }: Listed, namespace: string): Claim {
  return { identity: identityOf(noId, hash, namespace, ref), revision: 0, until }
}
