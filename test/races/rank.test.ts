import { expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import { createSessions, revisionOf, type Store } from '../../src/index.ts'

/**
 * A composition that misses a home asks for a revision ahead of the clock. Kept for a newer base, where the home may be back, that
 * rank once outranked another process's acknowledged change (found by simulation: pause, append, seed 2201).
 */
it('a rank that was asked for on one base is not kept for the next', async () => {
  const memory = memoryStore()
  const now = Date.now()
  const revisions: number[] = []
  const answers = ['outranked', 'conflict'] as const
  const store: Store = {
    ...memory,
    async update(key, value, ...rest) {
      const answer = answers[revisions.push(revisionOf(value)) - 1]
      if (answer === 'outranked') return { status: 'outranked', revision: now + 2000 }
      return answer === 'conflict' ? { status: 'conflict' } : memory.update(key, value, ...rest)
    },
  }
  const sessions = createSessions<{ n: number }>({ store, secret: 'k8Jw0sPz1mQv7Xc3Rt5Yb9Nd2Fh4Lg6A', now: () => now })
  const first = sessions.open(null)
  first.session.set('n', 1)
  const { setCookie } = await first.commit()
  const second = sessions.open(setCookie?.split(';')[0])
  second.session.set('n', 2)
  await second.commit()
  expect(revisions.map((revision) => revision - now)).toEqual([1, 2000, 1])
})
