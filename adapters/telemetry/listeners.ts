import { type Attributes, SpanKind } from '@opentelemetry/api'
import type { Listener, Message } from './channels.ts'
import type { Instruments } from './instruments.ts'
import { kept } from './tally.ts'

/** What becomes of each channel: spans, and counts by closed lists of words. `ref` is in spans only: a metric would grow without end. */
export function listenersOf(instruments: Instruments): readonly Listener[] {
  return [loadsOf(instruments), commitsOf(instruments), commandsOf(instruments), connects]
}

const storeOf = kept((store) => ({ 'claimcheck.store.name': store }))
const nameOf = ({ store }: Message) => String(store)

const always = () => true

/** Left out where it is not known. */
const some = (name: string, value: unknown): Attributes =>
  typeof value === 'string' || typeof value === 'number' ? { [name]: value } : {}

const loadsOf = ({ loads, sessionSeconds }: Instruments): Listener => ({
  channel: 'claimcheck:load',
  kind: SpanKind.INTERNAL,
  concerns: always,
  nameOf: () => 'claimcheck load',
  begun: (message) => storeOf(nameOf(message)),
  count(message, seconds, failure) {
    loads.add(nameOf(message), outcomeOfLoad(message, failure))
    sessionSeconds.record(seconds, operationOf('load', nameOf(message), failure ?? ''))
  },
  ended: (message, failure) => ({
    ...loads.attributesOf(nameOf(message), outcomeOfLoad(message, failure)),
    ...some('claimcheck.session.ref', message.ref),
    ...some('claimcheck.round_trips', message.roundTrips),
  }),
})

const outcomeOfLoad = ({ hit, reason }: Message, failure: string | undefined) =>
  failure !== undefined ? 'unavailable' : hit === true ? 'hit' : String(reason)

const operationOf = kept((name, store, failure) => ({
  'claimcheck.store.name': store,
  'claimcheck.operation.name': name,
  ...some('error.type', failure || undefined),
}))

const commitsOf = ({ commits, conflicts, recordBytes, sessionSeconds }: Instruments): Listener => ({
  channel: 'claimcheck:commit',
  kind: SpanKind.INTERNAL,
  concerns: always,
  nameOf: () => 'claimcheck commit',
  begun: (message) => storeOf(nameOf(message)),
  count(message, seconds, failure) {
    const { reason, bytes } = message
    const store = nameOf(message)
    commits.add(store, outcomeOfCommit(message, failure))
    if (codeOf(message) === 'conflict') conflicts.add(store, reason === undefined ? undefined : String(reason))
    if (failure === undefined && typeof bytes === 'number') recordBytes.record(bytes, storeOf(store))
    sessionSeconds.record(seconds, operationOf('commit', store, failure ?? ''))
  },
  ended: (message, failure) => ({
    ...commits.attributesOf(nameOf(message), outcomeOfCommit(message, failure)),
    ...some('claimcheck.session.ref', message.ref),
    ...some('claimcheck.round_trips', message.roundTrips),
    ...some('claimcheck.record.size', message.bytes),
    ...some('claimcheck.commit.attempts', message.attempts),
  }),
})

const codeOf = ({ error }: Message) => (error as { readonly code?: string } | undefined)?.code ?? 'failed'

const outcomeOfCommit = (message: Message, failure: string | undefined) =>
  String(failure === undefined ? (message.outcome ?? 'unchanged') : codeOf(message))

const serverOf = ({ serverAddress, serverPort }: Message): Attributes => ({
  'db.system.name': 'memcached',
  ...some('server.address', serverAddress),
  ...some('server.port', serverPort),
})

const addressOf = ({ serverAddress, serverPort }: Message) =>
  serverPort === undefined ? String(serverAddress) : `${serverAddress}:${serverPort}`

const commandOf = kept((command, serverAddress, serverPort, failure) => ({
  ...serverOf({ serverAddress, serverPort: serverPort === '' ? undefined : Number(serverPort) }),
  'db.operation.name': command,
  ...some('error.type', failure || undefined),
}))

const commandsOf = ({ commandSeconds }: Instruments): Listener => ({
  channel: 'claimcheck:memcached:command',
  kind: SpanKind.CLIENT,
  // What a health check asks is none of a request.
  concerns: ({ command }) => command !== 'version' && command !== 'stats',
  nameOf: (message) => `${message.command} ${addressOf(message)}`,
  begun: (message) => ({ ...serverOf(message), ...some('db.operation.name', message.command) }),
  count(message, seconds, failure) {
    const { command, serverAddress, serverPort = '' } = message
    commandSeconds.record(seconds, commandOf(`${command}`, `${serverAddress}`, `${serverPort}`, failure ?? ''))
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
