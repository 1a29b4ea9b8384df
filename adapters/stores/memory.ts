import { need, refuseUnknown, wholeNumber } from '../../src/checks.ts'
import { SessionValueError } from '../../src/errors.ts'
import {
  assertKey,
  assertTtl,
  type CreateResult,
  type DeleteOptions,
  type Entry,
  type ReadOptions,
  type Store,
  type StoreHealth,
  type UpdateResult,
  type Version,
} from '../../src/store.ts'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /** The most entries kept, 1 to 16,000,000 (default 10,000); the least recently used one makes room. */
  readonly maxEntries?: number | undefined
  /** The clock, in milliseconds (default `Date.now`). */
  readonly now?: (() => number) | undefined
}

/** A {@link Store} in the memory of this process. */
export interface MemoryStore extends Store {
  /** Entries held now; expired ones that no write has swept yet are counted. */
  readonly size: number
  check(): Promise<StoreHealth>
  /** Forgets everything. The store stays usable, and empty. */
  close(): Promise<void>
}

interface Slot {
  readonly value: Uint8Array
  readonly version: Version
  readonly expiresAt: number
}

/** More would throw in the middle of a request: V8 ends a Map at 2^24 entries. */
const mostEntries = 16_000_000

/** The limit of the contract, also here: what works on a laptop must fit the server it is deployed with. */
const maxValueBytes = 1_000_000

/** Two for at most one that a write adds: the sweep gains on the writers, and no write pays for a whole pass. */
const sweptPerWrite = 2

/**
 * Sessions in the memory of one process: for development, tests, and servers that may forget everything on a restart.
 *
 * Nothing is shared between processes, isolates or Lambda instances. Holds at most `maxEntries`, starts no timer, and ignores
 * `signal`: every call is done before a signal could abort it.
 * Throws `SessionOptionsError` for an unknown option or one out of range.
 */
export function memoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { maxEntries, now } = checked(options)
  const slots = slotTable(maxEntries, now)
  return {
    name: 'memory',
    get size() {
      return slots.size()
    },
    async read(key: string, { touchSeconds }: ReadOptions = {}): Promise<Entry | null> {
      assertKey(key)
      if (touchSeconds !== undefined) assertTtl(touchSeconds)
      const slot = slots.use(key, touchSeconds)
      return slot ? entryOf(slot) : null
    },
    async create(key: string, value: Uint8Array, ttlSeconds: number): Promise<CreateResult> {
      assertWrite(key, value, ttlSeconds)
      if (slots.peek(key)) return { status: 'taken' }
      return { status: 'stored', version: slots.put(key, value, ttlSeconds) }
    },
    async update(key: string, value: Uint8Array, ttlSeconds: number, version: Version): Promise<UpdateResult> {
      assertWrite(key, value, ttlSeconds)
      const slot = slots.peek(key)
      if (!slot) return { status: 'missing' }
      if (slot.version !== version) return { status: 'conflict', current: entryOf(slot) }
      return { status: 'stored', version: slots.put(key, value, ttlSeconds) }
    },
    async delete(key: string, { tombstone }: DeleteOptions = {}): Promise<void> {
      assertKey(key)
      if (tombstone) assertWrite(key, tombstone.value, tombstone.seconds)
      if (tombstone) slots.put(key, tombstone.value, tombstone.seconds)
      else slots.drop(key)
    },
    async check(): Promise<StoreHealth> {
      return { ready: true, nodes: [{ node: 'memory', up: true }] }
    },
    async close(): Promise<void> {
      slots.clear()
    },
  }
}

interface SlotTable {
  size(): number
  /** The live slot, its place in the eviction order unchanged. */
  peek(key: string): Slot | undefined
  /** The live slot, now the most recently used one; with `touchSeconds` it lives that long from now. */
  use(key: string, touchSeconds: number | undefined): Slot | undefined
  put(key: string, value: Uint8Array, ttlSeconds: number): Version
  drop(key: string): void
  clear(): void
}

/** A Map keeps its keys in the order of insertion, so that putting a key back at the end makes the first key the least recently used. */
function slotTable(maxEntries: number, now: () => number): SlotTable {
  const slots = new Map<string, Slot>()
  // Never set back, not even by clear(): a version is never given out twice by one store.
  let lastVersion = 0
  let cursor = slots.entries()
  let leftInPass = 0

  const place = (key: string, slot: Slot) => {
    slots.delete(key)
    slots.set(key, slot)
  }
  const peek = (key: string): Slot | undefined => {
    const slot = slots.get(key)
    if (!slot || slot.expiresAt > now()) return slot
    slots.delete(key)
    return undefined
  }
  // A pass starts with the least recently used entry and is as long as the Map was then: reads that keep moving entries
  // to the end cannot keep it from coming back to the idle ones at the front, which are those that expire.
  const sweep = () => {
    const time = now()
    for (let step = 0; step < sweptPerWrite; step++) {
      const next = leftInPass-- > 0 ? cursor.next() : undefined
      if (!next || next.done) {
        cursor = slots.entries()
        leftInPass = slots.size
      } else if (next.value[1].expiresAt <= time) slots.delete(next.value[0])
    }
  }
  const evict = () => {
    for (const oldest of slots.keys()) {
      if (slots.size <= maxEntries) return
      slots.delete(oldest)
    }
  }
  return {
    size: () => slots.size,
    peek,
    use(key, touchSeconds) {
      const slot = peek(key)
      if (!slot) return undefined
      const used = touchSeconds === undefined ? slot : { ...slot, expiresAt: now() + touchSeconds * 1000 }
      place(key, used)
      return used
    },
    put(key, value, ttlSeconds) {
      const version = String(++lastVersion)
      place(key, { value: copyOf(value), version, expiresAt: now() + ttlSeconds * 1000 })
      sweep()
      evict()
      return version
    },
    drop: (key) => void slots.delete(key),
    clear: () => slots.clear(),
  }
}

/** Not `slice()`: on a Node `Buffer` that is a view of the same memory. */
const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

const entryOf = (slot: Slot): Entry => ({ value: copyOf(slot.value), version: slot.version })

function assertWrite(key: string, value: Uint8Array, ttlSeconds: number): void {
  assertKey(key)
  assertTtl(ttlSeconds)
  if (value.byteLength > maxValueBytes)
    throw new SessionValueError(
      'too-large',
      `a record may have at most ${maxValueBytes} bytes, not ${value.byteLength}`,
    )
}

function checked(options: MemoryStoreOptions): { maxEntries: number; now: () => number } {
  refuseUnknown(options, ['maxEntries', 'now'], 'option of memoryStore:')
  const { now = Date.now } = options
  need(typeof now === 'function', 'now must be a function')
  return { maxEntries: wholeNumber('maxEntries', options.maxEntries, 10_000, 1, mostEntries), now }
}
