import { need, wholeNumber } from '../../src/checks.ts'
import { StoreUnavailableError } from '../../src/errors.ts'
import { decoded } from './express-session.ts'
import { type PhpFormat, readPhp } from './php-format.ts'
import { type GivenRecords, type LockingRecords, recordsOf } from './records.ts'
import { commonOf, type LegacyCall, type LegacyOptions, type LegacySessions, legacySessions } from './source.ts'

/** Options of {@link fromPhp}. */
export interface FromPhpOptions extends LegacyOptions {
  /** Which handler wrote them: `session.save_handler`. */
  readonly handler: 'memcached' | 'redis'
  /** `memcachedStore({ servers, replicas: 1, hash: 'ketama' })`, a client of Redis, or two functions `{ read(key), remove(key) }`. */
  readonly store: GivenRecords
  /** `session.serialize_handler`; default `php`. */
  readonly format?: PhpFormat | undefined
  /** `session.name`; default `PHPSESSID`. */
  readonly cookieName?: string | undefined
  /** Default `memc.sess.key.` (`memcached.sess_prefix`) or `PHPREDIS_SESSION:`. */
  readonly prefix?: string | undefined
  /** How long a lock of PHP is waited for, in milliseconds; then it is an outage (503). Default 400, and `requestMs` at most. */
  readonly lockMs?: number | undefined
}

const own = ['handler', 'store', 'format', 'cookieName', 'prefix', 'lockMs']
const formats = ['php', 'php_serialize', 'php_binary']
/** What PHP takes for an id (`session.sid_bits_per_character`); the shortest that it makes. */
const shape = /^[A-Za-z0-9,-]{22,256}$/
const waitMs = 10
/** A logout is done far sooner. */
const lockSeconds = 30

/** Where a handler keeps a session and its lock. */
const places = {
  memcached: { prefix: 'memc.sess.key.', lock: (prefix: string, id: string) => `${prefix}lock.${id}` },
  redis: { prefix: 'PHPREDIS_SESSION:', lock: (prefix: string, id: string) => `${prefix}${id}_LOCK` },
}

/**
 * Sessions of PHP in memcached (php-memcached) or Redis (phpredis): scalars and arrays, nested as they like. A session with an object
 * or a reference stays where it is, and the event `legacy` names it.
 *
 * The cookie of PHP is the bare id: it proves nothing, so each that looks like one costs a read of both stores. A lock that a request
 * of PHP holds is waited for, and a logout takes it. Throws `SessionOptionsError`.
 */
export function fromPhp(options: FromPhpOptions): LegacySessions {
  const { handler, format = 'php', cookieName = 'PHPSESSID' } = options
  const common = commonOf(options, own, 'fromPhp')
  need(handler === 'memcached' || handler === 'redis', "handler must be 'memcached' or 'redis'")
  need(formats.includes(format), `format must be one of ${formats.join(', ')}`)
  const lockMs = wholeNumber('lockMs', options.lockMs, 400, 1, 60_000)
  const records = recordsOf(options.store)
  const place = places[handler]
  const { prefix = place.prefix } = options
  const keysOf = (id: string) => ({ key: prefix + id, lock: place.lock(prefix, id) })
  return legacySessions(
    {
      name: 'php',
      cookieNames: [cookieName],
      verify(value) {
        const id = decoded(value)
        return shape.test(id) ? { id } : undefined
      },
      async read({ id }, call) {
        const { key, lock } = keysOf(id)
        await untilFree(records, lock, lockMs, call)
        const record = await records.read(key, call)
        return record === null || record === undefined ? undefined : readPhp(bytesOf(record), format)
      },
      async remove({ id }, call) {
        const { key, lock } = keysOf(id)
        await takeLock(records, lock, lockMs, call)
        await records.remove(key, call)
        if (records.add) await records.remove(lock, call)
      },
    },
    common,
  )
}

const bytesOf = (record: unknown) => (record instanceof Uint8Array ? record : new TextEncoder().encode(`${record}`))

/** A request of PHP that is under way writes its session in the end. */
function untilFree(records: LockingRecords, lock: string, ms: number, call: LegacyCall): Promise<void> {
  return until(ms, call, async () => {
    const held = await records.read(lock, call)
    return held === null || held === undefined
  })
}

/** Without it a request of PHP would write the session back. */
function takeLock(records: LockingRecords, lock: string, ms: number, call: LegacyCall): Promise<void> {
  const { add } = records
  return add ? until(ms, call, () => add(lock, lockSeconds, call)) : untilFree(records, lock, ms, call)
}

async function until(ms: number, { signal }: LegacyCall, isDone: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + ms; !(await isDone()); ) {
    if (signal.aborted || performance.now() > end)
      throw new StoreUnavailableError('a request of PHP holds the lock of an old session', { reason: 'timeout' })
    await new Promise((wake) => setTimeout(wake, waitMs))
  }
}
