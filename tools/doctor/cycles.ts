import { randomBytes } from 'node:crypto'
import { writeRevision } from '../../src/record/revision.ts'
import { tombstone } from '../../src/record/tombstone.ts'
import type { Store } from '../../src/store.ts'

/** How long each verb took, in milliseconds, sorted. */
export interface Latencies {
  readonly create: readonly number[]
  readonly read: readonly number[]
  readonly update: readonly number[]
  readonly delete: readonly number[]
}

/** What the cycles came to. */
export interface Cycled {
  readonly cycles: number
  /** Those that did not end as they should. */
  readonly failed: number
  readonly latencies: Latencies
}

const ttlSeconds = 60

/** A key like no session's: whoever may use only some keys is to be given `claimcheck:*` too, as for `check()`. */
export const newKey = (): string => `claimcheck:check:${randomBytes(12).toString('base64url')}`

/** Bytes in the frame of a record, which compositions compare by revision; nothing opens it. */
export function trialRecord(bytes: number, revision: number): Uint8Array {
  const record = new Uint8Array(randomBytes(Math.max(bytes, 40)))
  record[0] = 1
  writeRevision(record, 5, revision)
  record[11] = 0
  return record
}

/**
 * Lives of sessions, one after the other, through the store itself: create, read with touch, change, delete with a tombstone.
 *
 * What fails counts as failed and is not repeated; the store says elsewhere why.
 */
export async function cycle(store: Store, times: number, bytes: number, signal: AbortSignal): Promise<Cycled> {
  const latencies: Record<keyof Latencies, number[]> = { create: [], read: [], update: [], delete: [] }
  let [done, failed] = [0, 0]
  while (done < times && !signal.aborted) {
    done++
    if (!(await oneLife(store, bytes, latencies).catch(() => false))) failed++
    // A store that is down would let each of them run into its deadline.
    if (failed === 3 && failed === done) break
  }
  for (const list of Object.values(latencies)) list.sort((a, b) => a - b)
  return { cycles: done, failed, latencies }
}

async function oneLife(store: Store, bytes: number, latencies: Record<keyof Latencies, number[]>): Promise<boolean> {
  const key = newKey()
  const now = Date.now()
  const timed = async <Result>(verb: keyof Latencies, work: Promise<Result>): Promise<Result> => {
    const started = performance.now()
    const result = await work
    latencies[verb].push(performance.now() - started)
    return result
  }
  const created = await timed('create', store.create(key, trialRecord(bytes, now), ttlSeconds))
  if (created.status !== 'stored') return false
  const entry = await timed('read', store.read(key, { touchSeconds: ttlSeconds }))
  if (entry === null) return false
  const updated = await timed('update', store.update(key, trialRecord(bytes, now + 1), ttlSeconds, entry.version))
  const end = { value: tombstone('destroyed', now + 2), seconds: 1 }
  await timed('delete', store.delete(key, { tombstone: end }))
  return updated.status === 'stored'
}

/** The value below which this share of a sorted list lies; undefined of an empty one. */
export function percentile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}
