import diagnostics from 'node:diagnostics_channel'
import type { Tracing } from './contract.ts'
import { tracing as none } from './none.ts'

/** Channels of node:diagnostics_channel, where this Node, Bun or Deno has tracing channels. */
export const tracing: Tracing = {
  channel: (name) => diagnostics.tracingChannel?.(name) ?? none.channel(name),
}
