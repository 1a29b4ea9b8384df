import { memoryStore } from '../../../adapters/stores/memory.ts'
import { overwrite, type WrongStore, wrong } from './wrong.ts'

/** Mistakes in `read` and in the touch. */
export const wrongReads: readonly WrongStore[] = [
  wrong('absent is undefined', 'read: an absent', (good) => ({
    read: async (key, options) => (await good.read(key, options)) ?? (undefined as unknown as null),
  })),
  wrong('read makes up a version', 'read: gives', (good) => ({
    read: async (key, options) => {
      const entry = await good.read(key, options)
      return entry && { ...entry, version: `${entry.version}!` }
    },
  })),
  wrong('an option that is undefined counts as given', 'read: options', (good) => ({
    read: async (key, options) => {
      if (options && 'touchSeconds' in options && options.touchSeconds === undefined) throw new RangeError('NaN')
      return good.read(key, options)
    },
  })),
  wrong('every read slides', 'read: does not extend', (good) => ({
    read: (key, options) => good.read(key, { touchSeconds: 3, ...options }),
  })),
  wrong('touch does nothing', 'touch: extends', (good) => ({ read: (key) => good.read(key) })),
  wrong('touch never shortens', 'touch: sets the life', (good) => ({
    read: (key, options) => good.read(key, (options?.touchSeconds ?? 60) < 60 ? {} : options),
  })),
  wrong('touch changes the version', 'touch: keeps', (good) => ({
    read: async (key, options) => {
      const entry = await good.read(key)
      if (entry && options?.touchSeconds) await overwrite(good, key, entry.value, options.touchSeconds)
      return good.read(key)
    },
  })),
  wrong('touch creates', 'touch: never creates', (good) => ({
    read: async (key, options) => {
      if (options?.touchSeconds) await good.create(key, new Uint8Array(1), options.touchSeconds)
      return good.read(key, options)
    },
  })),
  wrong('touch revives what has expired', 'touch: never brings', (good, clock) => {
    const graves = memoryStore({ now: () => clock.now() / 1_000 })
    return {
      create: async (key, value, seconds) => {
        const result = await good.create(key, value, seconds)
        if (result.status === 'stored') await overwrite(graves, key, value, 60)
        return result
      },
      read: async (key, options) => {
        const grave = options?.touchSeconds ? await graves.read(key) : null
        if (grave) await good.create(key, grave.value, options?.touchSeconds ?? 60)
        return good.read(key, options)
      },
    }
  }),
]
