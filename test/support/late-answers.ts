import { CookieJar } from 'tough-cookie'
import { createSessions, SessionGoneError, type Store } from '../../src/index.ts'

interface Data {
  user: string
  seen: number
}

const url = 'https://example.com/'
const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]

/** What came of the logins of one store. */
export interface Rounds {
  /** Logins that were acknowledged, whose browser was not logged in after the answers had arrived. */
  readonly undone: number
  readonly logins: number
  /** Bytes of the largest Set-Cookie header of a small write. */
  readonly bytes: number
}

/**
 * A login and two small writes beside it, whose answers arrive in every order, each order with every place of the login among the
 * commits: in a jar as a browser has it, whose user must be logged in at the end.
 */
export async function loginsBesideWrites(store: Store, secret: string): Promise<Rounds> {
  const sessions = createSessions<Data>({ store, secret })
  const rounds = { undone: 0, logins: 0, bytes: 0 }
  for (const commits of orders) {
    for (const arrivals of orders) {
      const jar = new CookieJar(undefined, { prefixSecurity: 'strict' })
      const request = async (work: 'begin' | 'login' | 'write') => {
        const { session, commit } = sessions.open(await jar.getCookieString(url))
        if (work === 'login') session.regenerate({ reauthenticated: true })
        if (work === 'login') session.set('user', 'alice')
        else await session.update('seen', (seen = 0) => seen + 1)
        return { commit, isLogin: work === 'login' }
      }
      const begun = await (await request('begin')).commit()
      await keep(jar, begun.setCookies)
      // A write that has changed the session before: the browser has a receipt already.
      await keep(jar, (await (await request('write')).commit()).setCookies)
      const sent = [await request('login'), await request('write'), await request('write')]
      const answers: (readonly string[])[] = [[], [], []]
      for (const at of commits) answers[at] = await answerOf(sent[at] as (typeof sent)[0], rounds)
      for (const at of arrivals) await keep(jar, answers[at] as readonly string[])
      const user = await sessions.open(await jar.getCookieString(url)).session.get('user')
      rounds.logins++
      if (user !== 'alice') rounds.undone++
    }
  }
  return rounds
}

async function answerOf(
  { commit, isLogin }: { commit: () => Promise<{ readonly setCookies: readonly string[] }>; isLogin: boolean },
  rounds: { bytes: number },
): Promise<readonly string[]> {
  try {
    const { setCookies } = await commit()
    if (!isLogin) rounds.bytes = Math.max(rounds.bytes, ...setCookies.map((set) => set.length))
    return setCookies
  } catch (error) {
    // The login came first: this write is refused, and its answer has no cookie.
    if (!isLogin && error instanceof SessionGoneError) return []
    throw error
  }
}

async function keep(jar: CookieJar, setCookies: readonly string[]): Promise<void> {
  for (const set of setCookies) await jar.setCookie(set, url)
}
