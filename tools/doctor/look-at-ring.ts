import { createRing } from '../../adapters/stores/memcached/servers/ring.ts'
import type { Store } from '../../src/store.ts'
import { Conversation } from '../memcached/conversation.ts'
import type { Servers } from '../memcached/servers.ts'
import { newKey, trialRecord } from './cycles.ts'
import type { NodeFacts, RingFacts } from './facts.ts'

/** Enough to tell a rare mistake from a common one, and little to read. */
const sampled = 2000
const markerSeconds = 60
const trialSeconds = 60
/** The store's own writes are looked for: more than one, since by chance one may lie right. */
const trials = 8

/** How the servers that were reached stand to each other, to the ring, and to what lies on them. */
export async function lookAtRing(
  servers: Servers,
  nodes: readonly NodeFacts[],
  store: Store,
  namespace: string,
): Promise<RingFacts> {
  const talks = new Map<string, Conversation>()
  try {
    for (const { node, address, failure } of nodes)
      if (failure === undefined) talks.set(node, await Conversation.open(address, servers.entry))
    const { same, several } = await marks(servers, talks)
    const samples = await sampleOf(servers, talks, namespace)
    const misplaced = talks.size === nodes.length && (await isMisplaced(servers, talks, store))
    return { same, several, misplaced, ...samples }
  } catch {
    // A server that went away meanwhile: what it is like nobody can say now.
    return { same: [], several: [], strays: new Map(), misplaced: false, itemBytes: undefined }
  } finally {
    for (const talk of talks.values()) talk.close()
  }
}

/** One mark on each server: it must be there for another connection, and on no other server. */
async function marks(servers: Servers, talks: ReadonlyMap<string, Conversation>) {
  const same: [string, string][] = []
  const several: string[] = []
  for (const [node, talk] of talks) {
    const key = newKey()
    const [answer] = await talk.ask(`add ${key} 0 ${markerSeconds} 1\r\nx`)
    if (answer !== 'STORED') continue
    if (!(await isThereForOthers(servers, node, key))) several.push(node)
    for (const [other, asked] of talks) if (other > node && (await has(asked, key))) same.push([node, other])
    await talk.ask(`delete ${key}`)
  }
  return { same, several }
}

/** Two more connections: a balancer that takes turns may bring one of them back to the same server. */
async function isThereForOthers({ addresses, entry }: Servers, node: string, key: string): Promise<boolean> {
  const address = addresses.find((one) => one.node === node)
  for (let tries = 0; address && tries < 2; tries++) {
    const another = await Conversation.open(address, entry)
    try {
      if (!(await has(another, key))) return false
    } finally {
      another.close()
    }
  }
  return true
}

async function has(talk: Conversation, key: string): Promise<boolean> {
  const lines = await talk.ask(`get ${key}`, (line) => !line.startsWith('VALUE ') && line !== 'x')
  return lines[0]?.startsWith('VALUE ') === true
}

/** Sessions as they lie there. A plain client of the same ring looks for each on its owners and nowhere else. */
async function sampleOf(servers: Servers, talks: ReadonlyMap<string, Conversation>, namespace: string) {
  const { ring, copies, settings } = servers
  const former = settings.previous && createRing(settings.previous, settings.hash)
  const strays = new Map<string, { seen: number; stray: number }>()
  const sizes: number[] = []
  for (const [node, address] of servers.addresses.map((one) => [one.node, one] as const)) {
    if (!talks.has(node)) continue
    const found = await sessionsOn(await Conversation.open(address, servers.entry), namespace)
    const owners = (key: string) => [...ring.ownersOf(key, copies), ...(former?.ownersOf(key, copies) ?? [])]
    strays.set(node, { seen: found.length, stray: found.filter(({ key }) => !owners(key).includes(node)).length })
    sizes.push(...found.map(({ bytes }) => bytes))
  }
  return { strays, itemBytes: sizes.length === 0 ? undefined : sizes.reduce((sum, one) => sum + one, 0) / sizes.length }
}

/** On a connection of its own, which the dump takes over. A server with -X, or without a crawler, tells nothing. */
async function sessionsOn(talk: Conversation, namespace: string) {
  const isOurs = (key: string) => key.startsWith(`${namespace}:`) && key.length === namespace.length + 44
  let lines = 0
  try {
    const dump = await talk.ask('lru_crawler metadump all', (line) => !line.startsWith('key=') || ++lines > sampled)
    return dump
      .map((line) => /^key=(\S+) .*\bsize=(\d+)/.exec(line))
      .filter((match) => match !== null)
      .map(([, key = '', size]) => ({ key: decodeURIComponent(key), bytes: Number(size) }))
      .filter(({ key }) => isOurs(key))
  } finally {
    talk.close()
  }
}

/** Whether something that the store has just stored is missing where its own ring looks. */
async function isMisplaced({ ring, copies }: Servers, talks: ReadonlyMap<string, Conversation>, store: Store) {
  for (let trial = 0; trial < trials; trial++) {
    const key = newKey()
    const created = await store.create(key, trialRecord(1024, Date.now()), trialSeconds).catch(() => undefined)
    if (created?.status !== 'stored') continue
    for (const node of ring.ownersOf(key, copies)) {
      const [found] = (await talks.get(node)?.ask(`touch ${key} ${trialSeconds}`)) ?? []
      if (found === 'NOT_FOUND') return true
    }
    await store.delete(key).catch(() => {})
  }
  return false
}
