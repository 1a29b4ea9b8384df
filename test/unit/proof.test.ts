import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { createSessions, type Store } from '../../src/index.ts'
import { commitOf, openRecord, type SessionRecord } from '../../src/record/record.ts'
import { secret } from '../support/app.ts'
import { fakeClock } from '../support/clock.ts'
import { forge } from '../support/forge.ts'

/** A site that shows every record it stores, opened. */
async function site(maxBytes?: number) {
  const clock = fakeClock()
  const forged = await forge(clock.now())
  const memory = memoryStore({ now: clock.now })
  const records: (SessionRecord & { readonly own: string })[] = []
  const store: Store = {
    ...memory,
    async update(key, value, ...rest) {
      const opened = await openRecord(forged.ring, forged.identity, value)
      if (opened.status === 'record') records.push({ ...opened.record, own: commitOf(value) })
      return memory.update(key, value, ...rest)
    },
  }
  const sessions = createSessions<{ n: number }>({ store, secret, now: clock.now, maxBytes })
  const change = async (n: number) => {
    const { session, commit } = sessions.open(forged.cookie)
    session.set('n', n)
    return commit()
  }
  return { clock, memory, forged, records, change, sessions }
}

describe('a record lists the commits it builds on (F3)', () => {
  it('newest first, sixteen at most', async () => {
    const { memory, forged, records, change, clock } = await site()
    await forged.put(memory, await forged.sealData('{}'))
    for (let n = 1; n <= 20; n++) {
      clock.advance(100)
      await change(n)
    }
    const own = records.map((record) => record.own)
    expect(records[4]?.commits).toBe(own.slice(0, 4).toReversed().join(''))
    expect(records[19]?.commits).toBe(own.slice(3, 19).toReversed().join(''))
  })

  it('that are recent enough for somebody to be in doubt about them: who writes alone pays no byte', async () => {
    const { memory, forged, records, change, clock } = await site()
    await forged.put(memory, await forged.sealData('{}'))
    for (const n of [1, 2, 3]) {
      clock.advance(3001)
      await change(n)
    }
    expect(records.map(({ commits }) => commits)).toEqual([undefined, undefined, undefined])
  })

  it('where there is room: a list that does not fit is left out, and the change is stored', async () => {
    const { memory, forged, records, change } = await site(60)
    await forged.put(memory, await forged.sealData('{}'))
    for (const n of [1, 2]) await change(n)
    expect(records.map(({ commits, data }) => [commits, data.get('n')])).toEqual([
      [undefined, 1],
      [undefined, 2],
    ])
  })

  it.each(['', 'short', 'exactly8!', 7, null, ['AAAAAAAA']])(
    'a list that is none of ours is no list: %j',
    async (list) => {
      const { memory, forged, records, change, sessions } = await site()
      const { until } = forged
      await forged.put(memory, await forged.seal(JSON.stringify({ created: 1, until, data: { n: 1 }, commits: list })))
      expect(await sessions.open(forged.cookie).session.get('n')).toBe(1)
      await change(2)
      expect(records).toHaveLength(1)
      expect(records[0]?.extra).toEqual({})
    },
  )
})
