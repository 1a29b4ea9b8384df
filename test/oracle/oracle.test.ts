import { describe, expect, it } from 'vitest'
import type { Store } from '../../src/index.ts'
import type { Violation } from './judge.ts'
import { type Habit, habits, type Place, places } from './plan.ts'
import { oracle, tally } from './run.ts'

/** `node test/oracle/run.ts 2000`, after a build, runs more of them. */
const seeds = 40

const modes: readonly (readonly [Place, Habit])[] = habits.flatMap((habit) =>
  places.map((place) => [place, habit] as const),
)

describe('visitors of the real sessions, over stores that fail at random, see what was promised', () => {
  it.each(modes)(
    'nothing acknowledged is lost or doubled, nothing flickers, the dead stay dead: %s, %s',
    async (...mode) => {
      const { violations } = await tally(...mode, seeds)
      expect([...violations]).toEqual([])
    },
  )

  it('a login that gave up while the home failed ends the session once, and for everybody (F2)', async () => {
    expect((await oracle(180, 'home only', 'logins')).findings).toEqual([])
  })
})

describe('the oracle sees it where a store breaks its promises', () => {
  const spoils: [what: string, violations: readonly Violation[], spoil: (store: Store) => Store][] = [
    [
      'overwrites what it was not told of',
      ['lost-write', 'flicker'],
      (store) => ({
        ...store,
        async update(key, value, seconds) {
          const now = await store.read(key)
          return now ? store.update(key, value, seconds, now.version) : { status: 'missing' }
        },
      }),
    ],
    [
      'applies a change and calls it a conflict',
      ['double-write'],
      (store) => ({
        ...store,
        async update(key, value, seconds, version) {
          const result = await store.update(key, value, seconds, version)
          return result.status === 'stored' && (value[20] as number) < 64 ? { status: 'conflict' } : result
        },
      }),
    ],
    [
      'forgets an end',
      ['resurrection'],
      (store) => ({
        ...store,
        async delete(key, options) {
          if (!options?.tombstone) await store.delete(key, options)
        },
      }),
    ],
    ['forgets a session', ['lost-session'], (store) => ({ ...store, read: async () => null })],
    [
      'gives back what was there before',
      ['lost-write'],
      (store) => {
        const before = new Map<string, Uint8Array>()
        return {
          ...store,
          async read(key, options) {
            const entry = await store.read(key, options)
            const old = before.get(key)
            if (entry) before.set(key, entry.value)
            return entry && old && (entry.value[20] as number) < 64 ? { ...entry, value: old } : entry
          },
        }
      },
    ],
  ]
  for (const [what, wrongs, spoil] of spoils) {
    it(`${what}: ${wrongs.join(', ')}`, async () => {
      const { violations } = await tally('one copy', 'logins', 10, spoil)
      expect([...violations.keys()]).toEqual(expect.arrayContaining([...wrongs]))
    })
  }
})
