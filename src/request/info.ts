import { need } from '../checks.ts'
import type { SessionInfo } from '../session.ts'
import { defaultLifetime } from './lifetime.ts'
import type { RequestState } from './state.ts'
import { renewedTimes } from './times.ts'

/** What is known of the session as of this place in the order of calls; undefined where none is stored. */
export function infoOf(state: RequestState): Promise<SessionInfo | undefined> {
  if (state.destroyed) return Promise.resolve(undefined)
  const { regenerated } = state
  return state.ask(() => {
    const { loaded, claim } = state
    if (loaded?.status !== 'found' || !claim) return undefined
    const { record } = loaded
    const { created, authenticated, until, lifetime } = { ...record, ...renewedTimes(state, record, regenerated) }
    const { ref } = claim.identity
    return Object.freeze({ created, authenticated, until, lifetime: lifetime ?? defaultLifetime, ref })
  })
}

/** Whether the last proof is at most this old. One in this very request counts, also where the session only begins. */
export async function isAuthenticatedWithin(state: RequestState, seconds: number): Promise<boolean> {
  need(Number.isFinite(seconds) && seconds > 0, 'authenticatedWithin takes a number of seconds above 0')
  if (state.destroyed) return false
  if (state.regenerated?.reauthenticated) return true
  const info = await infoOf(state)
  if (info?.authenticated === undefined) return false
  return state.settings.now() / 1000 - info.authenticated < seconds
}
