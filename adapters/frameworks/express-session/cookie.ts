import type { CookieOptions } from '../../../src/claim/cookie.ts'
import { SessionUseError } from '../../../src/errors.ts'

/** `req.session.cookie`: what the cookie of the session is like. It is set by the options, for all sessions alike. */
export interface SessionCookie {
  readonly path: string
  readonly httpOnly: boolean
  readonly secure: boolean
  readonly sameSite: string
  /** Milliseconds of a cookie that outlives the browser (`cookie.persistent`); else null. */
  readonly originalMaxAge: number | null
  /** When it ends; false where it ends with the browser. Setting another time throws `SessionUseError`. */
  get expires(): Date | false
  set expires(value: Date | string | number | boolean | null | undefined)
  /** Milliseconds that are left; null where it ends with the browser. Setting another time throws `SessionUseError`. */
  get maxAge(): number | null
  set maxAge(value: number | boolean | null | undefined)
}

export class FixedCookie implements SessionCookie {
  readonly path: string
  readonly httpOnly = true
  readonly secure: boolean
  readonly sameSite: string
  readonly originalMaxAge: number | null
  readonly #until: number | null

  constructor({ path = '/', insecure = false, sameSite = 'Lax' }: CookieOptions, now: number, until: number | null) {
    this.path = path
    this.secure = !insecure
    this.sameSite = sameSite.toLowerCase()
    this.originalMaxAge = until === null ? null : until - now
    this.#until = until
  }

  get expires(): Date | false {
    return this.#until === null ? false : new Date(this.#until)
  }

  set expires(value: Date | string | number | boolean | null | undefined) {
    if (value || this.#until !== null) refuse('expires')
  }

  get maxAge(): number | null {
    return this.originalMaxAge
  }

  set maxAge(value: number | boolean | null | undefined) {
    if (value || this.#until !== null) refuse('maxAge')
  }

  toJSON(): object {
    const { path, httpOnly, secure, sameSite, originalMaxAge, expires } = this
    return { path, httpOnly, secure, sameSite, originalMaxAge, expires: expires || null }
  }
}

/** Ignored, a shorter time would be no time at all. */
function refuse(name: string): never {
  throw new SessionUseError(
    `req.session.cookie.${name} cannot be changed by a request: set idleSeconds, absoluteSeconds and cookie.persistent`,
  )
}
