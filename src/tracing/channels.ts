import { tracing } from '#tracing'
import type { UnavailableReason } from '../errors.ts'
import type { AbsentReason, ConflictReason, EventContext, Happening } from '../events.ts'
import type { Channel } from './contract.ts'

/** Loads: what is told at their start, and more of it at their end. */
export interface LoadMessage extends EventContext {
  hit?: boolean
  reason?: AbsentReason | UnavailableReason
}

/** Commits that write or end a session: what is told at their start, and more of it at their end. */
export interface CommitMessage extends EventContext {
  outcome?: Extract<Happening, { readonly type: 'commit' }>['outcome']
  bytes?: number
  attempts?: number
  reason?: AbsentReason | ConflictReason | UnavailableReason
}

/** `claimcheck:load`, with a {@link LoadMessage}. */
export const loads: Channel = /* @__PURE__ */ tracing.channel('claimcheck:load')
/** `claimcheck:commit`, with a {@link CommitMessage}. */
export const commits: Channel = /* @__PURE__ */ tracing.channel('claimcheck:commit')

/** The events that say how a load or a commit ended. */
const told: ReadonlySet<Happening['type']> = new Set(['load', 'commit', 'conflict', 'gone', 'unavailable'])

/** Puts what an event says into the message of the load or commit that it belongs to. */
export function note(message: object, happening: Happening, context: EventContext): void {
  if (!told.has(happening.type)) return
  const { type, ...members } = happening
  Object.assign(message, members, context)
}
