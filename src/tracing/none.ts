import type { Channel, Tracing } from './contract.ts'

const silent: Channel = { hasSubscribers: false, tracePromise: (work) => work() }

/** For runtimes without node:diagnostics_channel: nobody can listen. */
export const tracing: Tracing = { channel: () => silent }
