import { createHmac } from 'node:crypto'
import { type FromExpressSessionOptions, fromExpressSession } from '../../adapters/legacy.ts'
import type { LegacySessions } from '../../src/request/exchange.ts'

/** The secret of the old library. */
export const oldSecret = 'the old keyboard cat of express-session'

/** A cookie as express-session sends it. */
export function oldCookie(id: string, secret: string = oldSecret, name = 'connect.sid'): string {
  const mac = createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')
  return `${name}=${encodeURIComponent(`s:${id}.${mac}`)}`
}

/** Sessions of express-session in memory, as a test wants to see them. */
export interface OldSessions {
  readonly legacy: LegacySessions
  readonly records: Map<string, object>
  /** Calls so far, by verb. */
  readonly calls: { read: number; remove: number }
  /** While set, every call fails with it. */
  failure: Error | undefined
  /** Puts a session there; the Cookie header of its browser. */
  login(id: string, data: object): string
}

export function oldSessions(options: Partial<FromExpressSessionOptions> = {}): OldSessions {
  const records = new Map<string, object>()
  const calls = { read: 0, remove: 0 }
  const old: OldSessions = {
    records,
    calls,
    failure: undefined,
    login(id, data) {
      records.set(id, { cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' }, ...data })
      return oldCookie(id)
    },
    legacy: fromExpressSession({
      secret: oldSecret,
      read: async (id) => {
        calls.read++
        if (old.failure) throw old.failure
        return records.get(id)
      },
      remove: async (id) => {
        calls.remove++
        if (old.failure) throw old.failure
        records.delete(id)
      },
      ...options,
    }),
  }
  return old
}
