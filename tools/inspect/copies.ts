import { textDriver } from '../../adapters/stores/memcached/client/text/driver.ts'
import type { MemcachedOptions } from '../../adapters/stores/memcached/options.ts'
import { senderOf } from '../../adapters/stores/redis/clients.ts'
import type { RedisStoreOptions } from '../../adapters/stores/redis/index.ts'
import type { ReplicatedOptions } from '../../adapters/stores/replicated.ts'
import { type Opened, openRecord } from '../../src/record/record.ts'
import { endingIn } from '../../src/record/tombstone.ts'
import { setupOf } from '../../src/setup.ts'
import type { Store } from '../../src/store.ts'
import { Conversation } from '../memcached/conversation.ts'
import { type Servers, serversOf } from '../memcached/servers.ts'
import type { Claimed } from './claim.ts'

/** What one server has of a session. */
export interface Copy {
  readonly node: string
  /** The first copy, a further one, or a server where it does not belong. */
  readonly place: 'home' | 'copy' | 'elsewhere'
  readonly holds: Opened | { readonly status: 'nothing' } | { readonly status: 'down' }
  readonly bytes: number | undefined
  /** What is left of its time; undefined where the server does not tell. */
  readonly ttlSeconds: number | undefined
  /** Of a tombstone: how the session ended. */
  readonly end: 'destroyed' | 'revoked' | 'regenerated' | undefined
}

/**
 * What every server has of a session, each asked by itself: a read through the composition would repair what differs, and a read that
 * touches would keep the session alive.
 */
export async function copiesOf(store: Store, claimed: Claimed): Promise<readonly Copy[]> {
  const setup = setupOf(store)
  // One that may know no text is asked through the store, as one whose servers are not known.
  if (setup?.kind === 'memcached' && (setup.options as MemcachedOptions).protocol !== 'binary')
    return inMemcached(await serversOf(setup.options as MemcachedOptions), claimed)
  if (setup?.kind === 'replicated') {
    const { stores } = setup.options as ReplicatedOptions
    const all = await Promise.all(stores.map((one) => copiesOf(one, claimed)))
    return all.flatMap((copies, at) => (at === 0 ? copies : copies.map(beside)))
  }
  const ttl = setup?.kind === 'redis' ? () => ttlInRedis(setup.options as RedisStoreOptions, claimed) : undefined
  return [await ofStore(store, claimed, ttl)]
}

const beside = (copy: Copy): Copy => (copy.place === 'home' ? { ...copy, place: 'copy' } : copy)

async function ofStore(store: Store, claimed: Claimed, ttl: (() => Promise<number | undefined>) | undefined) {
  const at = { node: store.name, place: 'home' } as const
  try {
    const entry = await store.read(claimed.claim.identity.key)
    return copyOf(at, claimed, entry?.value, entry ? await ttl?.() : undefined)
  } catch {
    return down(at)
  }
}

async function ttlInRedis({ client }: RedisStoreOptions, { claim }: Claimed): Promise<number | undefined> {
  const answer = await senderOf(client)(['TTL', claim.identity.key], AbortSignal.timeout(2000)).catch(() => undefined)
  return answer === undefined || Number(answer) < 0 ? undefined : Number(answer)
}

async function inMemcached(servers: Servers, claimed: Claimed): Promise<readonly Copy[]> {
  const owners = servers.ring.ownersOf(claimed.claim.identity.key, servers.copies)
  const copies = await Promise.all(
    servers.addresses.map((address) => {
      const at = owners.indexOf(address.node)
      return inOne(address, at === 0 ? 'home' : at > 0 ? 'copy' : 'elsewhere', servers, claimed)
    }),
  )
  // Where it does not belong and is not, there is nothing to say.
  const told = copies.filter(({ place, holds }) => place !== 'elsewhere' || !['nothing', 'down'].includes(holds.status))
  const rank = (node: string) => (owners.includes(node) ? owners.indexOf(node) : owners.length)
  return told.toSorted((a, b) => rank(a.node) - rank(b.node))
}

async function inOne(
  address: Servers['addresses'][number],
  place: Copy['place'],
  { settings, entry }: Servers,
  claimed: Claimed,
): Promise<Copy> {
  const at = { node: address.node, place }
  const { key } = claimed.claim.identity
  const driver = textDriver(address, settings.driver)
  try {
    const found = await driver.get(key)
    return await copyOf(at, claimed, found?.value, found ? await ttlOf(address, entry, key) : undefined)
  } catch {
    return down(at)
  } finally {
    driver.close()
  }
}

/** By the meta protocol; servers before 1.6.13 do not tell. */
async function ttlOf(address: Servers['addresses'][number], entry: Servers['entry'], key: string) {
  const talk = await Conversation.open(address, entry)
  try {
    const [answer = ''] = await talk.ask(`mg ${key} t`)
    const seconds = /^HD t(\d+)/.exec(answer)?.[1]
    return seconds === undefined ? undefined : Number(seconds)
  } finally {
    talk.close()
  }
}

type At = Pick<Copy, 'node' | 'place'>

const down = (at: At): Copy => ({
  ...at,
  ...{ holds: { status: 'down' }, bytes: undefined, ttlSeconds: undefined, end: undefined },
})

async function copyOf(at: At, { claim, keys }: Claimed, value: Uint8Array | undefined, ttlSeconds: number | undefined) {
  const nothing = { ...at, bytes: undefined, ttlSeconds: undefined, end: undefined }
  if (value === undefined) return { ...nothing, holds: { status: 'nothing' } } as const
  const holds = await openRecord(keys, claim.identity, value)
  const end = holds.status !== 'tombstone' ? undefined : endOf(value)
  return { ...at, holds, bytes: value.length, ttlSeconds, end } as const
}

function endOf(tombstone: Uint8Array): 'regenerated' | 'revoked' | 'destroyed' {
  const ending = endingIn(tombstone)
  return ending === 'logged-out' ? 'destroyed' : ending
}
