import { SessionUseError } from './errors.ts'
import { dependsOnBase, type Operation, type Recipe } from './journal.ts'
import { assertName, copyJson, freezeJson, type Json } from './json.ts'
import { refuseUnknown } from './options.ts'
import type { RequestState } from './request.ts'

type Primitive = string | number | boolean | null | undefined
/** Types that JSON would silently change; `copyJson` refuses them at run time. */
type Unstorable =
  | Date
  | Error
  | RegExp
  | bigint
  | symbol
  | ArrayBuffer
  | ArrayBufferView
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | PromiseLike<unknown>
  | ((...args: never[]) => unknown)

/** A value as it is handed out: frozen, and `never` where its type cannot be stored. */
export type Stored<T> = unknown extends T
  ? T
  : T extends Primitive
    ? T
    : T extends Unstorable
      ? never
      : T extends readonly (infer Item)[]
        ? number extends T['length']
          ? readonly Stored<Item>[]
          : { readonly [P in keyof T]: Stored<T[P]> }
        : { readonly [P in keyof T]: Stored<T[P]> }

/** How `regenerate` treats what was there. */
export interface RegenerateOptions<Key extends string = string> {
  /** Keep only these of the keys set so far; without it all are kept. */
  readonly keep?: readonly Key[] | undefined
  /** The user has just proved who they are: the absolute time starts anew. */
  readonly reauthenticated?: boolean | undefined
}

/** The part of a session that only looks: what a helper should ask for, since any session with more keys fits it. */
export interface SessionReader<Data extends object = Record<string, unknown>> {
  /** The value of a key, own pending writes included. Loads once, on first use: one round trip that also slides the expiry. */
  get<K extends keyof Data & string>(key: K): Promise<Stored<Data[K]> | undefined>
  /** Whether the key has a value. */
  has(key: keyof Data & string): Promise<boolean>
  /** 8 characters that stand for the id in logs; never the id. Undefined until the session was read or committed. */
  readonly ref: string | undefined
}

/**
 * The session of one request. Reads are lazy promises; writes are journaled and reach the store once, with the commit.
 *
 * An outage rejects a read with `StoreUnavailableError`. Calls apply in order. After `destroy()` reads give undefined and
 * writes throw; after the commit (inside a streaming body) writes throw `SessionUseError`.
 */
export interface Session<Data extends object = Record<string, unknown>> extends SessionReader<Data> {
  /** All keys and values. Changing any of them later in this request conflicts if another request changed it meanwhile. */
  all(): Promise<Partial<Stored<Data>>>
  /** Sets a key without loading; the value is checked and copied now, `undefined` removes the key. What equals the loaded value is not written. */
  set<K extends keyof Data & string>(key: K, value: Stored<Data[K]> | undefined): void
  /** Removes a key without loading. */
  delete(key: keyof Data & string): void
  /** Removes every key; the session itself lives on. */
  clear(): void
  /**
   * Changes a key by a recipe, which runs now and again wherever newer data turns up: keep it pure and synchronous.
   * `undefined` removes the key.
   */
  update<K extends keyof Data & string>(
    key: K,
    recipe: (current: Stored<Data[K]> | undefined) => Stored<Data[K]> | undefined,
  ): Promise<void>
  /** Reads a key once and removes it: flash messages, one-time state. Of two parallel pulls one succeeds, the other request is a 409. */
  pull<K extends keyof Data & string>(key: K): Promise<Stored<Data[K]> | undefined>
  /** A new id with the commit, the old one dead at once: call it at every change of privilege. */
  regenerate(options?: RegenerateOptions<keyof Data & string>): void
  /** Ends the session here and in the store, and clears the cookie. Needs no load and wins over everything. */
  destroy(): void
}

/** The one implementation; frozen, so that `session.userId = 1` throws instead of being lost. */
export class LazySession implements Session<Record<string, unknown>> {
  readonly #state: RequestState

  constructor(state: RequestState) {
    this.#state = state
    Object.freeze(this)
  }

  /** The state behind a value, if it is a session of this library. */
  static stateOf(value: unknown): RequestState | undefined {
    return typeof value === 'object' && value !== null && #state in value ? value.#state : undefined
  }

  async get(key: string): Promise<Json | undefined> {
    return this.#read(key, (value) => freezeJson(value))
  }

  async has(key: string): Promise<boolean> {
    return (await this.#read(key, (value) => value !== undefined)) ?? false
  }

  async all(): Promise<Record<string, Json>> {
    const state = this.#touch()
    if (state.destroyed) return Object.freeze({})
    const view = await state.track(state.view())
    state.guard.seeAll()
    return freezeJson(Object.fromEntries(view))
  }

  set(key: string, value: unknown): void {
    assertName(key)
    const copy = value === undefined ? undefined : copyJson(value, key)
    const state = this.#writable()
    state.guard.overwrite(key)
    state.write(copy === undefined ? { type: 'delete', key } : { type: 'set', key, value: copy })
  }

  delete(key: string): void {
    this.set(key, undefined)
  }

  clear(): void {
    const state = this.#writable()
    state.guard.overwriteAll()
    state.write({ type: 'clear' })
  }

  update(key: string, recipe: Recipe): Promise<void> {
    const done = this.#update(key, recipe)
    // Where the load failed the commit fails too, so an update that nobody awaits need not end the process on top of it.
    this.#state.loading?.catch(() => done.catch(() => {}))
    return done
  }

  async #update(key: string, recipe: Recipe): Promise<void> {
    assertName(key)
    const state = this.#writable()
    const operation: Operation = { type: 'update', key, recipe }
    state.write(operation)
    await state.track(state.ensure(operation))
  }

  async pull(key: string): Promise<Json | undefined> {
    const state = this.#writable()
    return state.track(
      this.#read(key, (value, isStored) => {
        if (value !== undefined && !state.destroyed) this.delete(key)
        if (value !== undefined && isStored) state.guard.hasTaken = true
        return freezeJson(value)
      }),
    )
  }

  regenerate(options: RegenerateOptions = {}): void {
    refuseUnknown(options, ['keep', 'reauthenticated'], 'option of regenerate:')
    const state = this.#writable()
    const { keep, reauthenticated = false } = options
    if (keep !== undefined) state.write({ type: 'keep', keys: [...keep] })
    state.regenerated = { reauthenticated: reauthenticated || state.regenerated?.reauthenticated === true }
  }

  destroy(): void {
    const state = this.#touch()
    if (state.closed) throw new SessionUseError('the session was destroyed after its commit: nothing would happen')
    if (state.refusal) throw state.refusal
    state.destroyed = true
  }

  get ref(): string | undefined {
    return this.#state.claim?.identity.ref
  }

  async #read<Result>(
    key: string,
    use: (value: Json | undefined, isStored: boolean) => Result,
  ): Promise<Result | undefined> {
    assertName(key)
    const state = this.#touch()
    if (state.destroyed) return undefined
    const view = await state.track(state.view())
    const isStored = dependsOnBase(state.operations, key)
    if (isStored) state.guard.see(key)
    return use(view.get(key), isStored)
  }

  #touch(): RequestState {
    this.#state.use()
    return this.#state
  }

  #writable(): RequestState {
    const state = this.#touch()
    if (state.closed) throw new SessionUseError('the session was changed after its commit: nothing would be stored')
    if (state.destroyed) throw new SessionUseError('the session was changed after destroy()')
    if (state.refusal) throw state.refusal
    if (state.loaded?.status === 'unavailable') throw state.loaded.error
    return state
  }
}
