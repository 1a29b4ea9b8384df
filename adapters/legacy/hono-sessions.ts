import { need } from '../../src/checks.ts'
import { decoded } from './express-session.ts'
import { unsealed } from './iron.ts'
import { commonOf, type LegacyOptions, type LegacySessions, legacySessions } from './source.ts'

/** A store of hono-sessions, as far as it is needed. */
export interface HonoSessionsStore {
  getSessionById(id?: string): unknown
  deleteSession(id: string): unknown
}

/** Options of {@link fromHonoSessions}. */
export interface FromHonoSessionsOptions extends LegacyOptions {
  /** As it was given to hono-sessions. Without it the cookie was the bare id, which whoever knows it can send. */
  readonly encryptionKey?: string | undefined
  /** The store that hono-sessions had. Left out for its `CookieStore`, whose cookie holds the session itself. */
  readonly store?: HonoSessionsStore | undefined
  /** Its `sessionCookieName`, with the prefix if there was one; default `session`. */
  readonly cookieName?: string | undefined
}

interface Held {
  readonly _data?: Readonly<Record<string, { readonly value?: unknown } | undefined>>
  readonly _expire?: string | null
  readonly _delete?: boolean
}

/**
 * Sessions of hono-sessions, whose cookie is an iron seal of the id, or with `CookieStore` of the session itself. Flash values come
 * over as plain ones: `pull` reads and removes them. Throws `SessionOptionsError`.
 */
export function fromHonoSessions(options: FromHonoSessionsOptions): LegacySessions {
  const { encryptionKey, store, cookieName = 'session' } = options
  const common = commonOf(options, ['encryptionKey', 'store', 'cookieName'], 'fromHonoSessions')
  const isKey = typeof encryptionKey === 'string' && encryptionKey.length >= 32
  need(isKey || encryptionKey === undefined, 'encryptionKey must be that of hono-sessions, of 32 characters')
  need(isKey || store !== undefined, 'a cookie that holds the session needs its encryptionKey')
  const verbs = ['getSessionById', 'deleteSession'] as const
  const isStore = store === undefined || verbs.every((verb) => typeof store?.[verb] === 'function')
  need(isStore, 'store must be the store that hono-sessions had; leave out its CookieStore')
  return legacySessions(
    {
      name: 'hono-sessions',
      cookieNames: [cookieName],
      async verify(value) {
        const text = decoded(value)
        const opened = encryptionKey === undefined ? text : await unsealed(text, encryptionKey)
        if (typeof opened !== 'string' || opened.length < 16) return undefined
        return store ? { id: opened } : { id: text, data: jsonIn(opened) }
      },
      read: async ({ id, data }) => held((store ? await store.getSessionById(id) : data) as Held | undefined),
      remove: ({ id }) => store?.deleteSession(id),
    },
    common,
  )
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function held(session: Held | null | undefined): unknown {
  const { _data, _expire, _delete } = session ?? {}
  const isOver = _delete === true || (_expire != null && new Date(_expire).getTime() <= Date.now())
  if (!_data || isOver) return undefined
  return Object.fromEntries(Object.entries(_data).map(([key, entry]) => [key, entry?.value]))
}
