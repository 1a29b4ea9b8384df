import type { CreateResult, Entry, Store, UpdateResult, Version } from '../../src/store.ts'

/** A store broke its contract; the message says what was expected and what came. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError'
}

/** Throws {@link ConformanceError} unless the condition holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ConformanceError(message)
}

/** Throws unless both hold the same bytes; names the first place where they differ, never the bytes. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assert(actual instanceof Uint8Array, `${what}: the value must be a Uint8Array`)
  assert(actual.length === expected.length, `${what}: expected ${expected.length} bytes, got ${actual.length}`)
  const at = expected.findIndex((byte, index) => byte !== actual[index])
  assert(at === -1, `${what}: the bytes differ from byte ${at} on`)
}

/** The version of a write that was to be stored. */
export function assertStored(result: CreateResult | UpdateResult, what: string): Version {
  assert(result.status === 'stored', `${what}: expected stored, got ${result.status}`)
  assert(typeof result.version === 'string' && result.version !== '', `${what}: a version is a non-empty string`)
  return result.version
}

/** Throws unless the result has this status; returns it narrowed. */
export function assertStatus<R extends CreateResult | UpdateResult, S extends R['status']>(
  result: R,
  status: S,
  what: string,
): Extract<R, { status: S }> {
  assert(result.status === status, `${what}: expected ${status}, got ${result.status}`)
  return result as Extract<R, { status: S }>
}

/** Reads the key, which must hold exactly these bytes. */
export async function assertHolds(store: Store, key: string, value: Uint8Array, what: string): Promise<Entry> {
  const entry = await store.read(key)
  assert(entry, `${what}: expected an entry, got ${entry}`)
  assertBytes(entry.value, value, what)
  assert(typeof entry.version === 'string' && entry.version !== '', `${what}: a version is a non-empty string`)
  return entry
}

/** Reads the key, which must hold nothing: null, not undefined. */
export async function assertAbsent(store: Store, key: string, what: string): Promise<void> {
  const entry = await store.read(key)
  assert(entry === null, `${what}: expected null, got ${entry ? 'an entry' : entry}`)
}

/** What the call rejects with; throws if it resolves, or throws instead of returning a promise. */
export async function rejectionOf(call: () => Promise<unknown>, what: string): Promise<unknown> {
  const pending = started(call, what)
  const outcome = await pending.then(
    () => ({ error: undefined, rejected: false }),
    (error: unknown) => ({ error, rejected: true }),
  )
  assert(outcome.rejected, `${what}: expected a rejection`)
  return outcome.error
}

/** Throws unless the call rejects with `RangeError`. By name: the error may come from another realm. */
export async function assertRangeError(call: () => Promise<unknown>, what: string): Promise<void> {
  const error = await rejectionOf(call, what)
  assert(error instanceof Error && error.name === 'RangeError', `${what}: expected RangeError, got ${nameOf(error)}`)
}

/** The stable `code` of an error of this library. By shape: the store may come with its own copy of the classes. */
export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}

/** For messages: the class of an error, never its text. */
export function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

function started(call: () => Promise<unknown>, what: string): Promise<unknown> {
  try {
    return call()
  } catch (error) {
    throw new ConformanceError(`${what}: threw ${nameOf(error)} at once; a promise must reject`, { cause: error })
  }
}
