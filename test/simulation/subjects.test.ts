import { describe, expect, it } from 'vitest'
import { type Call, checkSubjects, type Life } from './subjects/checker.ts'
import { marked } from './subjects/mark.ts'
import { makeSubjectPlan, subjectFaults } from './subjects/plan.ts'
import { tallySubjects } from './subjects/run.ts'
import { simulateSubject } from './subjects/simulate.ts'

/** `npm run simulate:subjects -- 10000` runs more of them. */
const schedules = 40

describe('the sessions of a subject, over seeded schedules of the real lists and copies', () => {
  for (const fault of subjectFaults) {
    it(`none is admitted after its revocation, none is lost, every login is listed: ${fault} (C23)`, async () => {
      const { violations } = await tallySubjects(fault, schedules)
      expect(Object.fromEntries(violations)).toEqual({})
    })
  }
})

it('the simpler rule fails: a mark of revocation, and none means not revoked (C23)', async () => {
  const { violations } = await tallySubjects('evict-all', 200, marked)
  expect([...violations.keys()]).toContain('admitted')
})

describe('a list that is lost with all its copies', () => {
  it.each([227, 377, 455])(
    'may stay by a read that has just found it, with nobody on it who was revoked: seed %i (C23)',
    async (seed) => {
      expect([...checkSubjects(await simulateSubject(seed, makeSubjectPlan(seed, 'evict-all')))]).toEqual([])
    },
  )

  const base = { process: 0, at: 0, think: 0, pick: 0 }
  const login: Call = { ...base, kind: 'login', called: 0, returned: 10, outcome: 'ok' }
  const life: Life = { login }
  login.life = life
  const look = (called: number, outcome: 'ok' | 'dead'): Call => {
    return { ...base, kind: 'read', called, returned: called + 10, outcome, life }
  }
  const check = (...calls: Call[]) => [
    ...checkSubjects({ calls: [login, ...calls], counts: [], lostAt: 100, trace: [] }),
  ]

  it('comes back only by what was under way when it was lost', () => {
    expect(check(look(95, 'ok'), look(101, 'dead'), look(130, 'ok'))).toEqual([])
    expect(check(look(95, 'ok'), look(106, 'dead'), look(130, 'ok'))).toEqual(['came-back'])
    expect(check(look(101, 'dead'), look(130, 'ok'))).toEqual(['came-back'])
    const revoke: Call = { ...base, kind: 'revoke', called: 20, returned: 30, outcome: 'ok' }
    expect(check(revoke, look(95, 'dead'), look(130, 'ok'))).toContain('admitted')
  })
})
