import type { RequestHeaders } from '../../../src/claim/carrier.ts'
import { answerTo } from '../../../src/errors.ts'
import type { Session } from '../../../src/session.ts'
import type { CommitResult, Sessions } from '../../../src/sessions.ts'

/** A result that may leave, because its session is committed. */
export interface Committed<Result> {
  readonly result: Result
  readonly commit: CommitResult
}

/**
 * Runs a handler and commits. A handler that throws has failed: its changes are dropped, and its error comes out as it is.
 * Conflicts, ended sessions, those that are too large and outages, also those that a read threw inside the handler, come out as their
 * HTTP form.
 */
export async function run<D extends object, Result>(
  sessions: Sessions<D>,
  headers: RequestHeaders,
  handler: (session: Session<D>) => Promise<Result>,
): Promise<Committed<Result> | Response> {
  const { session, commit } = sessions.open(headers)
  try {
    const result = await attempt(
      () => handler(session),
      () => commit({ failed: true }),
    )
    return { result, commit: await commit() }
  } catch (error) {
    const answer = answerTo(error)
    if (answer) return answer.response
    throw error
  }
}

/** A failure is told to the session before it goes on; where that fails too, it is the later error that counts, as it is an outage. */
async function attempt<Result>(work: () => Promise<Result>, onFailure: () => Promise<unknown>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    await onFailure()
    throw error
  }
}
