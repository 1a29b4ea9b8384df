import type { Device, Session } from '../../src/index.ts'
import type { Any, Browser } from './app.ts'

/** What a login handler does. */
export const loginAs =
  (subject: string, more: { device?: Device; lifetime?: string; data?: Any } = {}) =>
  (session: Session<Any>): void => {
    const { device, lifetime, data = {} } = more
    session.regenerate({ reauthenticated: true, subject, device, lifetime })
    session.set('user', subject)
    for (const [key, value] of Object.entries(data)) session.set(key, value)
  }

/** Who is logged in. */
export const who = (browser: Browser): Promise<unknown> => browser.visit((session) => session.get('user'))

/** So many browsers, each logged in by itself. */
export async function loggedInTimes(
  count: number,
  subject: string,
  open: () => Browser,
  more?: Parameters<typeof loginAs>[1],
): Promise<Browser[]> {
  const browsers: Browser[] = []
  for (let at = 0; at < count; at++) {
    const one = open()
    await one.visit(loginAs(subject, more))
    browsers.push(one)
  }
  return browsers
}

/** The keys of lists among those of a store. */
export const isListKey = (key: string): boolean => key.includes(':subject:')
