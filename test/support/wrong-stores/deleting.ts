import { type WrongStore, wrong } from './wrong.ts'

/** Mistakes in `delete` and in tombstones. */
export const wrongDeletes: readonly WrongStore[] = [
  wrong('delete does nothing', 'delete: a deleted entry', () => ({ delete: async () => {} })),
  wrong('delete marks, and keeps the key', 'delete: a deleted entry', (good) => {
    const deleted = new Set<string>()
    return {
      read: async (key, options) => (deleted.has(key) ? null : good.read(key, options)),
      delete: async (key, options) => {
        if (options?.tombstone) return good.delete(key, options)
        deleted.add(key)
      },
    }
  }),
  wrong('delete takes everything', 'delete: takes an entry', (good) => ({
    delete: (key, options) => (options?.tombstone ? good.delete(key, options) : (good.close?.() ?? Promise.resolve())),
  })),
  wrong('delete of an absent key throws', 'delete: an absent', (good) => ({
    delete: async (key, options) => {
      if (!(await good.read(key))) throw new Error('not found')
      return good.delete(key, options)
    },
  })),
  wrong('tombstones are ignored', 'tombstone: takes', (good) => ({ delete: (key) => good.delete(key) })),
  wrong('tombstones only over records', 'tombstone: is left', (good) => ({
    delete: async (key, options) => good.delete(key, (await good.read(key)) ? options : {}),
  })),
  wrong('the first tombstone stays', 'tombstone: a later', (good) => ({
    delete: async (key, options) => {
      const entry = await good.read(key)
      if (entry?.value[0] !== 0) await good.delete(key, options)
    },
  })),
  wrong('a tombstone inherits the version', 'tombstone: no late update', (good) => ({
    update: async (key, value, seconds, version) => {
      const entry = await good.read(key)
      return good.update(key, value, seconds, entry?.value[0] === 0 ? entry.version : version)
    },
  })),
  wrong('tombstones last for ever', 'tombstone: lives', (good) => ({
    delete: (key, options) =>
      good.delete(
        key,
        options?.tombstone && { tombstone: { ...options.tombstone, seconds: options.tombstone.seconds * 1_000 } },
      ),
  })),
]
