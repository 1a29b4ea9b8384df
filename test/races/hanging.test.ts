import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { busyness } from '../support/own-time.ts'
import { begin, cookieOf, open, refused, run, scene, see, timed } from './setup.ts'

describe('a store that hangs', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const requestMs = 100
  const handlers: [string, (session: ReturnType<typeof open>['session']) => unknown][] = [
    ['get', (session) => session.get('n').catch(() => {})],
    ['set', (session) => session.set('n', 1)],
    [
      'get and set',
      async (session) => {
        await session.get('n').catch(() => {})
        session.set('n', 1)
      },
    ],
    ['update', (session) => session.update('n', () => 1).catch(() => {})],
    ['regenerate', (session) => session.regenerate()],
    ['destroy', (session) => session.destroy()],
  ]

  const prepared = async () => {
    const here = scene({ requestMs })
    // The clock stands still meanwhile, so that its keys are there when it is timed.
    return { here, cookie: await begin(here, { n: 0 }) }
  }

  describe.each(['with a cookie', 'without one'])('%s', (cookies) => {
    it.each(handlers)('%s settles within requestMs + 50 ms (F10)', async (_, handler) => {
      const { here, cookie } = await prepared()
      here.failing.always('hang')
      const { took } = await timed(run(here, cookies === 'with a cookie' ? cookie : undefined, handler))
      expect(took).toBeLessThanOrEqual(requestMs + 50)
    })
  })

  it.each(['create', 'update', 'delete'] as const)('also from its %s on', async (verb) => {
    const { here, cookie } = await prepared()
    here.failing.fail(verb, 'hang')
    here.failing.fail('delete', 'hang', 'hang')
    const { result, took } = await timed(
      run(here, cookie, async (session) => {
        await session.get('n')
        session.regenerate()
        if (verb === 'delete') session.destroy()
      }),
    )
    expect(result).toEqual(refused('unavailable'))
    expect(took).toBeLessThanOrEqual(requestMs + 50)
  })

  it('also where commits of one session wait for one another', async () => {
    const { here, cookie } = await prepared()
    const opened = Array.from({ length: 10 }, () => open(here, cookie))
    await Promise.all(opened.map(({ session }) => session.get('n')))
    here.failing.always('hang')
    for (const [at, { session }] of opened.entries()) session.set(`k${at}`, 1)
    const { result, took } = await timed(Promise.all(opened.map(({ finish }) => finish())))
    expect(result).toEqual(opened.map(() => refused('unavailable')))
    expect(took).toBeLessThanOrEqual(requestMs + 50)
  })
})

it('one commit that hangs does not take the next of its session with it', async () => {
  const busy = busyness()
  const here = scene({ requestMs: 400 * busy })
  const cookie = await begin(scene({ around: () => here.store }), { n: 0 })
  const opened = [open(here, cookie), open(here, cookie)] as const
  await opened[0].session.get('n')
  const slow = here.gates.hold('read')
  const loading = opened[1].session.get('n')
  // A slow read has used up part of the time of the second, so that it cannot wait until the first gives up.
  await new Promise((later) => setTimeout(later, 100 * busy))
  slow.release()
  await loading
  const [stuckAt, next] = [here.gates.hold('update'), here.gates.hold('update')]
  opened[0].session.set('a', 1)
  const stuck = opened[0].finish()
  await stuckAt.reached
  opened[1].session.set('b', 1)
  const pending = opened[1].finish()
  await next.reached
  await new Promise((later) => setTimeout(later, 20))
  next.release()
  cookieOf(await pending)
  expect(await stuck).toEqual(refused('unavailable'))
  stuckAt.release()
  await stuckAt.done
  expect(await see(here, cookie)).toEqual({ n: 0, b: 1 })
})
