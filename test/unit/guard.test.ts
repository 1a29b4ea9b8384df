import { describe, expect, it } from 'vitest'
import { Guard } from '../../src/record/guard.ts'
import type { SessionData } from '../../src/record/journal.ts'
import type { Json } from '../../src/record/json.ts'

const map = (data: Record<string, Json>): SessionData => new Map(Object.entries(data))

describe('Guard', () => {
  const holds = (steps: (guard: Guard) => void, seen: Record<string, Json>, newer: Record<string, Json>) => {
    const guard = new Guard()
    steps(guard)
    return guard.holds(map(seen), map(newer))
  }

  it('lets everything pass that was only seen or only overwritten', () => {
    expect(holds((guard) => guard.see('a'), { a: 1 }, { a: 2 })).toBe(true)
    expect(holds((guard) => guard.seeAll(), { a: 1 }, { a: 2 })).toBe(true)
    expect(holds((guard) => guard.overwrite('a'), { a: 1 }, { a: 2 })).toBe(true)
    expect(holds((guard) => guard.overwriteAll(), { a: 1 }, { a: 2 })).toBe(true)
  })

  it('guards what was seen and then overwritten, in this order', () => {
    const seenThenSet = (guard: Guard) => {
      guard.see('a')
      guard.overwrite('a')
    }
    const setThenSeen = (guard: Guard) => {
      guard.overwrite('a')
      guard.see('a')
    }
    expect(holds(seenThenSet, { a: 1 }, { a: 2 })).toBe(false)
    expect(holds(seenThenSet, { a: 1 }, {})).toBe(false)
    expect(holds(seenThenSet, {}, { a: null })).toBe(false)
    expect(holds(seenThenSet, { a: 1 }, { a: 1, b: 2 })).toBe(true)
    expect(holds(setThenSeen, { a: 1 }, { a: 2 })).toBe(true)
  })

  it('guards any key after all, and all keys after all and clear', () => {
    const allThenSet = (guard: Guard) => {
      guard.seeAll()
      guard.overwrite('new')
    }
    const allThenClear = (guard: Guard) => {
      guard.seeAll()
      guard.overwriteAll()
    }
    expect(holds(allThenSet, {}, { new: 1 })).toBe(false)
    expect(holds(allThenSet, { a: 1 }, { a: 2 })).toBe(true)
    expect(holds(allThenClear, { a: 1 }, { a: 1, b: 1 })).toBe(false)
    expect(holds(allThenClear, { a: 1 }, { a: 1 })).toBe(true)
  })

  it('guards the seen keys when all are cleared', () => {
    const seenThenClear = (guard: Guard) => {
      guard.see('a')
      guard.overwriteAll()
    }
    expect(holds(seenThenClear, { a: 1, b: 1 }, { a: 2, b: 1 })).toBe(false)
    expect(holds(seenThenClear, { a: 1, b: 1 }, { a: 1, b: 2 })).toBe(true)
  })
})
