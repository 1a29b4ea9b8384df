import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import { begin, cookieOf, open, refused, run, scene, see } from './setup.ts'

/** 100 runs each: scripted, so that one would do; many, because a microtask more or less must not matter either. */
const runs = Array.from({ length: 100 }, (_, at) => at)

/** Lets some microtasks pass, a different number in every run. */
const ticks = async (count: number) => {
  for (let at = 0; at < count; at++) await Promise.resolve()
}

const logout = (at: ReturnType<typeof scene>, cookie: string) => run(at, cookie, (session) => session.destroy())

describe('a logout is final (G4)', () => {
  it('racing a slow write, held at every call it makes', async () => {
    for (const at of runs) {
      const here = scene()
      const cookie = await begin(here)
      const { session, finish } = open(here, cookie)
      if (at % 2 === 0) await session.get('userId')
      session.set('a', 1)
      const gate = here.gates.hold('update')
      const late = finish()
      await gate.reached
      await ticks(at % 7)
      expect((await logout(here, cookie)).setCookie).toContain('Max-Age=0')
      gate.release()
      expect(await late).toEqual(refused('gone'))
      expect(await here.live()).toEqual([])
      expect(await see(here, cookie)).toEqual({})
    }
  })

  it('racing a write that was stored just before', async () => {
    for (const at of runs) {
      const here = scene()
      const cookie = await begin(here)
      const gate = here.gates.hold('update', { when: 'after' })
      const late = run(here, cookie, (session) => session.set('a', 1))
      await gate.reached
      await ticks(at % 7)
      await logout(here, cookie)
      gate.release()
      // Its Set-Cookie names the dead id: acknowledged before the logout, useless after it.
      expect(await see(here, cookieOf(await late))).toEqual({})
      expect(await here.live()).toEqual([])
    }
  })

  it('racing a late read that slides the expiry', async () => {
    for (const at of runs) {
      const here = scene()
      const cookie = await begin(here)
      const gate = here.gates.hold('read', { when: at % 2 === 0 ? 'before' : 'after' })
      const late = run(here, cookie, (session) => session.get('userId'))
      await gate.reached
      await ticks(at % 7)
      await logout(here, cookie)
      gate.release()
      expect(await late).toMatchObject({ code: 'ok', setCookie: undefined })
      expect(await here.live()).toEqual([])
    }
  })

  it('racing a regenerate that has not superseded the old id yet', async () => {
    for (const at of runs) {
      const here = scene()
      const cookie = await begin(here)
      const gate = here.gates.hold(at % 2 === 0 ? 'update' : 'create')
      const isLogin = at % 3 === 0
      const late = run(here, cookie, (session) => {
        session.regenerate()
        if (isLogin) session.set('userId', 'u2')
      })
      await gate.reached
      await ticks(at % 7)
      await logout(here, cookie)
      gate.release()
      // Whoever logs in while the old session ends begins a new one, with nothing of the old (F12).
      const { code, setCookie } = await late
      expect(code).toBe('ok')
      expect(await see(here, setCookie?.split(';', 1)[0])).toEqual(isLogin ? { userId: 'u2' } : {})
      expect(await here.live()).toHaveLength(isLogin ? 1 : 0)
      expect(await see(here, cookie)).toEqual({})
    }
  })

  // Not promised: the logout meets a tombstone that names the new session by 12 bytes of its hash, too few to find it.
  it('racing a login that has superseded the old id already: the old id is dead, the new session is another one', async () => {
    const here = scene()
    const cookie = await begin(here)
    const gate = here.gates.hold('update', { when: 'after' })
    const late = run(here, cookie, (session) => session.regenerate())
    await gate.reached
    expect((await logout(here, cookie)).setCookie).toContain('Max-Age=0')
    gate.release()
    expect(cookieOf(await late)).not.toBe(cookie)
    expect(await see(here, cookie)).toEqual({})
    expect(await here.live()).toHaveLength(1)
  })

  it('racing a conflict: what is deleted between the conflict and the next attempt stays deleted', async () => {
    for (const when of ['before', 'after'] as const) {
      const here = scene({ around: withoutCurrent })
      const cookie = await begin(here)
      const { session, finish } = open(here, cookie)
      await session.get('userId')
      await run(here, cookie, (other) => other.set('b', 1))
      session.set('a', 1)
      const gate = here.gates.hold('read', { when })
      const late = finish()
      await gate.reached
      await logout(here, cookie)
      gate.release()
      expect(await late).toEqual(refused('gone'))
      expect(await here.live()).toEqual([])
    }
  })

  it('a record that was lost is not created again by a write that had loaded it', async () => {
    const here = scene()
    const cookie = await begin(here)
    const { session, finish } = open(here, cookie)
    await session.get('userId')
    await here.memory.delete(here.keys[0] as string)
    session.set('a', 1)
    expect(await finish()).toEqual(refused('gone'))
    expect(here.memory.size).toBe(0)
  })

  it('where the logout fails, it says so and leaves the cookie alone', async () => {
    for (const fault of ['throw', 'late'] as const) {
      const here = scene()
      const cookie = await begin(here)
      here.failing.fail('delete', fault)
      expect(await logout(here, cookie)).toEqual(refused('unavailable'))
      expect(Object.keys(await see(here, cookie))).toEqual(['userId'])
    }
  })

  it('where only its answer was lost, the logout is seen to have happened', async () => {
    const here = scene()
    const cookie = await begin(here)
    here.failing.fail('delete', 'applied-then-throw')
    expect((await logout(here, cookie)).setCookie).toContain('Max-Age=0')
    expect(await see(here, cookie)).toEqual({})
  })

  it('a logout that arrives late still ends the session', async () => {
    const here = scene()
    const cookie = await begin(here)
    here.failing.fail('delete', 'late')
    await logout(here, cookie)
    const next = cookieOf(await run(here, cookie, (session) => session.set('a', 1)))
    await here.failing.deliver()
    expect(await see(here, next)).toEqual({})
  })

  it('two different sessions in one request: neither is used, a logout ends both', async () => {
    const here = scene()
    const cookies = [await begin(here), await begin(here)].join('; ')
    expect(await see(here, cookies)).toEqual({})
    expect((await logout(here, cookies)).setCookie).toContain('Max-Age=0')
    expect(await here.live()).toHaveLength(0)
  })
})

/** A store that does not return the current record with a conflict, as memcached. */
function withoutCurrent(store: Store): Store {
  return {
    ...store,
    update: async (...call) => {
      const result = await store.update(...call)
      return result.status === 'conflict' ? { status: 'conflict' } : result
    },
  }
}
