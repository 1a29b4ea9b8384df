import { recoded, type WrongStore, wrong } from './wrong.ts'

/** Mistakes with the bytes. */
export const wrongBytes: readonly WrongStore[] = [
  wrong('bytes through a UTF-8 string', 'bytes: every byte', (good) =>
    recoded(good, (bytes) => new TextEncoder().encode(new TextDecoder().decode(bytes))),
  ),
  wrong('NUL ends the value', 'bytes: every byte', (good) =>
    recoded(good, (bytes) => bytes.slice(0, (bytes.indexOf(0, 24) + 1 || bytes.length + 1) - 1)),
  ),
  wrong('padding to four bytes', 'bytes: a value of one byte', (good) =>
    recoded(good, (bytes) => {
      const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4)
      padded.set(bytes)
      return padded
    }),
  ),
  wrong('values end at 65,535 bytes', 'bytes: values up to', (good) =>
    recoded(good, (bytes) => bytes.slice(0, 65_535)),
  ),
  wrong('a value too large drops the old one', 'bytes: a value too large', (good) => ({
    update: async (key, value, seconds, version) => {
      if (value.length > 1_000_000) await good.delete(key)
      return good.update(key, value, seconds, version)
    },
  })),
  wrong('a value too large is cut', 'bytes: a value too large', (good) =>
    recoded(good, (bytes) => bytes.slice(0, 1_000_000)),
  ),
  wrong('the whole buffer of a view is stored', 'bytes: a view', (good) =>
    recoded(good, (bytes) => new Uint8Array(bytes.buffer as ArrayBuffer)),
  ),
  wrong('bytes handed in are kept', 'bytes: what was handed in', (good) => {
    const kept = new Map<string, Uint8Array>()
    return recoded(
      good,
      (bytes, key) => {
        kept.set(key, bytes)
        return bytes
      },
      (bytes, key) => kept.get(key)?.slice() ?? bytes,
    )
  }),
  wrong('bytes handed out are shared', 'bytes: what was handed out', (good) => {
    const shared = new Map<string, Uint8Array>()
    return {
      read: async (key, options) => {
        const entry = await good.read(key, options)
        if (!entry) return null
        const id = `${key} ${entry.version}`
        shared.set(id, shared.get(id) ?? entry.value)
        return { ...entry, value: shared.get(id) as Uint8Array }
      },
    }
  }),
]
