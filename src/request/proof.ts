import type { Claim } from '../claim/token.ts'
import { commitLength, commitOf } from '../record/record.ts'
import { isTombstone } from '../record/tombstone.ts'
import type { Entry } from '../store.ts'
import type { Exchange } from './exchange.ts'
import { openEntry } from './load.ts'
import type { Found } from './loaded.ts'

/** More than the writes of rivals that can pile up while one waits for an answer. 8 characters each. */
const maxCommits = 16
/** Servers' clocks may differ by 1 s, and a commit that missed its home is 2 s ahead. */
const clockMs = 2000

/** A commit that was stored, and that later commits built upon. */
export interface Contained {
  readonly status: 'contained'
  readonly found: Found
}

/**
 * What a record says it builds on, newest first.
 *
 * A request that is in doubt about its commit reads again within `requestMs`. Where the last commit is older than that, nobody can be
 * in doubt about it, and the list begins anew: a session with one writer carries none.
 */
export function commitsIn({ settings }: Exchange, base: Found): string {
  const isRecent = settings.now() - base.revision < 2 * settings.requestMs + clockMs
  return isRecent ? `${commitOf(base.bytes)}${base.record.commits ?? ''}`.slice(0, maxCommits * commitLength) : ''
}

function lists(commits: string, commit: string): boolean {
  for (let at = 0; at < commits.length; at += commitLength) if (commits.startsWith(commit, at)) return true
  return false
}

/** The record that is there now, if it builds on the one that was to be written: then that one was stored. */
export async function containing(
  exchange: Exchange,
  claim: Claim,
  entry: Entry,
  value: Uint8Array,
): Promise<Contained | undefined> {
  if (isTombstone(value)) return undefined
  const found = await openEntry(exchange, claim, entry, performance.now())
  if (found.status !== 'found' || !lists(found.record.commits ?? '', commitOf(value))) return undefined
  return { status: 'contained', found }
}
