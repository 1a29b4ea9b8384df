import { clearCookies } from '../claim/cookie.ts'
import type { Claim } from '../claim/token.ts'
import { SessionValueError, StoreUnavailableError } from '../errors.ts'
import { equalData } from '../record/journal.ts'
import { encodeRecord, sealRecord } from '../record/record.ts'
import { isWorkers } from '../runtime.ts'
import { commits } from '../tracing/channels.ts'
import { conflict, dataToWrite, gone, hasJustEnded, newer } from './conflict.ts'
import type { Found, Loaded } from './exchange.ts'
import { handOut, tell } from './hand-out.ts'
import { assertOne } from './nesting.ts'
import { commitsIn } from './proof.ts'
import { supersede } from './regenerate.ts'
import type { RequestState } from './state.ts'
import { tellCommit } from './telling.ts'
import { newTimes } from './times.ts'
import { watched } from './watching.ts'
import { bury, create, foundAs, nextRevision, update } from './write.ts'

/**
 * Collisions to ride out, within `requestMs`. 20 writers in lockstep need at most 8 (measured), but on a busy machine another process
 * may write 25 times while this one waits for its turn: with 8 its write of a key that nobody else touched was refused.
 */
const maxAttempts = 32

/**
 * Brings the store to what the request asked for; the Set-Cookie values that are due: one, or none, or those that clear.
 *
 * Every path ends in one of: nothing sent, stored and acknowledged, or a typed error with nothing acknowledged.
 */
export async function commit(state: RequestState, failed: boolean): Promise<readonly string[]> {
  if (state.isBusy) await state.idle()
  state.closed = true
  assertOne(state, failed)
  if (state.destroyed) return watched(commits, state, () => destroy(state))
  // The client of a failed request saw an error, so nothing of it may be stored. Only a logout is wanted in any case.
  if (failed) return []
  state.failures.throwUntold()
  if (!state.calls.hasChanges && !state.regenerated) return state.claim?.unsent ? handOutUnsent(state, state.claim) : []
  return watched(commits, state, () => write(state))
}

async function write(state: RequestState): Promise<readonly string[]> {
  const loaded = await state.load()
  if (loaded.status === 'unavailable') throw loaded.error
  const { claim } = state
  const { legacy } = state.settings
  // First, since where it fails nothing must have changed here.
  const ended = loaded.status === 'found' && claim ? [claim] : []
  const others = legacy && state.regenerated ? await legacy.end(state, ended) : []
  const cookie = await (claim ? changeInTurn(state, claim) : startOver(state, loaded))
  if (cookie !== undefined) return [cookie, ...others]
  return state.claim?.unsent ? handOutUnsent(state, state.claim) : others
}

/** The claim check of a session that the cookie of another library has led to. */
async function handOutUnsent(state: RequestState, claim: Claim): Promise<readonly string[]> {
  return [await handOut(state, claim)]
}

/** Throws the error of a commit. One that only the application can do something about is an event, too. */
export function throwTold(state: RequestState, error: unknown): never {
  if (error instanceof SessionValueError && error.code === 'too-large')
    state.emit?.({ type: 'too-large', message: error.message })
  throw error
}

/** Ends every session that the cookies name. Clears the cookie in its former places, too, unless another application's may be there. */
export async function destroy(state: RequestState): Promise<readonly string[]> {
  const { found, foreign, overlooked } = await state.findClaims()
  const ending = found.map((claim) => bury(state, claim, 'destroyed'))
  const [others = []] = await Promise.all([state.settings.legacy?.end(state, found), ...ending])
  if (overlooked)
    throw new StoreUnavailableError('too many session cookies to look at all: a session may live on, clear the cookies')
  return found.length > 0 ? [...clearCookies(state.settings.cookie, !foreign), ...others] : others
}

export async function changeInTurn(state: RequestState, claim: Claim): Promise<string | undefined> {
  let cookie: string | undefined
  await state.load()
  // A promise of workerd belongs to the request that made it: nobody else may wait for it. Compare-and-swap decides there alone.
  if (isWorkers()) return (await changeLoaded(state, claim, undefined)).cookie
  await state.queue.run(
    claim.identity.key,
    (turn) => inTurn(state, turn),
    async (before) => {
      const newest = before && before.revision >= claim.revision ? before : undefined
      const result = await changeLoaded(state, claim, newest)
      cookie = result.cookie
      return result.found
    },
  )
  return cookie
}

/** Waits for half of the time at most: compare-and-swap decides anyway, and a commit that hangs must not fail the next one. */
async function inTurn<Result>(state: RequestState, turn: Promise<Result>): Promise<Result | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const enough = new Promise<undefined>((wake) => {
    timer = setTimeout(() => wake(undefined), state.budget.leftMs / 2)
  })
  return state.budget.wait(() => Promise.race([turn, enough])).finally(() => clearTimeout(timer))
}

interface Changed {
  readonly cookie?: string | undefined
  /** The record after the change, for the next commit of the same session in this process. */
  readonly found?: Found | undefined
}

async function changeLoaded(state: RequestState, claim: Claim, newest: Found | undefined): Promise<Changed> {
  const loaded = await state.load()
  if (state.regenerated) await Promise.all(state.strays.map((stray) => bury(state, stray, 'regenerated')))
  switch (loaded.status) {
    case 'unavailable':
      throw loaded.error
    case 'absent':
      return { cookie: await startOver(state, loaded) }
    case 'gone':
      if (!state.regenerated && hasJustEnded(state, loaded.revision)) throw gone(state, loaded)
      return { cookie: await start(state, loaded) }
    case 'found': {
      const base = newest && newest.revision > loaded.revision ? newest : loaded
      return state.regenerated ? { cookie: await regenerate(state, claim, base) } : change(state, claim, base)
    }
  }
}

/**
 * Begins a new session. After a regenerate no id that came with the request may live on: not the older record behind one that was
 * lost, and neither of two. They end last, since where the new one cannot be stored nothing must have changed.
 */
async function startOver(state: RequestState, loaded: Loaded): Promise<string | undefined> {
  const cookie = await start(state, loaded)
  if (state.regenerated) await Promise.all(state.claims.map((claim) => bury(state, claim, 'regenerated')))
  return cookie
}

/**
 * A session that is not there yet: stored under a fresh id, unless there is nothing to store.
 *
 * A login whose session has ended ends here too (a double click, a lost answer): with its own writes, and nothing of that session. What
 * it took from there by `pull` may have been taken twice.
 */
async function start(state: RequestState, base: Loaded): Promise<string | undefined> {
  if (state.calls.guard.hasTaken) throw conflict(state, 'taken-twice')
  const data = state.dataOn(base)
  if (data.size === 0) return undefined
  const created = await create(state, { ...newTimes(state), extra: {}, data }, 0)
  tellCommit(state, 'created', created)
  return handOut(state, created.claim)
}

/** Compare-and-swap from record to newer record until it holds; the journal is replayed on each. */
async function change(state: RequestState, claim: Claim, from: Found): Promise<Changed> {
  const { keys } = await state.signer()
  let base = from
  let floor = 0
  for (let attempts = 1; attempts <= maxAttempts; attempts++) {
    const data = dataToWrite(state, base)
    if (equalData(data, base.record.data)) return { found: base }
    const revision = Math.max(nextRevision(state, base.revision, claim.revision), floor)
    const record = { ...base.record, data, commits: commitsIn(state, base) }
    const value = await sealRecord(keys, claim.identity, revision, encodeRecord(record, state.settings.maxBytes))
    const readAt = performance.now()
    const result = await update(state, claim, value, state.secondsToLive(record), base)
    if (result.status === 'stored' || result.status === 'contained') {
      state.opened.set(claim.identity.key, { keys, bytes: value, revision, record })
      tellCommit(state, 'updated', { claim, bytes: value.length, attempts, found: { record } })
      const cookie = await tell(state, claim, revision, record.until)
      const isLast = result.status === 'stored'
      return { cookie, found: isLast ? foundAs(value, record, result.version, readAt) : result.found }
    }
    // The rank was asked for on this very base: on a newer one it would outrank an acknowledged change of another.
    floor = result.status === 'outranked' ? result.revision : 0
    if (result.status === 'outranked') continue
    const next = await newer(state, claim, result, base, attempts)
    if (next.status !== 'found') throw gone(state, next)
    base = next
  }
  throw conflict(state, 'overtaken')
}

/** A new id, which then supersedes the old one: the old is dead at once, and of several logins exactly one takes its data along. */
async function regenerate(state: RequestState, claim: Claim, from: Found): Promise<string | undefined> {
  const result = await supersede(state, claim, from)
  if (result.status !== 'superseded') return start(state, result)
  const { created, attempts } = result
  tellCommit(state, 'regenerated', { ...created, attempts }, claim.identity.ref)
  return handOut(state, created.claim)
}
