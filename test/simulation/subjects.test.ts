import { describe, expect, it } from 'vitest'
import { marked } from './subjects/mark.ts'
import { subjectFaults } from './subjects/plan.ts'
import { tallySubjects } from './subjects/run.ts'

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
