import type { Happening } from '../events.ts'
import { tombstone, tombstoneMarginSeconds } from '../record/tombstone.ts'
import type { Exchange } from '../request/exchange.ts'
import { nextRevision } from '../request/write.ts'
import { maxTtlSeconds } from '../store.ts'
import { claimOf, type Listed } from './entries.ts'

type Reason = Extract<Happening, { readonly type: 'session-ended' }>['reason']

/**
 * Leaves a tombstone in the place of sessions that are off their list, so that a commit under way finds it. They are over without it, so
 * one that cannot be set fails nothing. `subject`: the name of theirs.
 */
export async function bury(
  exchange: Exchange,
  sessions: readonly Listed[],
  reason: Reason,
  subject: string | undefined,
): Promise<void> {
  await Promise.all(sessions.map((one) => buryOne(exchange, one)))
  for (const { ref } of sessions) exchange.emit?.({ type: 'session-ended', reason }, ref, subject)
}

async function buryOne(exchange: Exchange, one: Listed): Promise<void> {
  const { key } = claimOf(one, exchange.settings.namespace).identity
  exchange.opened.forget(key)
  const left = Math.ceil(one.until - exchange.settings.now() / 1000)
  const seconds = Math.min(Math.max(left, 1) + tombstoneMarginSeconds, maxTtlSeconds)
  const value = tombstone('revoked', nextRevision(exchange))
  await exchange
    .call((store, options) => store.delete(key, { ...options, tombstone: { value, seconds } }))
    .catch(() => {})
}
