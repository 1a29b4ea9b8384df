import type { Channel } from '../tracing/contract.ts'
import { trace } from '../tracing/trace.ts'
import type { Exchange } from './exchange.ts'

/** A load or a commit: its events count time and calls from here, and who listens to its channel is told of it. */
export function watched<Result>(channel: Channel, exchange: Exchange, work: () => Promise<Result>): Promise<Result> {
  if (channel.hasSubscribers) return listened(channel, exchange, work)
  exchange.begin()
  return work()
}

function listened<Result>(channel: Channel, exchange: Exchange, work: () => Promise<Result>): Promise<Result> {
  const around = exchange.message
  const message = { store: exchange.settings.store.name, ref: exchange.claim?.identity.ref }
  exchange.message = message
  exchange.begin()
  return trace(channel, message, work, () => {
    // A commit does not wait for a load that it does not need.
    if (exchange.message === message) exchange.message = around
  })
}
