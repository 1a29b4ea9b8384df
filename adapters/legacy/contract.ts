/** What a cookie of another library says, once its signature or seal is verified. */
export interface LegacyCookie {
  /** Names the old session, the same for as long as it lives: the new id is made of it. At least 16 characters that nobody can guess. */
  readonly id: string
  /** What the session holds, where the cookie itself carries it. */
  readonly data?: unknown
}

/** Given to every call of the old store. */
export interface LegacyCall {
  /** Aborted when the time of the request is up. */
  readonly signal: AbortSignal
}

/** The sessions of one library, as `legacySessions()` takes them: what cookies it has, how they are verified, where its records are. */
export interface LegacySource {
  /** The library. Part of what ids are made of, so it must stay. */
  readonly name: string
  /** The names of its cookie. With several, which are parts of one value, each is read and their values are joined. */
  readonly cookieNames: readonly string[]
  /** What a cookie value says; undefined where it is not genuine. Asks no store, and does not throw for what a client sent. */
  verify(value: string): LegacyCookie | undefined | Promise<LegacyCookie | undefined>
  /**
   * What the old session holds, undefined where there is none. Rejects with `SessionValueError` for what cannot come along, naming it;
   * anything else that is thrown is an outage (503).
   */
  read(cookie: LegacyCookie, call: LegacyCall): unknown
  /** Ends the old session. Absent is no error. */
  remove(cookie: LegacyCookie, call: LegacyCall): unknown
}

/** Checked, with their defaults. */
export interface Legacy extends LegacySource {
  readonly takeOver: boolean
  readonly lifeSeconds: number
  map(data: Readonly<Record<string, unknown>>): object | undefined
  /** From `; Path=` on. */
  readonly place: string
}
