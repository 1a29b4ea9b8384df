import { createSessions, SessionGoneError, type Store } from '../../../src/index.ts'
import { nextCookies } from '../../support/jar.ts'

/** What a browser holds: one session, and for a login over it what it held before. */
export interface Holder {
  cookie: string
}

/** How a process serves one subject. Each call rejects where the store is not available. */
export interface System {
  login(over?: Holder): Promise<Holder>
  /** Whether it is logged in. */
  read(holder: Holder): Promise<boolean>
  /** Whether its change was stored; `between` passes after the session was read. */
  change(holder: Holder, between: () => Promise<void>): Promise<boolean>
  logout(holder: Holder): Promise<void>
  revoke(): Promise<void>
  /** How many sessions there are; undefined where the rule keeps no list. */
  count(): Promise<number | undefined>
}

export type BuildSystem = (store: Store, now: () => number) => System

const secret = 'simulated secret 5f3c9a71e2b84d06'
const subject = 'alice'

/** The real sessions. */
export const listed: BuildSystem = (store, now) => {
  const sessions = createSessions<{ user: string; changes: number }>({ store, secret, now })
  return {
    async login(over) {
      const { session, commit } = sessions.open(over?.cookie)
      session.regenerate({ reauthenticated: true, subject })
      session.set('user', subject)
      const { setCookies } = await commit()
      return { cookie: nextCookies(undefined, setCookies) as string }
    },
    read: async ({ cookie }) => (await sessions.open(cookie).session.get('user')) === subject,
    async change(holder, between) {
      const { session, commit } = sessions.open(holder.cookie)
      if ((await session.get('user')) !== subject) return false
      await between()
      await session.update('changes', (changes = 0) => changes + 1)
      try {
        const { setCookies } = await commit()
        holder.cookie = nextCookies(holder.cookie, setCookies) as string
        return true
      } catch (error) {
        if (error instanceof SessionGoneError) return false
        throw error
      }
    },
    async logout({ cookie }) {
      const { session, commit } = sessions.open(cookie)
      session.destroy()
      await commit()
    },
    revoke: async () => void (await sessions.revoke(subject)),
    count: async () => (await sessions.list(subject)).length,
  }
}
