import { describe, expect, it } from 'vitest'
import { withSession } from '../../adapters/platforms/lambda.ts'
import { createSessions, type Session, SessionConflictError, StoreUnavailableError } from '../../src/index.ts'
import { eventOf, received, type Sender, senders } from '../lambda/gateway.ts'
import { type Any, browser, kit, withData } from '../support/app.ts'

/** A user who is logged in, and a handler that does this. */
async function setup(sender: Sender, work: (session: Session<Any>) => unknown) {
  const { test, user } = await withData()
  const handler = withSession(test.options, async (_event: object, session: Session<Any>) => {
    await work(session)
    return { statusCode: 200, headers: { 'Set-Cookie': 'own=1', 'Cache-Control': 'public' }, body: 'done' }
  })
  const ask = async () => received(sender, await handler(eventOf(sender, { cookie: user.cookie }), {}))
  const data = () => user.visit((session) => session.all())
  /** Another process on the same store. */
  const rival = browser(createSessions<Any>(test.options), user.cookie)
  return { test, user, ask, data, rival, handler }
}

const bare = (status: number) => ({ status, type: 'text/plain;charset=UTF-8', cache: 'private, no-store', cookies: [] })
const seen = ({ status, headers }: Awaited<ReturnType<Awaited<ReturnType<typeof setup>>['ask']>>) => ({
  ...{
    status,
    type: headers.get('Content-Type'),
    cache: headers.get('Cache-Control'),
    cookies: headers.getSetCookie(),
  },
})

describe.each(senders)('errors behind %s', (sender) => {
  it('an outage at a read that nobody catches is 503, as the error itself would answer', async () => {
    const { test, ask } = await setup(sender, (session) => session.get('user'))
    test.failing.always('throw')
    const answer = await ask()
    expect(seen(answer)).toEqual(bare(503))
    expect([answer.headers.get('Retry-After'), answer.body]).toEqual(['1', 'Service Unavailable'])
    const own = new StoreUnavailableError('x').getResponse()
    expect(Object.fromEntries(answer.headers)).toEqual(Object.fromEntries(own.headers))
  })

  it('an outage at the commit is 503, without the cookies and headers of the page', async () => {
    const { test, ask, data } = await setup(sender, (session) => session.set('user', 'bob'))
    test.failing.always('throw')
    expect(seen(await ask())).toEqual(bare(503))
    test.failing.always(undefined)
    expect(await data()).toMatchObject({ user: 'alice' })
  })

  it('a conflict is 409', async () => {
    const made = await setup(sender, async (session) => {
      await session.pull('user')
      await made.rival.visit((other) => other.set('user', 'carol'))
    })
    const answer = await made.ask()
    expect([seen(answer), answer.body]).toEqual([bare(409), 'Conflict'])
    expect(answer.headers.has('Retry-After')).toBe(false)
    expect(await made.data()).toMatchObject({ user: 'carol' })
  })

  it('a session that ended meanwhile is 409, and the cookie is left alone', async () => {
    const made = await setup(sender, async (session) => {
      made.test.clock.advance(1)
      await made.rival.visit((other) => other.destroy())
      session.set('user', 'bob')
    })
    const answer = await made.ask()
    expect(seen(answer)).toEqual(bare(409))
    expect(answer.headers.get('Retry-After')).toBe('5')
  })

  it('what the handler throws goes on to Lambda, and its changes are dropped', async () => {
    const own = new Error('of the handler')
    const { ask, data } = await setup(sender, (session) => {
      session.set('user', 'bob')
      throw own
    })
    await expect(ask()).rejects.toBe(own)
    expect(await data()).toMatchObject({ user: 'alice' })
  })

  it('a logout in a handler that throws still happens', async () => {
    const { ask, data } = await setup(sender, (session) => {
      session.destroy()
      throw new Error('after the logout')
    })
    await expect(ask()).rejects.toThrow('after the logout')
    expect(await data()).toEqual({})
  })

  it('and where even that fails, it is an outage', async () => {
    const { ask, test } = await setup(sender, (session) => {
      session.destroy()
      throw new Error('after the logout')
    })
    test.failing.always('throw')
    expect(seen(await ask())).toEqual(bare(503))
  })
})

it.each(senders)(
  'a session that is too large at the commit is 413, and an event names its keys, behind %s (F24)',
  async (sender) => {
    const { ask, data, test } = await setup(sender, (session) => session.set('user', 'x'.repeat(70_000)))
    const answer = await ask()
    expect([seen(answer), answer.body]).toEqual([bare(413), 'Content Too Large'])
    expect(await data()).toMatchObject({ user: 'alice' })
    const message = expect.stringContaining('the biggest keys: user (70002)')
    expect(test.events).toContainEqual(expect.objectContaining({ type: 'too-large', message }))
  },
)

it('a value that cannot be stored is an error of the handler, not an answer', async () => {
  const { ask } = await setup('HTTP API', (session) => session.set('user', new Date()))
  await expect(ask()).rejects.toMatchObject({ name: 'SessionValueError', code: 'invalid-value' })
})

it('a handler that throws before it returns a promise has failed, too', async () => {
  const { test } = await withData()
  const handler = withSession(test.options, (): Promise<string> => {
    throw new SessionConflictError('of its own')
  })
  expect(await handler(eventOf('HTTP API'), {})).toMatchObject({ statusCode: 409 })
})

it.each([
  ['no secret', { secret: undefined }, /secret/],
  ['a misspelt name', { idelSeconds: 5 }, /idelSeconds/],
  ['no store', { store: undefined }, /store must be a store/],
])('options are checked at once: %s', async (_, wrong, message) => {
  const { test } = await withData()
  const options = { ...test.options, ...wrong } as typeof test.options
  expect(() => withSession(options, async () => {})).toThrow(message)
})

it('the session is committed before the result is returned, and closed then', async () => {
  const test = kit()
  const kept: Session<Any>[] = []
  const handler = withSession(test.options, async (_event: object, session: Session<Any>) => {
    session.set('user', 'bob')
    kept.push(session)
  })
  await handler(eventOf('HTTP API'), {})
  expect(test.store.calls.create).toBe(1)
  expect(() => kept[0]?.set('user', 'carol')).toThrow('after its commit')
})
