import { SessionError, StoreUnavailableError } from '../errors.ts'
import type { Channel } from './contract.ts'

/**
 * Runs work that somebody listens to, and tells of it in the order of Node's own `tracePromise`.
 *
 * That puts result and error of the work into the message. Neither must get there: a result holds data and keys, and so may the cause of
 * an error. Listeners get no result, and an error that has a code and a reason and nothing else. `afterwards` runs when all is told.
 */
export function trace<Result>(
  channel: Channel,
  message: object,
  work: () => Promise<Result>,
  afterwards?: () => void,
): Promise<Result> {
  const { start, end, asyncStart, asyncEnd, error } = channel
  const settled = () => {
    asyncStart.publish(message)
    asyncEnd.publish(message)
    afterwards?.()
  }
  return start.runStores(message, () => {
    const promise = begun(work)
    end.publish(message)
    // The first to be told of it, so whoever waits for the work goes on when all is told.
    promise.then(settled, (reason: unknown) => {
      Object.assign(message, { error: toldOf(reason) })
      error.publish(message)
      settled()
    })
    return promise
  })
}

function begun<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return work()
  } catch (error) {
    return Promise.reject(error)
  }
}

/** An error as listeners may see it. */
function toldOf(error: unknown): Error {
  const told = new Error('a session could not be loaded, stored, or reached')
  told.name = error instanceof SessionError ? error.name : 'Error'
  const code = error instanceof SessionError ? error.code : 'failed'
  const { node, reason } = error instanceof StoreUnavailableError ? error : {}
  return Object.assign(told, { code, node, reason })
}
