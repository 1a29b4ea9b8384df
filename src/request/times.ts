import { need } from '../checks.ts'
import type { SessionRecord } from '../record/record.ts'
import type { RegenerateOptions } from '../session.ts'
import { bindingIn } from './binding.ts'
import type { Regenerated } from './calls.ts'
import { defaultLifetime } from './lifetime.ts'
import type { RequestState } from './state.ts'

type RecordTimes = Pick<SessionRecord, 'created' | 'until' | 'authenticated' | 'lifetime'>

/** When a session that begins now began, and when it ends for good; whether its user has just proved who they are. */
export function newTimes(state: RequestState): RecordTimes {
  const created = secondsOf(state)
  const { regenerated } = state
  const lifetime = nameOf(regenerated?.lifetime)
  const until = created + state.timesOf(lifetime).absoluteSeconds
  return { created, until, authenticated: regenerated?.reauthenticated ? created : undefined, lifetime }
}

/**
 * What a regenerate changes of the times of a session: nothing, but for a proof, from which the absolute time starts anew, and another
 * lifetime, which counts from the last proof, or else from the first write.
 */
export function renewedTimes(
  state: RequestState,
  record: RecordTimes,
  regenerated: Regenerated | undefined,
): Partial<RecordTimes> {
  if (!regenerated?.reauthenticated && regenerated?.lifetime === undefined) return {}
  const lifetime = regenerated.lifetime === undefined ? record.lifetime : nameOf(regenerated.lifetime)
  const authenticated = regenerated.reauthenticated ? secondsOf(state) : record.authenticated
  const until = (authenticated ?? record.created) + state.timesOf(lifetime).absoluteSeconds
  return { until, authenticated, lifetime }
}

/** What all calls of `regenerate` ask for, this one included. Throws where its lifetime is not known. */
export function joined(state: RequestState, options: RegenerateOptions): Regenerated {
  const { regenerated, settings } = state
  const { reauthenticated = false, lifetime = regenerated?.lifetime } = options
  const bound = bindingIn(options) ?? regenerated
  const isKnown = lifetime === undefined || lifetime === defaultLifetime || settings.lifetimes[lifetime] !== undefined
  need(isKnown, 'lifetime of regenerate must be default or a name of the option lifetimes')
  return {
    reauthenticated: reauthenticated || regenerated?.reauthenticated === true,
    lifetime,
    subject: bound?.subject,
    device: bound?.device,
  }
}

/** As it stands in token and record, which do not name the default one. */
const nameOf = (lifetime: string | undefined) => (lifetime === defaultLifetime ? undefined : lifetime)

const secondsOf = ({ settings }: RequestState) => Math.floor(settings.now() / 1000)
