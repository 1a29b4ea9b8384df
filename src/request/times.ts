import type { SessionRecord } from '../record/record.ts'
import type { RequestState } from './state.ts'

type Times = Pick<SessionRecord, 'created' | 'until' | 'authenticated'>

/** When a session that begins now began, and when it ends for good; whether its user has just proved who they are. */
export function newTimes(state: RequestState): Times {
  const created = Math.floor(state.settings.now() / 1000)
  const authenticated = state.regenerated?.reauthenticated ? created : undefined
  return { created, until: created + state.settings.absoluteSeconds, authenticated }
}

/** What a regenerate changes of the times of a session: nothing, but for a proof, from which the absolute time starts anew. */
export function renewedTimes(state: RequestState): Partial<Times> {
  if (!state.regenerated?.reauthenticated) return {}
  const { created, ...renewed } = newTimes(state)
  return renewed
}
