import type { Claims } from '../claim/cookie-claims.ts'
import type { Awaitable } from '../crypto/contract.ts'
import { SessionGoneError, SessionUseError } from '../errors.ts'
import { commits } from '../tracing/channels.ts'
import { changeInTurn, destroy, throwTold } from './commit.ts'
import { RequestState } from './state.ts'
import { watched } from './watching.ts'

const none: Claims = { found: [], overlooked: false, foreign: false }
/** How often it looks whether the response has left. */
const lookMs = 2

/** How the commit of a reopened session ends. */
interface Outcome {
  readonly status: 'live' | 'ended'
}

/** The state of a session that is opened again, and its commit. Called again that gives the same result. */
export function reopen(origin: RequestState): {
  readonly state: RequestState
  readonly commit: () => Promise<Outcome>
} {
  const state = new ReopenedState(origin)
  let result: Promise<Outcome> | undefined
  const commit = () => {
    result ??= commitReopened(state).catch((error: unknown) => throwTold(state, error))
    state.committing = result
    return result
  }
  return { state, commit }
}

/** The session that a request had when its commit was through: that of its cookie, or the one that it has begun. */
class ReopenedState extends RequestState {
  readonly #origin: RequestState
  #found: Promise<Claims> | undefined

  constructor(origin: RequestState) {
    super(origin, origin.carried.cookieHeader)
    this.#origin = origin
  }

  override readonly isReopened: boolean = true

  override findClaims(): Awaitable<Claims> {
    this.#found ??= this.#find()
    return this.#found
  }

  /** What this has written counts as seen by the next one. */
  tellOrigin(): void {
    this.#origin.claim = this.claim
  }

  async #find(): Promise<Claims> {
    const origin = this.#origin
    await untilCommitted(origin)
    if (origin.destroyed) return none
    const { claim } = origin
    if (!claim) return super.findClaims()
    this.claims = [claim]
    this.claim = claim
    return { ...none, found: [claim] }
  }
}

/**
 * The callback of a stream begins before the response leaves, and may be quick. Inside of a handler this would wait for itself, so it
 * gives up. It looks from time to time, so that no request has to tell those that do not ask.
 */
async function untilCommitted(origin: RequestState): Promise<void> {
  const { requestMs } = origin.settings
  for (const end = performance.now() + requestMs; !origin.closed && !origin.committing; ) {
    if (performance.now() > end)
      throw new SessionUseError('reopen() is for after the response: until it leaves use the session itself')
    await new Promise((wake) => setTimeout(wake, lookMs))
  }
  // Its failure was told already, and left the session as it was.
  await origin.committing?.then(noop, noop)
}

async function commitReopened(state: ReopenedState): Promise<Outcome> {
  if (state.isBusy) await state.idle()
  state.closed = true
  if (state.destroyed) {
    await watched(commits, state, () => destroy(state))
    return { status: 'ended' }
  }
  state.failures.throwUntold()
  const loaded = await state.load()
  if (loaded.status === 'unavailable') throw loaded.error
  const { claim } = state
  if (loaded.status !== 'found' || !claim) return { status: 'ended' }
  if (!state.calls.hasChanges) return { status: 'live' }
  try {
    await watched(commits, state, () => changeInTurn(state, claim))
  } catch (error) {
    if (error instanceof SessionGoneError) return { status: 'ended' }
    throw error
  }
  state.tellOrigin()
  return { status: 'live' }
}

const noop = () => {}
