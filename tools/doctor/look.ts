import type { TLSSocket } from 'node:tls'
import type { Address } from '../../adapters/stores/memcached/address.ts'
import { Conversation, type EntryOptions } from '../memcached/conversation.ts'
import { Failure, type FailureKind } from '../memcached/failure.ts'
import type { Servers } from '../memcached/servers.ts'
import type { World } from '../world.ts'
import type { NodeFacts } from './facts.ts'
import { speaksBinary, speaksTls } from './greetings.ts'

const nothing = {
  failure: undefined,
  answersTo: undefined,
  letsStrangersIn: false,
  roundTripMs: undefined,
  stats: new Map(),
  settings: new Map(),
  items: new Map(),
  skewSeconds: undefined,
  certificateEnds: undefined,
} as const

/** Everything that one server tells, asked over a connection like the client's own. */
export async function look(address: Address, { entry }: Servers, world: World): Promise<NodeFacts> {
  const names = address.host === undefined ? [] : await world.lookup(address.dial ?? address.host).catch(() => [])
  const about = { node: address.node, address, names }
  try {
    const conversation = await Conversation.open(address, entry)
    try {
      return { ...nothing, ...about, ...(await told(conversation, world)), ...(await asStranger(address, entry)) }
    } finally {
      conversation.close()
    }
  } catch (error) {
    const failure: FailureKind = error instanceof Failure ? error.kind : 'closed'
    return { ...nothing, ...about, failure, answersTo: await answersTo(address, entry) }
  }
}

async function told(conversation: Conversation, { now }: World): Promise<Partial<NodeFacts>> {
  const roundTripMs = await conversation.roundTripMs()
  const before = now()
  const stats = await conversation.counters('')
  const between = (before + now()) / 2000
  const time = stats.get('time')
  return {
    roundTripMs,
    stats,
    skewSeconds: time === undefined ? undefined : Math.round(Number(time) - between),
    settings: await conversation.counters(' settings'),
    items: await conversation.counters(' items'),
    certificateEnds: endOfCertificate(conversation),
  }
}

function endOfCertificate({ socket }: Conversation): number | undefined {
  const certificate = (socket as Partial<TLSSocket>).getPeerCertificate?.()
  const end = certificate?.valid_to === undefined ? Number.NaN : Date.parse(certificate.valid_to)
  return Number.isNaN(end) ? undefined : end
}

/** Where a password is given: whether it is asked for at all. */
async function asStranger(address: Address, entry: EntryOptions): Promise<Pick<NodeFacts, 'letsStrangersIn'>> {
  if (entry.username === undefined) return { letsStrangersIn: entry.tls === undefined }
  const { username, password, ...stranger } = entry
  return { letsStrangersIn: await getsIn(address, stranger) }
}

/** How it would have answered: with TLS or without, or in the binary protocol. */
async function answersTo(address: Address, { tls }: EntryOptions): Promise<NodeFacts['answersTo']> {
  if (tls !== undefined) return (await answersPlainly(address)) ? 'plain text' : undefined
  if (await speaksTls(address)) return 'TLS'
  return (await speaksBinary(address)) ? 'binary' : undefined
}

async function answersPlainly(address: Address): Promise<boolean> {
  try {
    ;(await Conversation.open(address, { protocol: 'classic' })).close()
    return true
  } catch (error) {
    return error instanceof Failure && error.kind === 'login-wanted'
  }
}

async function getsIn(address: Address, entry: EntryOptions): Promise<boolean> {
  try {
    ;(await Conversation.open(address, entry)).close()
    return true
  } catch {
    return false
  }
}
