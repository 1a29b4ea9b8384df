import { need } from '../../src/checks.ts'
import { decoded } from './express-session.ts'
import { type IronPassword, unsealed } from './iron.ts'
import { commonOf, type LegacyOptions, type LegacySessions, legacySessions } from './source.ts'

/** Options of {@link fromIronSession}. */
export interface FromIronSessionOptions extends LegacyOptions {
  /** As it was given to iron-session: a text, or texts by their numbers. */
  readonly password: IronPassword
  readonly cookieName: string
}

/**
 * Sessions of iron-session: the cookie itself holds them, sealed, in one part or up to four.
 *
 * No server keeps them, so a logout here ends the new session, clears the cookie and refuses that seal for `lifeSeconds`. A copy that
 * somebody took of an earlier seal is good until it expires, as it always was. Throws `SessionOptionsError`.
 */
export function fromIronSession(options: FromIronSessionOptions): LegacySessions {
  const { password, cookieName } = options
  const common = commonOf(options, ['password', 'cookieName'], 'fromIronSession')
  const passwords = passwordsOf(password)
  need(typeof cookieName === 'string', 'cookieName must be that of iron-session')
  return legacySessions(
    {
      name: 'iron-session',
      cookieNames: [cookieName, ...[0, 1, 2, 3].map((part) => `${cookieName}.${part}`)],
      async verify(value) {
        // Behind the seal stands the version, `~2`.
        const [seal = ''] = decoded(value).split('~', 1)
        const data = await unsealed(seal, passwords)
        return data === undefined ? undefined : { id: seal, data }
      },
      read: ({ data }) => data,
      remove: () => {},
    },
    common,
  )
}

/** iron-session numbers its only password 1. */
function passwordsOf(password: IronPassword): IronPassword {
  const passwords = typeof password === 'string' ? { 1: password, default: password } : password
  const isText = (one: unknown) => typeof one === 'string' && one.length >= 32
  const isList = typeof passwords === 'object' && passwords !== null && Object.keys(passwords).length > 0
  need(isList && Object.values(passwords).every(isText), 'password must be that of iron-session, of 32 characters')
  return passwords
}
