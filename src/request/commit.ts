import { clearCookies } from '../claim/cookie.ts'
import type { Claim } from '../claim/token.ts'
import { SessionGoneError, SessionValueError, StoreUnavailableError } from '../errors.ts'
import { isWorkers } from '../runtime.ts'
import { commits } from '../tracing/channels.ts'
import { bound, enlist, settleIn } from './binding.ts'
import { type Changed, change } from './change.ts'
import { inTurn } from './commit-queue.ts'
import { conflict, gone, hasJustEnded } from './conflict.ts'
import { handOut } from './hand-out.ts'
import { successorOf } from './join.ts'
import type { Ended, Found, Loaded } from './loaded.ts'
import { assertOne } from './nesting.ts'
import { supersede } from './regenerate.ts'
import type { RequestState } from './state.ts'
import { tellCommit } from './telling.ts'
import { newTimes } from './times.ts'
import { watched } from './watching.ts'
import { bury, create, undo } from './write.ts'

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
    (turn) => inTurn(state.budget, turn),
    async (before) => {
      const newest = before && before.revision >= claim.revision ? before : undefined
      const result = await changeLoaded(state, claim, newest)
      cookie = result.cookie
      return result.found
    },
  )
  return cookie
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
      return { cookie: await goOn(state, claim, loaded) }
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
  const created = await create(state, { ...newTimes(state), ...(await bound(state)), extra: {}, data }, 0)
  try {
    await settleIn(state, created.claim, await enlist(state, created.claim))
  } catch (error) {
    await undo(state, created.claim)
    throw error
  }
  tellCommit(state, 'created', created)
  return handOut(state, created.claim)
}

/**
 * After the session has ended: a login that proves the same subject as the one that has just superseded it (a double click, a lost answer)
 * joins that one, so that there is one session, with all that was in it. Anybody else begins anew.
 */
async function goOn(state: RequestState, claim: Claim, ended: Ended): Promise<string | undefined> {
  const successor = state.regenerated?.subject === undefined ? undefined : await successorOf(state, claim, ended)
  if (!successor) return start(state, ended)
  if (state.calls.guard.hasTaken) throw conflict(state, 'taken-twice')
  state.hasJoined = true
  try {
    const { found = successor.found } = await change(state, successor.claim, successor.found)
    await settleIn(state, successor.claim, 'too-many')
    return handOut(state, { ...successor.claim, revision: found.revision })
  } catch (error) {
    if (!(error instanceof SessionGoneError)) throw error
    return start(state, { status: 'absent' })
  }
}

/** A new id, which then supersedes the old one: the old is dead at once, and of several logins exactly one takes its data along. */
async function regenerate(state: RequestState, claim: Claim, from: Found): Promise<string | undefined> {
  const result = await supersede(state, claim, from)
  if (result.status !== 'superseded') return goOn(state, claim, result)
  const { created, entered, attempts } = result
  await settleIn(state, created.claim, entered, claim)
  tellCommit(state, 'regenerated', { ...created, attempts }, claim.identity.ref)
  return handOut(state, created.claim)
}
