import { describe, expect, it } from 'vitest'
import type { Kit } from '../support/app.ts'
import type { End } from './setup.ts'
import { begin, cookieOf, open, refused, run, scene, see } from './setup.ts'

const login = (here: Kit, cookie: string) =>
  run(here, cookie, (session) => {
    session.regenerate({ reauthenticated: true })
    session.set('userId', 'u1')
  })

/** Every answer is a login that works, whichever reaches the browser last; one of them has taken the cart along. */
async function expectLogins(here: Kit, old: string, ends: readonly End[]): Promise<void> {
  const found = await Promise.all(ends.map((end) => see(here, cookieOf(end))))
  const [winners, others] = [found.filter(({ cart }) => cart), found.filter(({ cart }) => !cart)]
  expect(winners).toEqual([{ cart: [1], userId: 'u1' }])
  expect(others).toEqual(others.map(() => ({ userId: 'u1' })))
  expect(new Set(ends.map(cookieOf)).size).toBe(ends.length)
  expect(await see(here, old)).toEqual({})
}

describe('of many logins each works, and exactly one takes the data along (F12)', () => {
  it('20 in lockstep, all held before they supersede until the last has come', async () => {
    const here = scene()
    const old = await begin(here, { cart: [1] })
    const opened = Array.from({ length: 20 }, () => open(here, old))
    // Loaded first, and each in a process of its own: without its lane they all come to supersede.
    await Promise.all(opened.map(({ session }) => session.get('cart')))
    const ends = await Promise.all(
      opened.map(({ session, finish }) => {
        session.regenerate({ reauthenticated: true })
        session.set('userId', 'u1')
        return finish()
      }),
    )
    await expectLogins(here, old, ends)
    expect(await here.live()).toHaveLength(20)
  })

  it('20 processes that all supersede at once', async () => {
    const here = scene()
    const old = await begin(here, { cart: [1] })
    const processes = Array.from({ length: 20 }, () => scene({ around: () => here.gates }))
    const gates = processes.map(() => here.gates.hold('update'))
    const pending = processes.map((at) => login({ ...at, keys: here.keys }, old))
    await Promise.all(gates.map(({ reached }) => reached))
    expect(here.memory.size).toBe(21)
    for (const { release } of gates.toReversed()) release()
    const ends = await Promise.all(pending)
    await expectLogins(here, old, ends)
  })

  it('20 spread over 100 ms', async () => {
    const here = scene()
    const old = await begin(here, { cart: [1] })
    const ends = Array.from({ length: 20 }, async (_, at) => {
      await new Promise((later) => setTimeout(later, at * 5))
      return login(here, old)
    })
    await expectLogins(here, old, await Promise.all(ends))
  })

  it('a recipe of the one that came too late starts from nothing, and what it had read is not in its session', async () => {
    const here = scene()
    const old = await begin(here, { cart: [1], secret: 1 })
    const { session, finish } = open(here, old)
    await session.all()
    session.regenerate()
    await session.update('cart', (cart = []) => [...(cart as number[]), 2])
    cookieOf(await login(here, old))
    expect(await see(here, cookieOf(await finish()))).toEqual({ cart: [2] })
  })

  it('what could be taken only once is not taken twice: of two logins by one state the later is a conflict', async () => {
    const [here, there] = twoProcesses()
    const old = await begin(here, { state: 's', cart: [1] })
    const opened = [open(here, old), open(there, old)] as const
    for (const { session } of opened) {
      expect(await session.pull('state')).toBe('s')
      session.regenerate()
      session.set('userId', 'u1')
    }
    const first = cookieOf(await opened[0].finish())
    expect(await opened[1].finish()).toEqual(refused('conflict'))
    expect(await see(here, first)).toEqual({ cart: [1], userId: 'u1' })
    // By a state of its own it may.
    const late = open(here, old)
    late.session.set('state', 'mine')
    expect(await late.session.pull('state')).toBe('mine')
    late.session.regenerate()
    late.session.set('userId', 'u1')
    expect(await see(here, cookieOf(await late.finish()))).toEqual({ userId: 'u1' })
  })
})

describe('a regenerate and other requests', () => {
  it('the old id is dead at once: no request that starts after the answer sees it', async () => {
    const here = scene()
    const old = await begin(here)
    const gate = here.gates.hold('update')
    const pending = login(here, old)
    await gate.reached
    expect(await see(here, old)).toEqual({ userId: 'u1' })
    gate.release()
    cookieOf(await pending)
    expect(await see(here, old)).toEqual({})
  })

  it('a cart written in another tab while the supersession is held does not fail the login, and is not lost', async () => {
    const [here, tab] = twoProcesses()
    const old = await begin(here, { cart: [1] })
    const gate = here.gates.hold('update')
    const pending = login(here, old)
    await gate.reached
    cookieOf(await run(tab, old, (session) => session.update('cart', (cart) => [...(cart as number[]), 2])))
    gate.release()
    expect(await see(here, cookieOf(await pending))).toEqual({ cart: [1, 2], userId: 'u1' })
    expect(await here.live()).toHaveLength(1)
  })

  it('a write that loads before and commits after the supersession is refused', async () => {
    const here = scene()
    const old = await begin(here)
    const { session, finish } = open(here, old)
    await session.update('cart', () => [1])
    cookieOf(await login(here, old))
    expect(await finish()).toEqual(refused('gone'))
    expect(await here.live()).toHaveLength(1)
  })

  it('a key that the login looked at and set is guarded like any other', async () => {
    const [here, tab] = twoProcesses()
    const old = await begin(here, { cart: [1] })
    const { session, finish } = open(here, old)
    session.set('cart', [...((await session.get('cart')) as number[]), 9])
    session.regenerate()
    const gate = here.gates.hold('update')
    const pending = finish()
    await gate.reached
    cookieOf(await run(tab, old, (other) => other.set('cart', [5])))
    gate.release()
    expect(await pending).toEqual(refused('conflict'))
    expect(await see(here, old)).toEqual({ cart: [5] })
    expect(await here.live()).toEqual([here.keys[0]])
  })

  it('an endless stream of writes ends in a conflict, with nothing left behind', async () => {
    const [here, tab] = twoProcesses()
    const old = await begin(here, { n: 0 })
    const { session, finish } = open(here, old)
    session.regenerate()
    let gate = here.gates.hold('update')
    const pending = finish()
    // 16 supersessions, and 15 times the new session is written again in between.
    for (let n = 1; n <= 31; n++) {
      await gate.reached
      cookieOf(await run(tab, old, (other) => other.set('n', n)))
      const held = gate
      gate = here.gates.hold('update')
      held.release()
    }
    gate.release()
    expect(await pending).toEqual(refused('conflict'))
    expect(await here.live()).toEqual([here.keys[0]])
  })
})

describe('a login that cannot finish', () => {
  it.each(['throw', 'late', 'hang'] as const)(
    'leaves 0 live sessions it made, where the supersession meets %s',
    async (fault) => {
      const here = scene({ requestMs: 200 })
      const old = await begin(here, { cart: [1] })
      here.failing.fail('update', fault)
      expect(await login(here, old)).toEqual(refused('unavailable'))
      expect(await here.live()).toEqual([here.keys[0]])
      await here.failing.deliver()
      expect((await here.live()).length).toBeLessThanOrEqual(1)
      for (const key of here.keys.slice(1)) expect(await here.live()).not.toContain(key)
    },
  )

  it('is a login where the old session was superseded and only the answer was lost', async () => {
    const here = scene()
    const old = await begin(here, { cart: [1] })
    here.failing.fail('update', 'applied-then-throw')
    expect(await see(here, cookieOf(await login(here, old)))).toEqual({ cart: [1], userId: 'u1' })
    expect(await here.live()).toHaveLength(1)
  })

  it('is none where the outcome of the supersession cannot be read back: both ids are dead', async () => {
    const here = scene()
    const old = await begin(here, { cart: [1] })
    here.failing.fail('update', 'applied-then-throw')
    here.failing.fail('read', 'pass', 'throw')
    expect(await login(here, old)).toEqual(refused('unavailable'))
    expect(await here.live()).toEqual([])
  })

  it('is none where a logout overwrote the supersession before it was read back', async () => {
    const here = scene()
    const old = await begin(here, { cart: [1] })
    here.failing.fail('update', 'applied-then-throw')
    const { session, finish } = open(here, old)
    await session.get('cart')
    session.regenerate()
    const gate = here.gates.hold('read')
    const pending = finish()
    await gate.reached
    await run(here, old, (other) => other.destroy())
    gate.release()
    expect(await pending).toEqual(refused('unavailable'))
    expect(await here.live()).toEqual([])
  })
})

/** Two processes on one store: the lane of the one does not order the other. */
function twoProcesses(): [Kit, Kit] {
  const here = scene()
  return [here, scene({ around: () => here.gates })]
}
