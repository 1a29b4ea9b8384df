import { encodeBase64url } from '../../../src/crypto/base64url.ts'
import { StoreUnavailableError, type UnavailableReason } from '../../../src/errors.ts'
import type { NodeHealth, Store, StoreHealth } from '../../../src/store.ts'

/** Whoever may use only some keys must be given `claimcheck:*` too. */
const prefix = 'claimcheck:check:'
/** A check that is cut off leaves its key for so long. */
const ttlSeconds = 60

/**
 * Does what sessions do, with a key of its own: a server that answers a ping may still be a replica, full, too old, or forbid one
 * of the commands. Four round trips.
 */
export async function tryOut(store: Store, node: string): Promise<StoreHealth> {
  const result = await attempt(store).catch(reasonOf)
  const health: NodeHealth =
    typeof result === 'number' ? { node, up: true, latencyMs: result } : { node, up: false, reason: result }
  return { ready: health.up, nodes: [health] }
}

/** Milliseconds of the first round trip, or what is wrong. */
async function attempt(store: Store): Promise<number | UnavailableReason> {
  const key = prefix + encodeBase64url(random(12))
  const started = performance.now()
  const created = await store.create(key, random(48), ttlSeconds)
  const latencyMs = performance.now() - started
  if (created.status !== 'stored') return 'wrong-answer'
  const entry = await store.read(key, { touchSeconds: ttlSeconds })
  if (entry?.version !== created.version) return 'wrong-answer'
  const updated = await store.update(key, random(48), ttlSeconds, entry.version)
  if (updated.status !== 'stored') return 'wrong-answer'
  // As a logout ends a session: what takes its place is gone after a second.
  await store.delete(key, { tombstone: { value: random(24), seconds: 1 } })
  return latencyMs
}

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length))

const reasonOf = (error: unknown): UnavailableReason =>
  (error instanceof StoreUnavailableError ? error.reason : undefined) ?? 'failed'
