import { SessionValueError, type StoreUnavailableError } from '../../../../../src/errors.ts'
import type { Version } from '../../../../../src/store.ts'
import { refusal as refusalOf, unavailable } from '../driver.ts'
import type { Call } from './call.ts'
import { type Replies, ReplyError } from './parser.ts'
import type { Writer } from './writer.ts'

/** memcached 1.6 has some 100 of them; lines without an end are no reply. */
const maxCounters = 1000

/** How the verbs travel: requests to bytes, replies to outcomes. One per connection. */
export interface Protocol extends Replies {
  readonly name: 'meta' | 'classic'
  /** Writes one request and gives its size on the wire. */
  write(call: Call, writer: Writer): number
  /** The number to compare and swap with, where this protocol knows it for this version. */
  casOf(version: Version): CasNumber
}

/** `read`: the entry has to be read first to learn its number; `none`: no version that was issued on this connection. */
export type CasNumber =
  | { readonly status: 'known'; readonly cas: string }
  | { readonly status: 'read' }
  | { readonly status: 'none' }

/** What a protocol needs of its connection. */
export interface ProtocolContext {
  readonly node: string
  readonly epoch: string
  /** The oldest call that waits for its reply. */
  first(): Call | undefined
  /** The reply of that call is complete. */
  answered(): void
}

/** The call whose reply has begun; there must be one. */
export function asked(context: ProtocolContext): Call {
  const call = context.first()
  if (call === undefined) throw new ReplyError('sent a reply to nothing that was asked')
  return call
}

/** Ends the call with its outcome. */
export function resolve(context: ProtocolContext, call: Call, outcome: Parameters<Call['resolve']>[0]): void {
  context.answered()
  call.resolve(outcome)
}

/** Ends the call where the line is a refusal after which the connection is as good as before; throws for every other line. */
export function refused(context: ProtocolContext, call: Call, line: string): void {
  const error = refusal(context.node, call, line)
  if (error === undefined) throw new ReplyError(complaint(line))
  context.answered()
  call.reject(error)
}

/** Takes one line of the reply to `version` or `stats`; false where it is none. */
export function told(context: ProtocolContext, call: Call, line: string): boolean {
  if (call.verb === 'stats') return counted(context, call, line)
  if (call.verb !== 'version' || !line.startsWith('VERSION ')) return false
  resolve(context, call, line.slice(8))
  return true
}

/** `STAT <name> <value>` again and again, up to `END`. */
function counted(context: ProtocolContext, call: Call, line: string): boolean {
  const [, name, value] = /^STAT (\S+) (.*)$/.exec(line) ?? []
  if (line === 'END') resolve(context, call, call.counters)
  else if (name === undefined || value === undefined || call.counters.size >= maxCounters) return false
  else call.counters.set(name, value)
  return true
}

/** Ends the call: without numbers (-C) an update would overwrite unseen. */
export function refusedForCas(context: ProtocolContext, call: Call): void {
  context.answered()
  call.reject(unavailable(context.node, 'runs without compare-and-swap (-C)'))
}

function refusal(node: string, call: Call, line: string): SessionValueError | StoreUnavailableError | undefined {
  if (line.startsWith('SERVER_ERROR object too large for cache') && call.value)
    return new SessionValueError('too-large', `the value is too large for memcached at ${node}`)
  if (line.startsWith('SERVER_ERROR out of memory')) return refusalOf(node, 'is out of memory')
  return undefined
}

/** What a line means that answers nothing: none of its own words, they may repeat what was sent. */
export function complaint(line: string): string {
  if (line.startsWith('ERROR Too many open connections')) return 'has no connection left'
  if (line.startsWith('CLIENT_ERROR unauthenticated')) return 'wants a user name and a password'
  if (/^(?:ERROR|CLIENT_ERROR|SERVER_ERROR)\b/.test(line)) return 'answered with an error'
  return 'sent something that is not a reply'
}
