import type { UnavailableReason } from '../../../src/errors.ts'
import { systemReason } from '../system-reason.ts'

/** What is told of a failure: a reason, and words of ours that continue "redis: ...". */
export interface Why {
  readonly reason: UnavailableReason
  readonly text: string
}

/** A failure whose reason is known where it happened. */
export class KnownFailure extends Error {
  readonly why: Why

  constructor(reason: UnavailableReason, text: string) {
    super(text)
    this.why = { reason, text }
  }
}

/** First words of redis errors (its errors.h and cluster specification) that tell an operator what to do. */
const codes: Readonly<Record<string, UnavailableReason>> = {
  ...{ ASK: 'moved', CROSSSLOT: 'moved', MOVED: 'moved' },
  ...{
    BUSY: 'not-ready',
    CLUSTERDOWN: 'not-ready',
    LOADING: 'not-ready',
    MASTERDOWN: 'not-ready',
    TRYAGAIN: 'not-ready',
  },
  ...{ MISCONF: 'writes-stopped', NOREPLICAS: 'writes-stopped' },
  ...{ NOAUTH: 'authentication', WRONGPASS: 'authentication' },
  ...{ NOPERM: 'forbidden', OOM: 'out-of-memory', READONLY: 'read-only', WRONGTYPE: 'failed' },
}

/** Before 7.0 an error inside of a script is wrapped in another. */
const code = new RegExp(
  `^(?:ERR Error running script [^:]*: @user_script: ?\\d+: -?)?(${Object.keys(codes).join('|')})(?= )`,
)

/** How errors without a word of their own begin: of redis, of Upstash ("Troubleshooting" of its documentation), of the clients. */
const beginnings: readonly (readonly [RegExp, UnavailableReason, text: string])[] = [
  [
    /^ERR (?:unknown command|Command is not available)\b/i,
    'missing-command',
    'the server lacks a command that sessions need: GETEX (redis 6.2), SET or EVAL',
  ],
  [
    /^ERR (?:ACL failure in script|The user executing the script can't)\b/,
    'forbidden',
    'refused with NOPERM inside the script',
  ],
  [
    /^ERR (?:max daily request limit|max requests limit|DB capacity quota) exceeded\b/,
    'quota',
    'the limit of the plan is used up',
  ],
  [
    /^(?:The client is (?:closed|offline)|Connection (?:is closed|has failed)|Stream isn't writeable|Reached the max retries per request)\b/,
    'not-connected',
    'the client is not connected: was connect() forgotten, or was it closed?',
  ],
  [/^(?:Socket closed unexpectedly|Disconnects client|Connection closed)\b/, 'disconnected', 'the connection broke'],
  [/^Connection timeout\b/, 'unreachable', 'the client could not connect'],
  [/^Socket timeout\b/, 'timeout', 'the connection has gone silent'],
]

/** Out of closed lists, so that nothing else of a client's error can come through. */
export function whyOf(error: unknown): Why {
  if (error instanceof KnownFailure) return error.why
  if (!(error instanceof Error)) return failed
  const [, word] = code.exec(error.message) ?? []
  if (word !== undefined) return { reason: codes[word] as UnavailableReason, text: `refused with ${word}` }
  for (const [pattern, reason, text] of beginnings) if (pattern.test(error.message)) return { reason, text }
  // What @upstash/redis says to an answer that is no JSON.
  if (error.name === 'UpstashJSONParseError')
    return { reason: 'wrong-answer', text: 'something answered that is not redis' }
  const system = systemReason(error)
  return system ? { reason: system.reason, text: `the client failed with ${system.code}` } : failed
}

const failed: Why = { reason: 'failed', text: 'the client failed' }
