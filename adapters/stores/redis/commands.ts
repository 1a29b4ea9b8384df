import { decodeBase64url, encodeBase64url } from '../../../src/crypto/base64url.ts'
import { SessionValueError, StoreUnavailableError } from '../../../src/errors.ts'
import { assertKey, assertTtl, type Entry, type Store, type UpdateResult, type Version } from '../../../src/store.ts'
import { callRedis, type RedisCommand, type RedisConnection } from './call.ts'
import { tryOut } from './check.ts'

/**
 * 32 characters are bytes 0-23 of a record: revision and the random iv, different in every write of a session. So an old
 * version never fits a later value, not even after FLUSHALL, and the script compares 32 bytes, not up to 87 KB.
 */
const versionCharacters = 32

/** Compare-and-swap. Arrays, because clients disagree on how they spell bare numbers and statuses (ioredis `stringNumbers`). */
export const compareAndSwap: string = `local current = redis.call('GET', KEYS[1])
if not current then return {'missing'} end
if string.sub(current, 1, ${versionCharacters}) ~= ARGV[1] then return {'conflict', current} end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return {'stored'}`

/** The contract's limit; redis itself takes 512 MB, an Upstash plan 1 MB or more. */
const maxValueBytes = 1_000_000

/**
 * The store contract in redis commands, one command a call, for any way of sending them.
 *
 * Values are kept as base64url text: REST JSON and the usual clients mangle bytes. Answers are compared with the shapes redis
 * documents and nothing else passes: a client that invents a result (`@upstash/redis` does, on abort) is an outage, not data.
 */
export function redisCommandsStore(connection: RedisConnection): Store {
  const { name, node } = connection
  const ask = (command: RedisCommand, signal?: AbortSignal) => callRedis(connection, command, signal)
  const strange = (verb: string) =>
    new StoreUnavailableError(`${name}: not an answer to ${verb}`, { node, reason: 'wrong-answer' })

  const store: Store = {
    name,

    async read(key, { touchSeconds, signal } = {}) {
      assertKey(key)
      if (touchSeconds !== undefined) assertTtl(touchSeconds)
      // GETEX is redis 6.2 (2021): read and expiry in one round trip, without a script.
      const answer = await ask(
        touchSeconds === undefined ? ['GET', key] : ['GETEX', key, 'EX', `${touchSeconds}`],
        signal,
      )
      if (answer === null) return null
      if (typeof answer !== 'string') throw strange('GET')
      return entryOf(answer)
    },

    async create(key, value, ttlSeconds, { signal } = {}) {
      const text = checked(key, value, ttlSeconds)
      const answer = await ask(['SET', key, text, 'EX', `${ttlSeconds}`, 'NX'], signal)
      if (answer === 'OK') return { status: 'stored', version: versionOf(text) }
      if (answer === null) return { status: 'taken' }
      throw strange('SET')
    },

    async update(key, value, ttlSeconds, version, { signal } = {}) {
      const text = checked(key, value, ttlSeconds)
      const answer = await ask(['EVAL', compareAndSwap, '1', key, version, text, `${ttlSeconds}`], signal)
      const result = updateResultOf(answer, text)
      if (result === undefined) throw strange('EVAL')
      return result
    },

    async delete(key, { tombstone, signal } = {}) {
      if (tombstone === undefined) {
        assertKey(key)
        const answer = await ask(['DEL', key], signal)
        // ioredis with `stringNumbers` says '1'.
        if (answer !== 0 && answer !== 1 && answer !== '0' && answer !== '1') throw strange('DEL')
        return
      }
      const text = checked(key, tombstone.value, tombstone.seconds)
      const answer = await ask(['SET', key, text, 'EX', `${tombstone.seconds}`], signal)
      if (answer !== 'OK') throw strange('SET')
    },

    check: () => tryOut(store, node ?? name),
  }
  return store
}

function checked(key: string, value: Uint8Array, ttlSeconds: number): string {
  assertKey(key)
  assertTtl(ttlSeconds)
  if (value.length > maxValueBytes)
    throw new SessionValueError('too-large', `a value of ${value.length} bytes is over ${maxValueBytes}`)
  return encodeBase64url(value)
}

function versionOf(text: string): Version {
  return text.slice(0, versionCharacters)
}

/**
 * Text that is not ours (another program's key) becomes its UTF-8 bytes: no record begins like that, so the core reports it as
 * corrupt. Throwing would call a working server down; answering null would say "absent" and let `create` fail as taken.
 */
function entryOf(text: string): Entry {
  return { value: decodeBase64url(text) ?? new TextEncoder().encode(text), version: versionOf(text) }
}

function updateResultOf(answer: unknown, sent: string): UpdateResult | undefined {
  if (!Array.isArray(answer)) return undefined
  const [status, current] = answer as unknown[]
  if (status === 'stored' && answer.length === 1) return { status, version: versionOf(sent) }
  if (status === 'missing' && answer.length === 1) return { status }
  if (status !== 'conflict' || answer.length !== 2 || typeof current !== 'string') return undefined
  // Whatever sent the command twice on the way: the second run meets our own write, and replaying on it would apply a change twice.
  if (current === sent) return { status: 'stored', version: versionOf(sent) }
  return { status, current: entryOf(current) }
}
