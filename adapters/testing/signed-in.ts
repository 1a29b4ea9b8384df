import { SessionOptionsError } from '../../src/errors.ts'
import { cookieAfter } from './cookies.ts'
import { type Tested, type TestedOptions, visit } from './visit.ts'

/** How a test signs in. */
export interface SignedInOptions extends TestedOptions {
  /** The name of the session's times, of the option `lifetimes`. */
  readonly lifetime?: string | undefined
}

/**
 * The Cookie header of a new session with this data, for tests of what only users may do: no login form, no password.
 *
 * The session is in the app's own store, and counts as one whose user has just proved who they are (`authenticatedWithin`). Rejects with
 * `SessionOptionsError` where it finds no session or there is no data, and as `set` does for a value that cannot be stored.
 */
export async function signedIn<Data extends object = Record<string, unknown>>(
  tested: Tested<Data>,
  data: NoInfer<Partial<Data>>,
  options: SignedInOptions = {},
): Promise<string> {
  const { lifetime, ...where } = options
  const setCookies = await visit<Data>(tested, undefined, where, async (session) => {
    session.regenerate({ reauthenticated: true, ...(lifetime === undefined ? {} : { lifetime }) })
    for (const [key, value] of Object.entries(data)) session.set(key as keyof Data & string, value as never)
  })
  const cookie = cookieAfter(setCookies)
  if (cookie === undefined) throw new SessionOptionsError('signedIn: without data there is no session to be signed in')
  return cookie
}
