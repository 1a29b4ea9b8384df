import type { UpdateResult } from '../../../src/store.ts'
import { overwrite, perKey, ticks, type WrongStore, withVersions, wrong } from './wrong.ts'

/** Mistakes in `update` and in versions. */
export const wrongUpdates: readonly WrongStore[] = [
  wrong('update creates', 'update: a deleted entry', (good) => ({
    update: async (key, value, seconds, version) => {
      const result = await good.update(key, value, seconds, version)
      return result.status === 'missing' ? (good.create(key, value, seconds) as Promise<UpdateResult>) : result
    },
  })),
  wrong('update creates, and says missing', 'update: a key never written', (good) => ({
    update: async (key, value, seconds, version) => {
      const result = await good.update(key, value, seconds, version)
      if (result.status === 'missing') await good.create(key, value, seconds)
      return result
    },
  })),
  wrong('update ignores the version', 'update: a stale version', (good) => ({
    update: async (key, value, seconds) => good.update(key, value, seconds, (await good.read(key))?.version ?? ''),
  })),
  wrong('a conflict overwrites', 'update: a stale version', (good) => ({
    update: async (key, value, seconds, version) => {
      const result = await good.update(key, value, seconds, version)
      if (result.status === 'conflict') await overwrite(good, key, value, seconds)
      return result
    },
  })),
  wrong('a conflict slides', 'update: a conflict leaves', (good) => ({
    update: async (key, value, seconds, version) => {
      await good.read(key, { touchSeconds: seconds })
      return good.update(key, value, seconds, version)
    },
  })),
  wrong('a conflict shows the rejected value as current', 'update: a stale version', (good) => ({
    update: async (key, value, seconds, version) => {
      const result = await good.update(key, value, seconds, version)
      return result.status === 'conflict' ? { ...result, current: { value, version } } : result
    },
  })),
  wrong('versions repeat', 'update: a stale version', (good) =>
    withVersions(good, { shown: (_, version) => String(Number(version) % 3) }),
  ),
  wrong('versions begin again after a delete', 'update: the version of an entry deleted', (good) =>
    withVersions(good, perKey()),
  ),
  wrong('versions are counted per key', 'update: the version of another key', (good) => withVersions(good, perKey())),
  wrong('version 0 means unconditional', 'update: a version no store', (good) => ({
    update: async (key, value, seconds, version) =>
      good.update(key, value, seconds, version === '0' ? ((await good.read(key))?.version ?? '') : version),
  })),
  wrong('a version is parsed, and a foreign one throws', 'update: a version no store', (good) => ({
    update: async (key, value, seconds, version) => good.update(key, value, seconds, String(BigInt(version))),
  })),
  wrong('update returns the former version', 'update: each version', (good) => ({
    update: async (key, value, seconds, version) => {
      const result = await good.update(key, value, seconds, version)
      return result.status === 'stored' ? { ...result, version } : result
    },
  })),
  wrong('an update takes only versions that update gave', 'update: takes the version', (good) => ({
    read: async (key, options) => {
      const entry = await good.read(key, options)
      return entry && { ...entry, version: `read:${entry.version}` }
    },
  })),
  wrong('update compares, then writes', 'update: of two', (good) => ({
    update: async (key, value, seconds, version) => {
      const entry = await good.read(key)
      await ticks()
      if (entry?.version !== version) return good.update(key, value, seconds, version)
      return { status: 'stored', version: await overwrite(good, key, value, seconds) }
    },
  })),
  wrong('an expired entry is a conflict', 'update: an expired entry', (good) => ({
    update: async (key, value, seconds, version) => {
      const result = await good.update(key, value, seconds, version)
      return result.status === 'missing' ? { status: 'conflict' } : result
    },
  })),
  wrong('update keeps the old expiry', 'update: sets the life', (good, clock) => {
    const ends = new Map<string, number>()
    const left = (key: string) => Math.max(1, Math.ceil(((ends.get(key) ?? 0) - clock.now()) / 1_000))
    return {
      create: (key, value, seconds) => {
        ends.set(key, clock.now() + seconds * 1_000)
        return good.create(key, value, seconds)
      },
      update: (key, value, _, version) => good.update(key, value, left(key), version),
    }
  }),
]
