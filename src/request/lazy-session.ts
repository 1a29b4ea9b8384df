import { refuseUnknown } from '../checks.ts'
import { SessionUseError } from '../errors.ts'
import type { Operation, Recipe } from '../record/journal.ts'
import { assertName, copyJson, type Json } from '../record/json.ts'
import type { DestroyOptions, RegenerateOptions, ReopenedSession, Session, SessionInfo } from '../session.ts'
import { clearSiteDataIn } from './clear-site-data.ts'
import { quiet } from './failures.ts'
import { infoOf, isAuthenticatedWithin } from './info.ts'
import { reopen } from './reopen.ts'
import type { RequestState } from './state.ts'
import { joined } from './times.ts'

class Implementation implements Session<Record<string, unknown>> {
  readonly #state: RequestState

  constructor(state: RequestState) {
    this.#state = state
    Object.freeze(this)
  }

  /** The state behind a value, if it is a session of this library. */
  static stateOf(value: unknown): RequestState | undefined {
    return typeof value === 'object' && value !== null && #state in value ? value.#state : undefined
  }

  get(key: string): Promise<Json | undefined> {
    return promised(() => this.#look(key))
  }

  has(key: string): Promise<boolean> {
    return quiet(this.get(key).then((value) => value !== undefined))
  }

  all(): Promise<Record<string, Json>> {
    return promised(() => this.#lookAtAll())
  }

  set(key: string, value: unknown): void {
    assertName(key)
    const copy = value === undefined ? undefined : copyJson(value, key)
    const { calls } = this.#writable()
    calls.write(copy === undefined ? { type: 'delete', key } : { type: 'set', key, value: copy })
  }

  delete(key: string): void {
    this.set(key, undefined)
  }

  clear(): void {
    this.#writable().calls.write({ type: 'clear' })
  }

  update(key: string, recipe: (current: never) => unknown): Promise<void> {
    return this.#state.tell(() => this.#update(key, recipe as Recipe))
  }

  pull(key: string): Promise<Json | undefined> {
    return this.#state.tell(() => this.#pull(key))
  }

  regenerate(options: RegenerateOptions = {}): void {
    refuseUnknown(options, ['keep', 'reauthenticated', 'lifetime', 'subject', 'device'], 'option of regenerate:')
    const state = this.#writable()
    if (state.isReopened)
      throw new SessionUseError('a reopened session cannot regenerate: nobody would get the new cookie')
    const { keep } = options
    const regenerated = joined(state, options)
    if (keep !== undefined) state.calls.write({ type: 'keep', keys: [...keep] })
    state.regenerated = regenerated
  }

  destroy(options: DestroyOptions = {}): void {
    const state = this.#use()
    const clearSiteData = clearSiteDataIn(state, options)
    if (state.closed) throw new SessionUseError('the session was destroyed after its commit: nothing would happen')
    if (state.refusal) throw state.refusal
    state.clearSiteData = clearSiteData
    state.destroyed = true
  }

  info(): Promise<SessionInfo | undefined> {
    return promised(() => infoOf(this.#use()))
  }

  authenticatedWithin(seconds: number): Promise<boolean> {
    return promised(() => isAuthenticatedWithin(this.#use(), seconds))
  }

  passive(): void {
    const state = this.#state
    if (state.isPassive) return
    if (state.loading !== undefined) throw new SessionUseError('passive() comes too late: the session was read already')
    state.isPassive = true
  }

  reopen(): ReopenedSession<Record<string, unknown>> {
    const { state, commit } = reopen(this.#state)
    return { session: new LazySession(state), commit }
  }

  get ref(): string | undefined {
    return this.#state.claim?.identity.ref
  }

  /** Reached by `c.json(session)` and other careless serializing, whose answer would be an empty object. */
  toJSON(): never {
    throw new SessionUseError('a session has no JSON form: await session.all() and serialize what it gives')
  }

  #look(key: string): Promise<Json | undefined> {
    assertName(key)
    const state = this.#use()
    return state.destroyed ? Promise.resolve(undefined) : state.ask((calls) => calls.look(key).value)
  }

  #lookAtAll(): Promise<Record<string, Json>> {
    const state = this.#use()
    return state.destroyed ? Promise.resolve(Object.freeze({})) : state.ask((calls) => calls.lookAtAll())
  }

  #update(key: string, recipe: Recipe): Promise<void> {
    assertName(key)
    const state = this.#writable()
    const operation: Operation = { type: 'update', key, recipe }
    state.calls.announce()
    return state.ask((calls) => {
      if (state.loaded?.status === 'unavailable') calls.operations.push(operation)
      assertAvailable(state)
      calls.change(operation)
    })
  }

  #pull(key: string): Promise<Json | undefined> {
    assertName(key)
    const state = this.#writable()
    return state.ask((calls) => {
      assertAvailable(state)
      const { value, isStored } = calls.look(key)
      if (value === undefined) return undefined
      calls.change({ type: 'delete', key })
      if (isStored) calls.guard.hasTaken = true
      return value
    })
  }

  #use(): RequestState {
    this.#state.use()
    return this.#state
  }

  #writable(): RequestState {
    const state = this.#use()
    if (state.closed) throw new SessionUseError('the session was changed after its commit: nothing would be stored')
    if (state.destroyed) throw new SessionUseError('the session was changed after destroy()')
    if (state.refusal) throw state.refusal
    assertAvailable(state)
    return state
  }
}

/** What is wrong with a call rejects it, and ends no process where nobody waits for it. */
function promised<Result>(start: () => Promise<Result>): Promise<Result> {
  try {
    return start()
  } catch (error) {
    return quiet(Promise.reject(error))
  }
}

/** Under `anonymous` an outage is an empty session to those who look, but takes no change. */
function assertAvailable({ loaded }: RequestState): void {
  if (loaded?.status === 'unavailable') throw loaded.error
}

const methods = [
  ...['get', 'has', 'all', 'set', 'delete', 'clear', 'update', 'pull', 'regenerate', 'destroy'],
  ...['info', 'authenticatedWithin', 'passive', 'reopen'],
] as (keyof Implementation)[]

/**
 * Methods keep their session when they are taken off it: `const { get } = c.var.session`. Bound on access, so that a request pays for
 * what it uses.
 */
function bindOnAccess(implementation: typeof Implementation): typeof Implementation {
  for (const name of methods) {
    const method = implementation.prototype[name] as (...args: never[]) => unknown
    Object.defineProperty(implementation.prototype, name, {
      get(this: object) {
        return method.bind(this)
      },
    })
  }
  return implementation
}

/** The one implementation; frozen, so that `session.userId = 1` throws instead of being lost. */
export type LazySession = Implementation
// Pure, so that a bundle of a store alone leaves all of it out.
export const LazySession: typeof Implementation = /* @__PURE__ */ bindOnAccess(Implementation)
