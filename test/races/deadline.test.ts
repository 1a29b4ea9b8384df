import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isTombstone } from '../../src/record/tombstone.ts'
import { begin, cookieOf, open, refused, run, scene, timed } from './setup.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const requestMs = 500
type Handler = (session: ReturnType<typeof open>['session']) => unknown
const readFirst: Handler = (session) => session.get('n').catch(() => {})

const handlers: [string, Handler][] = [
  ['a read', readFirst],
  ['a write', (session) => session.set('n', 1)],
  ['a login', (session) => session.regenerate()],
  ['a logout', (session) => session.destroy()],
]

describe('a store that hangs: every request ends within requestMs + 50 (F10)', () => {
  it.each(handlers)('%s without a session', async (_, handler) => {
    const here = scene({ requestMs })
    here.failing.always('hang')
    expect((await timed(run(here, undefined, handler))).took).toBeLessThanOrEqual(requestMs + 50)
  })

  it.each(handlers)('%s with one', async (_, handler) => {
    const here = scene({ requestMs })
    const cookie = await begin(here, { n: 0 })
    here.failing.always('hang')
    expect((await timed(run(here, cookie, handler))).took).toBeLessThanOrEqual(requestMs + 50)
  })

  it.each(['create', 'update', 'delete'] as const)('a login, from its %s on', async (verb) => {
    const here = scene({ requestMs })
    const cookie = await begin(here, { n: 0 })
    here.failing.fail(verb, 'hang', 'hang')
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
})

it('what nobody was told of is taken back within the time of the request (F10)', async () => {
  const here = scene({ requestMs })
  const cookie = await begin(here, { n: 0 })
  here.failing.fail('update', 'hang')
  const { result, took } = await timed(run(here, cookie, (session) => session.regenerate()))
  expect(result).toEqual(refused('unavailable'))
  expect(took).toBeLessThanOrEqual(requestMs)
  expect(await here.live()).toEqual([here.keys[0]])
  const [, created] = here.keys
  expect(isTombstone((await here.memory.read(created as string))?.value as Uint8Array)).toBe(true)
})

describe('an event loop that was busy (F9)', () => {
  /** The clocks go on, and nothing runs meanwhile. */
  function block(ms: number): void {
    const before = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => before() + ms)
  }
  afterEach(() => void vi.restoreAllMocks())

  it('takes nothing from what a request may spend on its store', async () => {
    const here = scene({ requestMs })
    const cookie = await begin(here, { n: 0 })
    const slow = here.gates.hold('read')
    const { session, finish } = open(here, cookie)
    const reading = session.get('n')
    await slow.reached
    block(2000)
    await vi.advanceTimersByTimeAsync(60)
    slow.release()
    expect(await reading).toBe(0)
    session.set('n', 1)
    cookieOf(await finish())
  })

  it('ends no request whose store answers soon after', async () => {
    const here = scene({ requestMs })
    const cookie = await begin(here, { n: 0 })
    const slow = here.gates.hold('read')
    const reading = open(here, cookie).session.get('n')
    await slow.reached
    block(10_000)
    await vi.advanceTimersByTimeAsync(400)
    slow.release()
    expect(await reading).toBe(0)
  })

  it('does not keep a request for ever that the store never answers', async () => {
    const here = scene({ requestMs })
    const cookie = await begin(here, { n: 0 })
    const asked = here.gates.hold('read')
    const reading = open(here, cookie)
      .session.get('n')
      .catch((error: unknown) => error)
    await asked.reached
    await vi.advanceTimersByTimeAsync(10)
    block(10_000)
    await vi.advanceTimersByTimeAsync(requestMs + 50)
    expect(await Promise.race([reading, Promise.resolve('pending')])).toMatchObject({ code: 'unavailable' })
  })
})
