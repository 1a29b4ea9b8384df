import type { SessionCookie } from './cookie.ts'

/** Called when it is done, with an error where it failed. */
export type Done = (error?: unknown) => void

/** What `req.session` can do, as in express-session. */
export interface ExpressSessionMethods {
  /** 8 characters that stand for the id, never the id; others before the session is stored for the first time. */
  readonly id: string
  cookie: SessionCookie
  /** A new, empty session under a new id in place of this one, which ends with the commit. `req.session` is another object then. */
  regenerate(done: Done): this
  /** Ends the session in the store and clears its cookie; `req.session` is gone. */
  destroy(done?: Done): this
  /** Reads the session again; changes that are not saved are lost. `req.session` is another object then. */
  reload(done: Done): this
  /** Stores what has changed now. The end of the request does it anyway, before its answer leaves. */
  save(done?: Done): this
  /** Nothing to do: what loaded the session has slid its expiry. */
  touch(): this
  /** Nothing to do. */
  resetMaxAge(): this
}

/** `req.session` of `expressSession()`: its data as members, to be read and changed at once, and the methods of express-session. */
export type ExpressSession<Data extends object = Record<string, unknown>> = ExpressSessionMethods & Partial<Data>

/** Who does the work. */
export interface Doing {
  readonly id: string
  regenerate(done: Done): void
  destroy(done: Done): void
  reload(done: Done): void
  save(done: Done): void
}

/** Names that are no data. */
export const isOwnName = (name: string): boolean => name === 'cookie' || name in View.prototype

export class View implements ExpressSessionMethods {
  readonly #doing: Doing
  cookie: SessionCookie

  constructor(doing: Doing, cookie: SessionCookie, data: Readonly<Record<string, unknown>>) {
    this.#doing = doing
    this.cookie = cookie
    // As express-session: data does not hide a method.
    for (const [name, value] of Object.entries(data)) if (!isOwnName(name)) Reflect.set(this, name, value)
  }

  get id(): string {
    return this.#doing.id
  }

  regenerate(done: Done): this {
    this.#doing.regenerate(done)
    return this
  }

  destroy(done: Done = nothing): this {
    this.#doing.destroy(done)
    return this
  }

  reload(done: Done): this {
    this.#doing.reload(done)
    return this
  }

  save(done: Done = nothing): this {
    this.#doing.save(done)
    return this
  }

  touch(): this {
    return this
  }

  resetMaxAge(): this {
    return this
  }
}

const nothing = () => {}
