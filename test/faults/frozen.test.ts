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

/** One deadline of 250 ms and some air; two would be 500. */
const inTimeMs = 450
/** A healthy server that waits for its turn on a busy machine is late, too; but not each time. A request that waits twice is late each time. */
const tries = 12

/** What a request took beside the frozen server; of a few rounds the first that was in time. */
async function quickest(round: () => Promise<number>): Promise<number> {
  for (let left = tries; ; left--) {
    try {
      const took = await round()
      if (took < inTimeMs || left === 1) return took
    } catch (error) {
      if (left === 1) throw error
    }
  }
}

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
    for (const [name, handler] of handlers) {
      for (const frozen of [one, other]) {
        const took = await quickest(async () => {
          const sessions = created()
          const { cookie } = await ask(sessions, undefined, (session) => session.set('n', 0))
          const process = when === 'first' ? created() : sessions
          frozen.signal('SIGSTOP')
          return ask(process, cookie, handler)
            .then(({ took }) => took)
            .finally(() => frozen.signal('SIGCONT'))
        })
        expect(took, name).toBeLessThan(inTimeMs)
      }
    }
  },
)
