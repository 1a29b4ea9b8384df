import { SessionError, StoreUnavailableError } from '../errors.ts'
import type { Channel } from './contract.ts'

/**
 * Runs work that somebody listens to.
 *
 * Node puts result and error of the work into the message. Neither must get there: a result holds data and keys, and so may the cause of
 * an error. Listeners get no result, and an error that has a code and a reason and nothing else.
 */
export async function trace<Result>(channel: Channel, message: object, work: () => Promise<Result>): Promise<Result> {
  let end: (() => Result) | undefined
  const told = async () => {
    try {
      const result = await work()
      end = () => result
    } catch (error) {
      end = () => {
        throw error
      }
      throw toldOf(error)
    }
  }
  await channel.tracePromise(told, message).catch(() => {})
  return (end as () => Result)()
}

/** An error as listeners may see it. */
function toldOf(error: unknown): Error {
  const told = new Error('a session could not be loaded, stored, or reached')
  told.name = error instanceof SessionError ? error.name : 'Error'
  const code = error instanceof SessionError ? error.code : 'failed'
  const { node, reason } = error instanceof StoreUnavailableError ? error : {}
  return Object.assign(told, { code, node, reason })
}
