import type { Channel, Moment, Tracing } from './contract.ts'

const never: Moment = { publish() {}, runStores: (_, work) => work() }
const silent: Channel = {
  ...{ hasSubscribers: false, start: never, end: never },
  ...{ asyncStart: never, asyncEnd: never, error: never },
}

/** For runtimes without node:diagnostics_channel: nobody can listen. */
export const tracing: Tracing = { channel: () => silent }
