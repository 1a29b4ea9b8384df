import { afterEach, expect, test } from 'vitest'
import { createSessions, type Session, type Sessions } from '../../src/index.ts'
import { storesToClose } from '../support/memcached.ts'
import { startMemcached } from '../support/servers.ts'

type Data = { n: number }
const { storeOf, closeAll } = storesToClose()
afterEach(closeAll)

async function ask(sessions: Sessions<Data>, cookie: string | undefined, handler: (s: Session<Data>) => unknown) {
  const { session, commit } = sessions.open(cookie)
  const start = performance.now()
  await handler(session)
  const { setCookie } = await commit()
  return { cookie: setCookie?.split(';', 1)[0], took: performance.now() - start }
}

const handlers: [string, (session: Session<Data>) => unknown][] = [
  ['read', (session) => session.get('n')],
  ['write', (session) => session.update('n', (n = 0) => n + 1)],
  ['login', (session) => session.regenerate({ reauthenticated: true })],
]

/** Every round a process of its own that meets the frozen server with its first request, or on connections that stand. */
test.each(['first', 'later'])(
  'one of two servers frozen: no %s request of a process is a 503, nor waits twice (F4)',
  async (when) => {
    await using one = await startMemcached()
    await using other = await startMemcached()
    const created = () => {
      const store = storeOf({ servers: [one.address, other.address] })
      return createSessions<Data>({ store, secret: 'the secret of these tests: 0123456789' })
    }
    const times: number[] = []
    for (const [, handler] of handlers) {
      for (const frozen of [one, other]) {
        const sessions = created()
        const { cookie } = await ask(sessions, undefined, (session) => session.set('n', 0))
        const process = when === 'first' ? created() : sessions
        frozen.signal('SIGSTOP')
        try {
          times.push((await ask(process, cookie, handler)).took)
        } finally {
          frozen.signal('SIGCONT')
        }
      }
    }
    expect(times).toHaveLength(6)
    // One deadline of 250 ms and some air; two would be 500.
    expect(Math.max(...times)).toBeLessThan(450)
  },
)
