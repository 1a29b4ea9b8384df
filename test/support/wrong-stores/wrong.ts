import { memoryStore } from '../../../adapters/stores/memory.ts'
import type { Store } from '../../../src/store.ts'
import type { FakeClock } from '../clock.ts'

/** A store with one deliberate mistake, built on the memory store. */
export interface WrongStore {
  /** The mistake, most of them seen in real session stores. */
  readonly mistake: string
  /** The part of the suite that must notice, as the start of a case's name. */
  readonly caughtBy: string
  build(clock: FakeClock): Store
}

/** Replaces methods of a good store; `change` gets it to call through to. */
export function wrong(
  mistake: string,
  caughtBy: string,
  change: (good: Store, clock: FakeClock) => Partial<Store>,
): WrongStore {
  return {
    mistake,
    caughtBy,
    build(clock) {
      const good: Store = memoryStore({ now: clock.now })
      return { ...good, ...change(good, clock) }
    },
  }
}

/** Lets other calls come in between. */
export const ticks = (): Promise<void> => new Promise((next) => queueMicrotask(next))

/** Writes unconditionally, which no good store can; gives the new version. */
export async function overwrite(store: Store, key: string, value: Uint8Array, seconds: number): Promise<string> {
  await store.delete(key, { tombstone: { value, seconds } })
  return (await store.read(key))?.version ?? ''
}

/** How the versions of the good store are shown. */
export interface ShownVersions {
  shown(key: string, real: string): string
  /** The key was deleted. */
  forget?(key: string): void
}

/** Shows other versions than the good store gives out, and takes them back. */
export function withVersions(good: Store, { shown, forget }: ShownVersions): Store {
  return {
    ...good,
    read: async (key, options) => {
      const entry = await good.read(key, options)
      return entry && { ...entry, version: shown(key, entry.version) }
    },
    create: async (key, value, seconds) => {
      const result = await good.create(key, value, seconds)
      return result.status === 'stored' ? { ...result, version: shown(key, result.version) } : result
    },
    update: async (key, value, seconds, version) => {
      const entry = await good.read(key)
      const real = entry && shown(key, entry.version) === version ? entry.version : `not ${version}`
      const result = await good.update(key, value, seconds, real)
      if (result.status === 'stored') return { ...result, version: shown(key, result.version) }
      return result.status === 'conflict' ? { status: 'conflict' } : result
    },
    delete: (key, options) => {
      if (!options?.tombstone) forget?.(key)
      return good.delete(key, options)
    },
  }
}

/** Versions 1, 2, 3 of each key; a deleted key begins again. */
export function perKey(): ShownVersions {
  const seen = new Map<string, string[]>()
  return {
    shown(key, real) {
      const versions = seen.get(key) ?? []
      seen.set(key, versions)
      if (!versions.includes(real)) versions.push(real)
      return String(versions.indexOf(real) + 1)
    },
    forget: (key) => void seen.delete(key),
  }
}

/** Changes bytes on their way in or out. */
export function recoded(
  good: Store,
  write: (bytes: Uint8Array, key: string) => Uint8Array,
  read: (bytes: Uint8Array, key: string) => Uint8Array = (bytes) => bytes,
): Store {
  return {
    ...good,
    read: async (key, options) => {
      const entry = await good.read(key, options)
      return entry && { ...entry, value: read(entry.value, key) }
    },
    create: (key, value, seconds) => good.create(key, write(value, key), seconds),
    update: (key, value, seconds, version) => good.update(key, write(value, key), seconds, version),
  }
}

/** Keeps entries under other keys. */
export function renamed(good: Store, rename: (key: string) => string): Store {
  return {
    ...good,
    read: (key, options) => good.read(rename(key), options),
    create: (key, value, seconds) => good.create(rename(key), value, seconds),
    update: (key, value, seconds, version) => good.update(rename(key), value, seconds, version),
    delete: (key, options) => good.delete(rename(key), options),
  }
}
