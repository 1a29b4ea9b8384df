import type { RedisCommand, SendCommand } from './redis-call.ts'

/**
 * Speaks the part of the Upstash REST API that sessions need: one command, one answer (Upstash documentation, "REST API").
 *
 * A command is a JSON array posted to the root of the database's URL; the answer is `{"result"}`, or `{"error"}` in redis' words
 * with a status that is not 2xx. Each answer names a sync token, and reads that send it back see at least that state.
 */
export function restSender(url: string, token: string): SendCommand {
  let syncToken = ''
  let writes = 0
  return async (command, signal) => {
    const writesBefore = writes
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        'upstash-sync-token': syncToken,
      },
      body: JSON.stringify(command),
      // A redirect would carry the session's bytes elsewhere. Not `error`: workerd knows only `follow` and `manual`.
      redirect: 'manual',
      signal,
    })
    const answer: unknown = await response.json()
    const result = resultOf(answer, response.ok)
    if (isWrite(command)) writes++
    // A read that was on its way during a write may bring a token from before it: that write would be unread again.
    if (isWrite(command) || writes === writesBefore) syncToken = response.headers.get('upstash-sync-token') ?? ''
    return result
  }
}

const isWrite = ([verb]: RedisCommand) => verb !== 'GET' && verb !== 'GETEX' && verb !== 'PING'

/** Throws redis' own words, of which the caller lets only a known first word through. */
function resultOf(answer: unknown, isOk: boolean): unknown {
  const { result, error } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>
  if (!isOk || error !== undefined) throw new Error(typeof error === 'string' ? error : 'no answer of a redis')
  return result
}
