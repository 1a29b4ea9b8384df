import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { replicatedStore } from '../../adapters/stores/replicated.ts'
import { StoreUnavailableError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { kit, tokenOf } from '../support/app.ts'
import { oldSessions } from '../support/old-sessions.ts'
import { wrapStore } from '../support/stores.ts'

const id = 'Xw1p9dKq3vTz7LmN0bRsYfGhJ2cE4uAa'
const sidOf = (setCookie: string | undefined) =>
  JSON.parse(Buffer.from(tokenOf(setCookie).split('.')[1] as string, 'base64url').toString()).sid

/** A small generator of numbers, so that a seed gives the same weather again. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0
    return (state >>> 0) / 2 ** 32
  }
}

/** As one process sees one copy: answers come late, and in turns that nobody foresees; while it is `sick` some are lost, before or after. */
function weather(store: Store, random: () => number, isSick: () => boolean): Store {
  const turn = async () => {
    for (let turns = Math.floor(random() * 6); turns > 0; turns--) await Promise.resolve()
    if (random() < 0.2) await new Promise((wake) => setImmediate(wake))
  }
  const lost = () => {
    if (isSick() && random() < 0.5) throw new StoreUnavailableError('lost on the way')
  }
  return wrapStore(store, async (call) => {
    await turn()
    lost()
    const result = await call.apply()
    await turn()
    lost()
    return result
  })
}

describe.each([2, 3])('first requests at once to processes with %i copies', (copies) => {
  it.each([
    ['in health', false],
    ['while one copy loses calls', true],
  ])('are one session that loses nothing and ends once, %s (G3, G4)', async (_, hasFaults) => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = numbers(seed)
      const stores = Array.from({ length: copies }, () => memoryStore())
      const sick = hasFaults ? Math.floor(random() * copies) : -1
      let isOver = false
      const old = oldSessions()
      const cookie = old.login(id, { user: 'alice', cart: [] })
      const processes = Array.from({ length: 3 }, () => {
        const members = stores.map((store, at) => weather(store, random, () => at === sick && !isOver))
        return kit({
          legacy: old.legacy,
          store: replicatedStore({ stores: members }),
          now: Date.now,
          requestMs: 20_000,
        })
      })
      const added: number[] = []
      const sids = new Set<string>()
      const request = async (at: number) => {
        const { session, commit } = (processes[at % 3] as (typeof processes)[0]).sessions.open(cookie)
        await session.update('cart', (cart = []) => [...cart, at])
        sids.add(sidOf((await commit()).setCookie))
        added.push(at)
      }
      const outcomes = await Promise.allSettled(Array.from({ length: 9 }, (_, at) => request(at)))
      const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []))
      expect([seed, refused.filter((code) => code !== 'unavailable')]).toEqual([seed, []])
      if (!hasFaults) expect([seed, added.length]).toEqual([seed, 9])
      isOver = true
      // Whatever was acknowledged is there, once, whoever looks; all that were answered have the same session.
      for (const { sessions } of processes) {
        const { session, commit } = sessions.open(cookie)
        const cart: number[] = await session.get('cart')
        expect([seed, added.filter((one) => cart.filter((other) => other === one).length !== 1)]).toEqual([seed, []])
        sids.add(sidOf((await commit()).setCookie))
      }
      expect([seed, sids.size]).toEqual([seed, 1])
      const { session, commit } = (processes[0] as (typeof processes)[0]).sessions.open(cookie)
      session.destroy()
      await commit()
      old.login(id, { user: 'alice', cart: [] })
      for (const { sessions } of processes)
        expect([seed, await sessions.open(cookie).session.all()]).toEqual([seed, {}])
      for (const { store } of processes) await store.close?.()
    }
  })
})

it('one that is brought late does not undo what was changed meanwhile past a copy that was away (G3)', async () => {
  const stores = [memoryStore(), memoryStore()] as const
  const old = oldSessions()
  const cookie = old.login(id, { cart: [] })
  const held = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  const late = oldSessions({
    async read() {
      reached.resolve()
      await held.promise
      return { cart: [] }
    },
  })
  // Nobody's writes reach the second copy.
  const cutOff = wrapStore(stores[1], async (call) => {
    if (call.verb === 'read' || call.verb === 'close') return call.apply()
    throw new StoreUnavailableError('cut off')
  })
  const first = kit({ legacy: old.legacy, store: replicatedStore({ stores: [stores[0], cutOff] }), now: Date.now })
  const second = kit({ legacy: late.legacy, store: replicatedStore({ stores }), now: Date.now })
  const slow = second.sessions.open(cookie).session.get('cart')
  await reached.promise
  await first.browser(cookie).visit((session) => session.set('cart', ['tea']))
  await new Promise((wake) => setTimeout(wake, 5))
  held.resolve()
  expect(await slow).toEqual(['tea'])
  expect(await second.browser(cookie).visit((session) => session.get('cart'))).toEqual(['tea'])
  await first.store.close?.()
})
