import { type Attributes, SpanKind } from '@opentelemetry/api'
import type { Listener, Message } from './channels.ts'
import type { Instruments } from './instruments.ts'

/** What becomes of each channel: spans, and counts by closed lists of words. `ref` is in spans only: a metric would grow without end. */
export function listenersOf(instruments: Instruments): readonly Listener[] {
  return [loadsOf(instruments), commitsOf(instruments), commandsOf(instruments), connects]
}

const storeOf = ({ store }: Message): Attributes => ({ 'claimcheck.store.name': String(store) })

const always = () => true

/** Left out where it is not known. */
const some = (name: string, value: unknown): Attributes =>
  typeof value === 'string' || typeof value === 'number' ? { [name]: value } : {}

const loadsOf = ({ loads, sessionSeconds }: Instruments): Listener => ({
  channel: 'claimcheck:load',
  kind: SpanKind.INTERNAL,
  concerns: always,
  nameOf: () => 'claimcheck load',
  begun: storeOf,
  ended(message, seconds, failure) {
    const { hit, reason, ref, roundTrips } = message
    const outcome = failure !== undefined ? 'unavailable' : hit === true ? 'hit' : String(reason)
    const counted = { ...storeOf(message), 'claimcheck.load.outcome': outcome }
    loads.add(1, counted)
    sessionSeconds.record(seconds, {
      ...storeOf(message),
      'claimcheck.operation.name': 'load',
      ...some('error.type', failure),
    })
    return { ...counted, ...some('claimcheck.session.ref', ref), ...some('claimcheck.round_trips', roundTrips) }
  },
})

const commitsOf = ({ commits, conflicts, recordBytes, sessionSeconds }: Instruments): Listener => ({
  channel: 'claimcheck:commit',
  kind: SpanKind.INTERNAL,
  concerns: always,
  nameOf: () => 'claimcheck commit',
  begun: storeOf,
  ended(message, seconds, failure) {
    const { outcome = 'unchanged', reason, ref, roundTrips, bytes, attempts, error } = message
    const { code = 'failed' } = (error ?? {}) as { readonly code?: string }
    const counted = { ...storeOf(message), 'claimcheck.commit.outcome': String(failure === undefined ? outcome : code) }
    commits.add(1, counted)
    if (code === 'conflict') conflicts.add(1, { ...storeOf(message), ...some('claimcheck.conflict.reason', reason) })
    if (failure === undefined && typeof bytes === 'number') recordBytes.record(bytes, storeOf(message))
    sessionSeconds.record(seconds, {
      ...storeOf(message),
      'claimcheck.operation.name': 'commit',
      ...some('error.type', failure),
    })
    return {
      ...counted,
      ...some('claimcheck.session.ref', ref),
      ...some('claimcheck.round_trips', roundTrips),
      ...some('claimcheck.record.size', bytes),
      ...some('claimcheck.commit.attempts', attempts),
    }
  },
})

const serverOf = ({ serverAddress, serverPort }: Message): Attributes => ({
  'db.system.name': 'memcached',
  ...some('server.address', serverAddress),
  ...some('server.port', serverPort),
})

const addressOf = ({ serverAddress, serverPort }: Message) =>
  serverPort === undefined ? String(serverAddress) : `${serverAddress}:${serverPort}`

const commandsOf = ({ commandSeconds }: Instruments): Listener => ({
  channel: 'claimcheck:memcached:command',
  kind: SpanKind.CLIENT,
  // What a health check asks is none of a request.
  concerns: ({ command }) => command !== 'version' && command !== 'stats',
  nameOf: (message) => `${message.command} ${addressOf(message)}`,
  begun: (message) => ({ ...serverOf(message), ...some('db.operation.name', message.command) }),
  ended(message, seconds, failure) {
    const operation = some('db.operation.name', message.command)
    commandSeconds.record(seconds, { ...serverOf(message), ...operation, ...some('error.type', failure) })
    return {}
  },
})

const connects: Listener = {
  channel: 'claimcheck:memcached:connect',
  kind: SpanKind.CLIENT,
  concerns: always,
  nameOf: (message) => `connect ${addressOf(message)}`,
  begun: serverOf,
  ended: () => ({}),
}
