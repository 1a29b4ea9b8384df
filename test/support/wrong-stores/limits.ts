import { maxTtlSeconds } from '../../../src/store.ts'
import { renamed, type WrongStore, withVersions, wrong } from './wrong.ts'

const outOf = (seconds: number) => !(seconds >= 1 && seconds <= maxTtlSeconds && Number.isInteger(seconds))

/** Mistakes with keys, times, signals, health, and the type of versions. */
export const wrongLimits: readonly WrongStore[] = [
  wrong('keys in lower case', 'keys: those that differ', (good) => renamed(good, (key) => key.toLowerCase())),
  wrong('keys end at 249', 'keys: 250 bytes', (good) =>
    renamed(good, (key) => (key.length > 250 ? key : key.slice(0, 249))),
  ),
  wrong('keys through a URL', 'keys: 250 bytes', (good) => renamed(good, (key) => new URL(`http://x/${key}`).pathname)),
  wrong('any key is taken', 'keys: a bad one', (good) =>
    renamed(
      good,
      (key) =>
        [...key]
          .map((character) => character.charCodeAt(0))
          .join('.')
          .slice(-250) || '-',
    ),
  ),
  wrong('bad keys throw at once', 'keys: a bad one', (good) => ({
    read: (key, options) => {
      if (!/^[!-~]{1,250}$/.test(key)) throw new RangeError('key')
      return good.read(key, options)
    },
  })),
  wrong('any time is taken', 'times: a bad one', (good) => ({
    create: (key, value, seconds) => good.create(key, value, outOf(seconds) ? 60 : seconds),
    update: (key, value, seconds, version) => good.update(key, value, outOf(seconds) ? 60 : seconds, version),
  })),
  wrong('a bad touch deletes', 'times: a bad one', (good) => ({
    read: async (key, options) => {
      if (outOf(options?.touchSeconds ?? 60)) await good.delete(key)
      return good.read(key, options)
    },
  })),
  wrong('more than 30 days is a date in 1970', 'times: up to 400', (good) => ({
    create: async (key, value, seconds) => {
      const result = await good.create(key, value, seconds)
      if (seconds > 2_592_000) await good.delete(key)
      return result
    },
  })),
  wrong('an aborted call rejects with AbortError', 'signal:', (good) => ({
    read: async (key, options) => {
      options?.signal?.throwIfAborted()
      return good.read(key, options)
    },
  })),
  wrong('an aborted call breaks the store', 'signal:', (good) => {
    let broken = false
    return {
      read: async (key, options) => {
        broken ||= options?.signal?.aborted ?? false
        if (broken) throw new Error('connection is closed')
        return good.read(key, options)
      },
    }
  }),
  wrong('check names no node', 'check:', () => ({ check: async () => ({ ready: true, nodes: [] }) })),
  wrong('check says not ready', 'check:', (good) => ({
    check: async () => ({ ready: false, nodes: (await good.check?.())?.nodes ?? [] }),
  })),
  wrong('versions are numbers', 'read: gives', (good) =>
    withVersions(good, { shown: (_, version) => Number(version) as never }),
  ),
  wrong('versions are empty', 'read: gives', (good) => withVersions(good, { shown: () => '' })),
]
