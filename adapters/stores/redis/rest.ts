import { parseAnswer, textOf } from './answer.ts'
import type { RedisCommand, SendCommand } from './call.ts'

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
    const result = parseAnswer(response.status, await textOf(response.body))
    if (isWrite(command)) writes++
    // A read that was on its way during a write may bring a token from before it: that write would be unread again.
    if (isWrite(command) || writes === writesBefore) syncToken = response.headers.get('upstash-sync-token') ?? ''
    return result
  }
}

const isWrite = ([verb]: RedisCommand) => verb !== 'GET' && verb !== 'GETEX'
