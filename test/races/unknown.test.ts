import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import { begin, cookieOf, open, refused, run, scene, see } from './setup.ts'

const increment = (session: { update(key: string, recipe: (n: unknown) => unknown): Promise<void> }) =>
  session.update('n', (n) => Number(n) + 1)

describe('an update whose answer was lost', () => {
  it('is recognised as stored by reading it back: applied exactly once', async () => {
    const here = scene()
    const cookie = await begin(here, { n: 0 })
    here.failing.fail('update', 'applied-then-throw')
    const next = cookieOf(await run(here, cookie, increment))
    expect(await see(here, next)).toEqual({ n: 1 })
    // The version of the reading back is good for the next commit.
    expect(await see(here, cookieOf(await run(here, next, increment)))).toEqual({ n: 2 })
  })

  it('is 503 where it was not applied, and nothing is lost', async () => {
    const here = scene()
    const cookie = await begin(here, { n: 0 })
    here.failing.fail('update', 'throw')
    expect(await run(here, cookie, increment)).toEqual(refused('unavailable'))
    expect(await see(here, cookie)).toEqual({ n: 0 })
  })

  it('is 503 and not tried again where it cannot be read back', async () => {
    const here = scene()
    const cookie = await begin(here, { n: 0 })
    here.failing.fail('update', 'applied-then-throw')
    here.failing.fail('read', 'pass', 'throw')
    expect(await run(here, cookie, increment)).toEqual(refused('unavailable'))
    expect(await see(here, cookie)).toEqual({ n: 1 })
  })

  it.each([
    ['is stored where others have built on it', 'applied-then-throw', 'ok', 4],
    ['is 503 and not tried again where others have written without it', 'throw', 'unavailable', 3],
  ] as const)('%s: their record lists the commits it contains (F3)', async (_, fault, code, n) => {
    const here = scene()
    const other = scene({ around: () => here.gates })
    const cookie = await begin(here, { n: 0 })
    here.failing.fail('update', fault)
    const { session, finish } = open(here, cookie)
    await increment(session)
    const gate = here.gates.hold('read')
    const pending = finish()
    await gate.reached
    for (let times = 0; times < 3; times++) cookieOf(await run(other, cookie, increment))
    gate.release()
    expect(await pending).toMatchObject({ code })
    expect(await see(here, cookie)).toEqual({ n })
    // What comes next in this process builds on theirs.
    cookieOf(await run(here, cookie, increment))
    expect(await see(here, cookie)).toEqual({ n: n + 1 })
  })

  it('arriving late, it changes nothing once somebody has written', async () => {
    const here = scene()
    const cookie = await begin(here, { n: 0 })
    here.failing.fail('update', 'late')
    expect(await run(here, cookie, increment)).toEqual(refused('unavailable'))
    cookieOf(await run(here, cookie, (session) => session.set('n', 10)))
    await here.failing.deliver()
    expect(await see(here, cookie)).toEqual({ n: 10 })
  })
})

describe('a create whose answer was lost', () => {
  it('is recognised as stored', async () => {
    const here = scene()
    here.failing.fail('create', 'applied-then-throw')
    expect(await see(here, await begin(here, { n: 0 }))).toEqual({ n: 0 })
    expect(await here.live()).toHaveLength(1)
  })

  it.each(['throw', 'late', 'applied-then-throw'] as const)('leaves nothing that can be reached: %s', async (fault) => {
    const here = scene()
    here.failing.fail('create', fault)
    here.failing.fail('read', 'throw')
    const end = await run(here, undefined, (session) => session.set('n', 0))
    expect(end).toEqual(refused('unavailable'))
    expect(await here.live()).toEqual([])
    await here.failing.deliver()
    expect(await here.live()).toEqual([])
  })
})

describe('a store that returns less than it has shown', () => {
  /** Answers the next reads after a while with what it held when told to. */
  function lagging() {
    let frozen: Awaited<ReturnType<Store['read']>> | undefined
    let stale = 0
    const around = (inner: Store): Store => ({
      ...inner,
      read: async (key, options) => (stale-- > 0 && frozen ? frozen : inner.read(key, options)),
      update: async (...call) => {
        const result = await inner.update(...call)
        return result.status === 'conflict' ? { status: 'conflict' } : result
      },
    })
    return {
      around,
      freeze: async (store: Store, key: string) => {
        frozen = await store.read(key)
      },
      lag: (reads: number) => {
        stale = reads
      },
    }
  }

  async function raced(staleReads: number) {
    const replica = lagging()
    const here = scene({ around: replica.around })
    const other = scene({ around: () => here.gates })
    const cookie = await begin(here, { n: 0 })
    await replica.freeze(here.memory, here.keys[0] as string)
    cookieOf(await run(other, cookie, (session) => session.set('a', 1)))
    const { session, finish } = open(here, cookie)
    await increment(session)
    cookieOf(await run(other, cookie, (session_) => session_.set('b', 1)))
    replica.lag(staleReads)
    return { here, cookie, end: await finish() }
  }

  it('is asked again after a conflict, and the newer record is built on', async () => {
    const { here, cookie, end } = await raced(1)
    expect(end.code).toBe('ok')
    expect(await see(here, cookie)).toEqual({ n: 1, a: 1, b: 1 })
  })

  it('is 503 where it insists: building on the older would undo what this request has seen', async () => {
    const { here, cookie, end } = await raced(2)
    expect(end).toEqual(refused('unavailable'))
    expect(await see(here, cookie)).toEqual({ n: 0, a: 1, b: 1 })
  })

  it('does not hide a write from the browser that made it', async () => {
    const replica = lagging()
    const here = scene({ around: replica.around })
    const cookie = await begin(here, { n: 0 })
    await replica.freeze(here.memory, here.keys[0] as string)
    const next = cookieOf(await run(here, cookie, increment))
    replica.lag(1)
    expect(await see(here, next)).toEqual({ n: 1 })
    replica.lag(2)
    expect(await see(here, next)).toEqual({})
    expect(here.events.filter(({ type }) => type === 'rolled-back')).toHaveLength(1)
  })
})

describe('an update nobody awaits', () => {
  it('is committed', async () => {
    const here = scene()
    const cookie = await begin(here, { n: 0 })
    const { session, finish } = open(here, cookie)
    const gate = here.gates.hold('read')
    void increment(session)
    const pending = finish()
    await gate.reached
    gate.release()
    expect(await see(here, cookieOf(await pending))).toEqual({ n: 1 })
  })

  it('is not acknowledged where its load failed', async () => {
    const here = scene()
    const cookie = await begin(here, { n: 0 })
    const { session, finish } = open(here, cookie)
    here.failing.fail('read', 'throw')
    increment(session).catch(() => {})
    expect(await finish()).toEqual(refused('unavailable'))
  })

  it('applies in the order of the calls', async () => {
    const here = scene()
    const cookie = await begin(here, { n: 0 })
    const end = await run(here, cookie, (session) => {
      void increment(session)
      session.set('n', 10)
    })
    expect(await see(here, cookieOf(end))).toEqual({ n: 10 })
  })
})
