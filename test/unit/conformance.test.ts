import { describe, expect, it } from 'vitest'
import { memoryStore } from '../../adapters/stores/memory.ts'
import type { Store } from '../../src/store.ts'
import { storeCases } from '../conformance/index.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'
import { wrongStores } from '../support/wrong-stores.ts'

/** The names of the cases that this store fails; each case gets a store of its own. */
async function failing(build: (clock: FakeClock) => Store): Promise<string[]> {
  const names: string[] = []
  for (const { name, run } of storeCases) {
    const clock = fakeClock()
    await run(build(clock), clock).catch(() => names.push(name))
  }
  return names
}

describe('the store cases', () => {
  it('have names of their own', () => {
    const names = storeCases.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('pass on a good store', async () => {
    expect(await failing(({ now }) => memoryStore({ now }))).toEqual([])
  })

  it('pass where the store has no check, no close and no current value to show', async () => {
    const bare = ({ now }: FakeClock): Store => {
      const { read, create, update, delete: remove } = memoryStore({ now })
      return {
        name: 'bare',
        read,
        create,
        delete: remove,
        update: async (...call) => {
          const result = await update(...call)
          return result.status === 'conflict' ? { status: 'conflict' } : result
        },
      }
    }
    expect(await failing(bare)).toEqual([])
  })
})

describe('the suite has teeth', () => {
  const caught = new Map<string, readonly string[]>()

  it.each(wrongStores)('$mistake', async ({ mistake, caughtBy, build }) => {
    const names = await failing(build)
    caught.set(mistake, names)
    expect(names.filter((name) => name.startsWith(caughtBy))).not.toEqual([])
  })

  it('every case fails on some wrong store', () => {
    const failed = new Set([...caught.values()].flat())
    expect(storeCases.map(({ name }) => name).filter((name) => !failed.has(name))).toEqual([])
  })
})
