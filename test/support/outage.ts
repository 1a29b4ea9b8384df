import { inspect } from 'node:util'
import { expect } from 'vitest'
import { StoreUnavailableError } from '../../src/errors.ts'
import type { Store } from '../../src/store.ts'
import { stopwatch } from './own-time.ts'

/** A key and values that would be recognized anywhere. */
export const secrets: { readonly key: string; readonly value: Uint8Array } = {
  key: 'session:SECRET-KEY-aGVsbG8',
  value: new TextEncoder().encode('SECRET-VALUE-of-a-session-that-is-longer-than-24-bytes'),
}

/** Waits for the call to fail as an outage in time; anything else, also an answer, fails the test. */
export async function expectOutage(
  call: Promise<unknown>,
  withinMs: number,
  words: readonly string[] = [],
): Promise<StoreUnavailableError> {
  const watch = stopwatch()
  const error = await call.then(
    (answer) => expect.fail(`answered ${inspect(answer)} instead of an outage`),
    (reason: unknown) => reason,
  )
  expect(watch()).toBeLessThan(withinMs)
  expect(error).toBeInstanceOf(StoreUnavailableError)
  expectSilent(error, words)
  return error as StoreUnavailableError
}

/** No key, value (raw or as stored) or word may appear in an error, its cause chain or any of their properties. */
export function expectSilent(error: unknown, words: readonly string[] = []): void {
  const shown: string[] = []
  for (let at = error; at !== undefined; at = (at as { cause?: unknown }).cause) {
    shown.push(inspect(at, { showHidden: true, depth: null, maxStringLength: null, maxArrayLength: null }))
    if (at instanceof Error) shown.push(at.message, at.stack ?? '', JSON.stringify(at))
  }
  const base64 = Buffer.from(secrets.value).toString('base64url')
  const forbidden = [secrets.key, 'SECRET-VALUE', base64.slice(0, 24), ...words]
  for (const word of forbidden) expect(shown.join('\n')).not.toContain(word)
}

/** Every verb once, each a call that must not be answered while the store is away. */
export function everyVerb(store: Store): (() => Promise<unknown>)[] {
  const { key, value } = secrets
  return [
    () => store.read(key),
    () => store.read(key, { touchSeconds: 60 }),
    () => store.create(key, value, 60),
    () => store.update(key, value, 60, 'a-version'),
    () => store.delete(key),
    () => store.delete(key, { tombstone: { value, seconds: 60 } }),
  ]
}

/** Counts unhandled rejections from now on. */
export function watchRejections(): { readonly count: number; stop(): void } {
  let count = 0
  const listener = () => {
    count++
  }
  process.on('unhandledRejection', listener)
  return {
    get count() {
      return count
    },
    stop: () => void process.off('unhandledRejection', listener),
  }
}
