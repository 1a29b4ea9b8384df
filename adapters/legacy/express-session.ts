import { need } from '../../src/checks.ts'
import { type GivenRecords, parsed, recordsOf } from './records.ts'
import { commonOf, type LegacyCall, type LegacyOptions, type LegacySessions, legacySessions } from './source.ts'

/** A store of express-session, such as one of connect-redis, connect-memcached or memorystore. */
export interface ExpressSessionStore {
  get(id: string, done: (error: unknown, session?: unknown) => void): unknown
  destroy(id: string, done: (error?: unknown) => void): unknown
}

/** Options of {@link fromExpressSession}. */
export interface FromExpressSessionOptions extends LegacyOptions {
  /** As it was given to express-session: of a list any verifies. */
  readonly secret: string | readonly string[]
  /** Its option `name`; default `connect.sid`. */
  readonly cookieName?: string | undefined
  /**
   * The store that express-session had. Or its records without that package: of connect-redis behind your client, of connect-memcached
   * in a `memcachedStore({ servers, replicas: 1 })`, or two functions `{ read(key), remove(key) }`.
   */
  readonly store?: ExpressSessionStore | GivenRecords | undefined
  /** What stands before the id in a key, where `store` is no store of express-session: `sess:` for connect-redis. Default none. */
  readonly prefix?: string | undefined
  /** Instead of `store`: gives the session of an id, or its JSON. */
  readonly read?: ((id: string, call: LegacyCall) => unknown) | undefined
  /** Beside `read`: ends the session of an id. Without it a logout ends the new session alone. */
  readonly remove?: ((id: string, call: LegacyCall) => unknown) | undefined
}

const own = ['secret', 'cookieName', 'store', 'prefix', 'read', 'remove']
/** An id of express-session has 32 characters; one of `genid` may have others. */
const shape = /^s:(.{16,512})\.([A-Za-z0-9+/]{43})=?$/

/**
 * Sessions of express-session (or cookie-signature alone): the cookie `s:<id>.<HMAC-SHA-256>`, the record wherever its store has it.
 * Throws `SessionOptionsError`.
 */
export function fromExpressSession(options: FromExpressSessionOptions): LegacySessions {
  const { secret, cookieName = 'connect.sid' } = options
  const common = commonOf(options, own, 'fromExpressSession')
  const secrets = [secret].flat()
  const isSecret = secrets.length > 0 && secrets.every((one) => typeof one === 'string' && one !== '')
  need(isSecret, 'secret must be the secret of express-session, or its list')
  const { read, remove } = reading(options)
  return legacySessions(
    {
      name: 'express-session',
      cookieNames: [cookieName],
      async verify(value) {
        const [, id, mac] = shape.exec(decoded(value)) ?? []
        return id && mac && (await isSigned(id, mac, secrets)) ? { id } : undefined
      },
      read: async ({ id }, call) => held(parsed(await read(id, call))),
      remove: ({ id }, call) => remove(id, call),
    },
    common,
  )
}

type ById = (id: string, call: LegacyCall) => unknown

function reading({ store, prefix = '', read, remove }: FromExpressSessionOptions): { read: ById; remove: ById } {
  if (read !== undefined) {
    need(store === undefined && typeof read === 'function', 'read must be a function, and goes without store')
    return { read, remove: remove ?? (() => {}) }
  }
  need(typeof store === 'object' && store !== null, 'store must be the store that express-session had')
  if (isExpressStore(store)) return ofStore(store)
  const records = recordsOf(store as GivenRecords)
  return {
    read: (id, call) => records.read(prefix + id, call),
    remove: (id, call) => records.remove(prefix + id, call),
  }
}

/** A client of Redis may have `destroy`, too, but no store has `del`. */
const isExpressStore = (store: object | undefined): store is ExpressSessionStore =>
  store !== undefined && 'get' in store && 'destroy' in store && !('del' in store)

function ofStore(store: ExpressSessionStore): { read: ById; remove: ById } {
  const asked = (work: (done: (error: unknown, result?: unknown) => void) => unknown) =>
    new Promise((resolve, reject) => {
      const done = (error: unknown, result?: unknown) => (error ? reject(error) : resolve(result))
      Promise.resolve(work(done)).catch(reject)
    })
  return {
    read: (id) => asked((done) => store.get(id, done)),
    remove: (id) => asked((done) => store.destroy(id, done)),
  }
}

/** What the session holds; `cookie` says how its cookie was sent, and until when it is good. */
function held(session: unknown): unknown {
  if (typeof session !== 'object' || session === null) return undefined
  const { cookie, ...data } = session as { cookie?: { expires?: string | Date | false | null } }
  const expires = cookie?.expires ? new Date(cookie.expires).getTime() : Number.POSITIVE_INFINITY
  return expires > Date.now() ? data : undefined
}

export function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return ''
  }
}

/** As the package cookie-signature: base64 without its padding. */
async function isSigned(id: string, mac: string, secrets: readonly string[]): Promise<boolean> {
  const { subtle } = globalThis.crypto
  const encoder = new TextEncoder()
  const given = Uint8Array.from(atob(mac), (character) => character.charCodeAt(0))
  for (const secret of secrets) {
    const hmac = { name: 'HMAC', hash: 'SHA-256' }
    const key = await subtle.importKey('raw', encoder.encode(secret), hmac, false, ['verify'])
    if (await subtle.verify('HMAC', key, given, encoder.encode(id))) return true
  }
  return false
}
