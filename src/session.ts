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

/** For generic helpers: where the type of a value depends on a type parameter, TypeScript cannot resolve `Stored` and compares this. */
type Plain<T> = T & Primitive

/** Only in the types: what the session holds. */
declare const held: unique symbol

/** How `regenerate` treats what was there. */
export interface RegenerateOptions<Key extends string = string> {
  /** Keep only these of the keys set so far; without it all are kept. */
  readonly keep?: readonly Key[] | undefined
  /** The user has just proved who they are: the absolute time starts anew. */
  readonly reauthenticated?: boolean | undefined
  /**
   * From now on the session has the times of this name of the option `lifetimes`; `default` takes them back. Without it they stay.
   */
  readonly lifetime?: string | undefined
  /**
   * Whose session it is from now on: a text of 1 to 256 characters, such as the user's id. Only with `reauthenticated`. Nothing stores or
   * tells it; it stands as a keyed hash. Without it a session keeps the one that it has.
   */
  readonly subject?: string | undefined
  /** What `sessions.list(subject)` shows of the device: a flat object, at most 512 bytes of JSON. Only with `subject`. */
  readonly device?: Device | undefined
}

/** A few values that tell a user which device a session is on. */
export type Device = Readonly<Record<string, Primitive>>

/** What else a logout does. */
export interface DestroyOptions {
  /** What the browser is to forget of the whole origin, by the header `Clear-Site-Data`: `['cache', 'storage']`. Only over https. */
  readonly clearSiteData?:
    | readonly (
        | 'cache'
        | 'cookies'
        | 'storage'
        | 'executionContexts'
        | 'clientHints'
        | 'prefetchCache'
        | 'prerenderCache'
        | '*'
      )[]
    | undefined
}

/** What is known of a session beside its data. Times are whole seconds since 1970. */
export interface SessionInfo {
  /** Its first write. */
  readonly created: number
  /** The last `regenerate({ reauthenticated: true })`, if there was one. */
  readonly authenticated: number | undefined
  /** When it ends, however active it is. */
  readonly until: number
  /** The name of its times; `default` without any other. */
  readonly lifetime: string
  /** The 8 characters of `session.ref`. */
  readonly ref: string
}

/** One live session in the list of its subject. Times are whole seconds since 1970. */
export interface SubjectSession extends SessionInfo {
  /** Its last change; reading is none. */
  readonly changed: number
  /** What the application told at its login. */
  readonly device: Device | undefined
  /** Whether it is the one that was asked with. */
  readonly isCurrent: boolean
}

/** A session that was opened again after its response, and what ends that. */
export interface ReopenedSession<Data extends object = Record<string, unknown>> {
  /** Takes everything but `regenerate()`, which needs a cookie. */
  readonly session: Session<Data>
  /**
   * Writes what changed, sends no cookie, and says whether the session lives. Where it has `ended`, nothing was written. Rejects as the
   * commit of a request does, but never with `SessionGoneError`.
   */
  commit(): Promise<{ readonly status: 'live' | 'ended' }>
}

/** The part of a session that only looks. A helper should ask for this: any session with more keys fits it. */
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
  readonly [held]?: Data
  /** All keys and values. Changing any of them later in this request conflicts if another request changed it meanwhile. */
  all(): Promise<Partial<Stored<Data>>>
  /**
   * Sets a key without loading. The value is checked and copied now; `undefined` removes the key. What equals the stored value is not
   * written.
   */
  set<K extends keyof Data & string>(key: K, value: Stored<Data[K]> | Plain<Data[K]> | undefined): void
  /** Removes a key without loading. */
  delete(key: keyof Data & string): void
  /** Removes every key; the session itself lives on. */
  clear(): void
  /**
   * Changes a key by a recipe, which runs now and again wherever newer data turns up: keep it pure and synchronous.
   * `undefined` removes the key.
   */
  update<K extends keyof Data & string>(
    this: { readonly [held]?: { readonly [P in K]: Primitive } },
    key: K,
    recipe: (current: Plain<Data[K]> | undefined) => Plain<Data[K]> | undefined,
  ): Promise<void>
  update<K extends keyof Data & string>(
    key: K,
    recipe: (current: Stored<Data[K]> | undefined) => Stored<Data[K]> | undefined,
  ): Promise<void>
  /** Reads a key once and removes it: flash messages, one-time state. Of two parallel pulls one succeeds, the other request is a 409. */
  pull<K extends keyof Data & string>(key: K): Promise<Stored<Data[K]> | undefined>
  /** A new id with the commit, the old one dead at once: call it at every change of privilege. */
  regenerate(options?: RegenerateOptions<keyof Data & string>): void
  /** Ends the session here and in the store, and clears the cookie. Needs no load and wins over everything. */
  destroy(options?: DestroyOptions): void
  /** What is known of the session beside its data; undefined where none is stored. Loads as a read does. */
  info(): Promise<SessionInfo | undefined>
  /**
   * Whether the user proved who they are (`reauthenticated`) at most this many seconds ago: before a step that asks for it. Loads as a
   * read does.
   */
  authenticatedWithin(seconds: number): Promise<boolean>
  /**
   * This request does not count as activity (a tab that polls): its reads leave the expiry alone. A change counts all the same. Call it
   * before the first read, else `SessionUseError`.
   */
  passive(): void
  /**
   * The same session once more, after the response: at the end of a stream, for a message of a WebSocket. Each time it reads anew and
   * has a commit of its own. Where the response is about to leave, it waits for that, for `requestMs` at most.
   */
  reopen(): ReopenedSession<Data>
}
