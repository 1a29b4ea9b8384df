import { describe, expect, it } from 'vitest'
import { type FaultClass, faultClasses } from './faults.ts'
import { type Workload, workloads } from './plan.ts'
import { tally } from './run.ts'
import {
  answerBeforeTheCopy,
  copiesInParallel,
  importAsDrawn,
  noFailoverRank,
  overwriteOlderCopies,
  supersedeNewer,
} from './simpler.ts'
import { type Build, composed } from './simulate.ts'

/** `npm run simulate -- 100000` runs more of them. */
const schedules = 15

describe('the copies of a session, over seeded schedules of the real store', () => {
  for (const faultClass of faultClasses) {
    for (const workload of workloads) {
      it(`holds I1-I5: ${faultClass}, ${workload}`, async () => {
        const { violations } = await tally(faultClass, workload, schedules)
        expect(Object.fromEntries(violations)).toEqual({})
      })
    }
  }
})

describe('what random faults and healthy copies have shown', () => {
  it.each(['home-cut', 'home-stuck', 'home-lossy'] as const)(
    'a login keeps what was acknowledged past the home: %s (F2)',
    async (faultClass) => {
      const { violations } = await tally(faultClass, 'switch', 110, undefined, 165)
      expect(Object.fromEntries(violations)).toEqual({})
    },
  )

  it.each([
    ['home-stuck', 'login', 530],
    ['home-cut', 'login', 3760],
    ['home-dying', 'switch', 265],
    ['home-dying', 'switch', 2300],
    ['home-dying', 'switch', 4760],
  ] as const)(
    'a supersession whose login is late or gone ends a session once, and for everybody: %s, %s from seed %i (F2)',
    async (faultClass, workload, first) => {
      const { violations } = await tally(faultClass, workload, 10, undefined, first)
      expect(Object.fromEntries(violations)).toEqual({})
    },
  )

  it.each([
    ['none', 'append', 400],
    ['crowd', 'append', 400],
    ['none', 'import', 100],
    ['crowd', 'import', 100],
  ] as const)('without a fault nobody is told 503: %s, %s (F3)', async (faultClass, workload, most) => {
    const { needless, violations } = await tally(faultClass, workload, most)
    expect({ needless, ...Object.fromEntries(violations) }).toEqual({ needless: 0 })
  })
})

describe('copies of copies: two nodes are the first of two copies', () => {
  const ofTwo = faultClasses.filter((faultClass) => !faultClass.startsWith('ring'))
  it.each(ofTwo)('one session comes of an old one, and keeps what was acknowledged: %s', async (faultClass) => {
    const { violations } = await tally(faultClass, 'import', faultClass === 'crowd' ? 110 : 20, composed)
    expect(Object.fromEntries(violations)).toEqual({})
  })
})

describe('simpler rules fail, so that nobody simplifies back to them', () => {
  const simpler: [string, Build, FaultClass, Workload, number][] = [
    ['answering before the copy is written', answerBeforeTheCopy, 'crash', 'append', 400],
    ['writing all copies at once', copiesInParallel, 'pause', 'append', 400],
    ['overwriting older copies', overwriteOlderCopies, 'pause', 'append', 400],
    ['no higher rank where the home was missed', noFailoverRank, 'pause', 'append', 400],
    ['bringing an old session over as if its id were drawn', importAsDrawn, 'crowd', 'import', 100],
    ['a supersession that overwrites a newer later copy', supersedeNewer, 'home-cut', 'switch', 300],
  ]
  for (const [name, build, faultClass, workload, most] of simpler) {
    it(name, async () => {
      const { violations } = await tally(faultClass, workload, most, build)
      expect([...violations.keys()]).not.toEqual([])
    })
  }
})
