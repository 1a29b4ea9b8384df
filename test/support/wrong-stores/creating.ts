import { memoryStore } from '../../../adapters/stores/memory.ts'
import { overwrite, ticks, type WrongStore, wrong } from './wrong.ts'

/** Mistakes in `create` and in the expiry. */
export const wrongCreates: readonly WrongStore[] = [
  wrong('create overwrites', 'create: taken leaves the other value', (good) => ({
    create: async (key, value, seconds) => ({ status: 'stored', version: await overwrite(good, key, value, seconds) }),
  })),
  wrong('a refused create changes the version', 'create: taken leaves the other value', (good) => ({
    create: async (key, value, seconds) => {
      const entry = await good.read(key)
      if (entry) await overwrite(good, key, entry.value, seconds)
      return good.create(key, value, seconds)
    },
  })),
  wrong('a refused create slides', 'create: taken leaves the life', (good) => ({
    create: async (key, value, seconds) => {
      await good.read(key, { touchSeconds: seconds })
      return good.create(key, value, seconds)
    },
  })),
  wrong('nothing expires', 'create: the entry lives', () => memoryStore({ now: () => 0 })),
  wrong('expired entries are taken', 'create: stores where', (good) => {
    const taken = new Set<string>()
    return {
      create: async (key, value, seconds) => {
        if (taken.has(key)) return { status: 'taken' }
        taken.add(key)
        return good.create(key, value, seconds)
      },
      delete: (key, options) => {
        taken.delete(key)
        return good.delete(key, options)
      },
    }
  }),
  wrong('seconds taken for milliseconds', 'create: the entry lives', (_, clock) => {
    return memoryStore({ now: () => clock.now() * 1_000 })
  }),
  wrong('create asks first, then writes', 'create: of 20', (good) => ({
    create: async (key, value, seconds) => {
      if (await good.read(key)) return { status: 'taken' }
      await ticks()
      return { status: 'stored', version: await overwrite(good, key, value, seconds) }
    },
  })),
]
