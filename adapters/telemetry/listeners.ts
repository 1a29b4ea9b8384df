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
  count(message, seconds, failure) {
    loads.add(1, outcomeOfLoad(message, failure))
    sessionSeconds.record(seconds, operationOf('load', message, failure))
  },
  ended: (message, failure) => ({
    ...outcomeOfLoad(message, failure),
    ...some('claimcheck.session.ref', message.ref),
    ...some('claimcheck.round_trips', message.roundTrips),
  }),
})

function outcomeOfLoad(message: Message, failure: string | undefined): Attributes {
  const outcome = failure !== undefined ? 'unavailable' : message.hit === true ? 'hit' : String(message.reason)
  return { ...storeOf(message), 'claimcheck.load.outcome': outcome }
}

const operationOf = (name: string, message: Message, failure: string | undefined): Attributes => ({
  ...storeOf(message),
  'claimcheck.operation.name': name,
  ...some('error.type', failure),
})

const commitsOf = ({ commits, conflicts, recordBytes, sessionSeconds }: Instruments): Listener => ({
  channel: 'claimcheck:commit',
  kind: SpanKind.INTERNAL,
  concerns: always,
  nameOf: () => 'claimcheck commit',
  begun: storeOf,
  count(message, seconds, failure) {
    const { reason, bytes } = message
    commits.add(1, outcomeOfCommit(message, failure))
    if (codeOf(message) === 'conflict')
      conflicts.add(1, { ...storeOf(message), ...some('claimcheck.conflict.reason', reason) })
    if (failure === undefined && typeof bytes === 'number') recordBytes.record(bytes, storeOf(message))
    sessionSeconds.record(seconds, operationOf('commit', message, failure))
  },
  ended: (message, failure) => ({
    ...outcomeOfCommit(message, failure),
    ...some('claimcheck.session.ref', message.ref),
    ...some('claimcheck.round_trips', message.roundTrips),
    ...some('claimcheck.record.size', message.bytes),
    ...some('claimcheck.commit.attempts', message.attempts),
  }),
})

const codeOf = ({ error }: Message) => (error as { readonly code?: string } | undefined)?.code ?? 'failed'

function outcomeOfCommit(message: Message, failure: string | undefined): Attributes {
  const outcome = failure === undefined ? (message.outcome ?? 'unchanged') : codeOf(message)
  return { ...storeOf(message), 'claimcheck.commit.outcome': String(outcome) }
}

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
  count(message, seconds, failure) {
    const operation = some('db.operation.name', message.command)
    commandSeconds.record(seconds, { ...serverOf(message), ...operation, ...some('error.type', failure) })
  },
  ended: () => ({}),
})

const connects: Listener = {
  channel: 'claimcheck:memcached:connect',
  kind: SpanKind.CLIENT,
  concerns: always,
  nameOf: (message) => `connect ${addressOf(message)}`,
  begun: serverOf,
  count() {},
  ended: () => ({}),
}
