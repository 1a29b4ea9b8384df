import { crypto } from '#crypto'
import { isLifetime } from '../checks.ts'
import type { Identity } from '../claim/identity.ts'
import { encodeBase64url } from '../crypto/base64url.ts'
import type { Key, KeySet } from '../crypto/keys.ts'
import { SessionValueError } from '../errors.ts'
import { boundTo } from './bound.ts'
import type { SessionData } from './journal.ts'
import { isShallow, type Json, maxDepth } from './json.ts'
import { revisionOf, tombstoneFormat, writeRevision } from './revision.ts'
import { biggestKeys } from './sizes.ts'
import { isTombstone, tombstoneBytes } from './tombstone.ts'

/** The decoded contents of a record. */
export interface SessionRecord {
  /** Seconds since 1970 of the first write. In records of earlier releases: of the last `reauthenticated`, where there was one. */
  readonly created: number
  /** Seconds since 1970 when it ends for good. */
  readonly until: number
  readonly data: SessionData
  /** The commits that this record builds on, newest first, joined: see {@link commitOf}. Its own is not among them. */
  readonly commits?: string | undefined
  /** Seconds since 1970 of the last `reauthenticated`. */
  readonly authenticated?: number | undefined
  /** The name of its times, where they are not the default ones. */
  readonly lifetime?: string | undefined
  /** The hash of its subject. A session that has one lives only while the subject's list names it. */
  readonly subject?: string | undefined
  /** What the application told of the device at the login. */
  readonly device?: Json | undefined
  /** Members a newer release may have added; kept as they are. */
  readonly extra: Readonly<Record<string, Json>>
}

/** What stored bytes turn out to be. `unknown`: a format or key of another release or rotation, to be left intact. */
export type Opened =
  | { readonly status: 'record'; readonly revision: number; readonly record: SessionRecord }
  | { readonly status: 'tombstone'; readonly revision: number }
  | { readonly status: 'corrupt' }
  | { readonly status: 'unknown' }

/* 0 format = 1 | 1-4 tag of the key | 5-10 revision, big endian | 11 flags = 0 | 12-23 iv | ciphertext | 16 tag */
const recordFormat = 1
const headBytes = 12
const ivBytes = 12
const authBytes = 16
/** 48 random bits are enough to tell a commit from the few others of its session. */
const commitBytes = 6
/** The same in base64url. */
export const commitLength = 8
/** What sealing adds to the JSON of a record. */
export const frameBytes: number = headBytes + ivBytes + authBytes

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Seals a record under the first key of the set, bound to its store key and revision. `iv`: never twice, so only test data names it. */
export async function sealRecord(
  keys: KeySet,
  to: Identity,
  revision: number,
  plaintext: Uint8Array,
  iv: Uint8Array = keys.random(ivBytes),
): Promise<Uint8Array> {
  const frame = new Uint8Array(frameBytes + plaintext.length)
  frame[0] = recordFormat
  frame.set(keys.first.tag, 1)
  writeRevision(frame, 5, revision)
  frame.set(iv, headBytes)
  const key = await sealingKey(keys.first, to)
  return key.seal(iv, boundTo(frame, headBytes, to), plaintext, frame, headBytes + ivBytes)
}

/** Opens stored bytes; never throws, whatever they are. */
export async function openRecord(keys: KeySet, from: Identity, bytes: Uint8Array): Promise<Opened> {
  if (bytes[0] === tombstoneFormat) return openTombstone(bytes)
  if (bytes.length < frameBytes) return { status: 'corrupt' }
  const key = keys.byTag(bytes, 1)
  if (bytes[0] !== recordFormat || bytes[11] !== 0 || !key) return { status: 'unknown' }
  const iv = bytes.subarray(headBytes, headBytes + ivBytes)
  const sealing = await sealingKey(key, from)
  const plaintext = await sealing.open(iv, boundTo(bytes, headBytes, from), bytes.subarray(headBytes + ivBytes))
  const record = plaintext && parseRecord(plaintext)
  return record ? { status: 'record', revision: revisionOf(bytes), record } : { status: 'corrupt' }
}

/** What a commit is known by in the records that build on it: the first 6 bytes of the iv it was sealed with, in base64url. */
export function commitOf(bytes: Uint8Array): string {
  return encodeBase64url(bytes.subarray(headBytes, headBytes + commitBytes))
}

/**
 * The JSON of a record as UTF-8.
 *
 * Throws `SessionValueError` above `maxBytes`, naming the biggest keys: memcached would delete the old value instead. Where only
 * the commits make it too large, they are left out: they merely spare a rare 503.
 */
export function encodeRecord(record: SessionRecord, maxBytes: number): Uint8Array {
  const { created, until, data, commits, authenticated, lifetime, subject, device, extra } = record
  const times = {
    created,
    until,
    data: Object.fromEntries(data),
    commits: commits || undefined,
    authenticated,
    lifetime,
  }
  const members = { ...times, subject, device, ...extra }
  const bytes = crypto.utf8(JSON.stringify(members))
  if (bytes.length <= maxBytes) return bytes
  if (commits) return encodeRecord({ ...record, commits: '' }, maxBytes)
  throw tooLarge(data, bytes.length, maxBytes)
}

function tooLarge(data: SessionData, bytes: number, maxBytes: number): SessionValueError {
  const names = biggestKeys(data)
    .map(({ name, bytes: size }) => `${name} (${size})`)
    .join(', ')
  return new SessionValueError(
    'too-large',
    `session of ${bytes} bytes exceeds maxBytes ${maxBytes}; the biggest keys: ${names}`,
  )
}

function parseRecord(plaintext: Uint8Array): SessionRecord | undefined {
  try {
    const parsed: unknown = JSON.parse(decoder.decode(plaintext))
    if (!isObject(parsed) || !isShallow(parsed, maxDepth + 2)) return undefined
    const { created, until, data, commits } = parsed
    if (!isTime(created) || !isTime(until) || !isObject(data)) return undefined
    const authenticated = isTime(parsed.authenticated) ? parsed.authenticated : undefined
    const lifetime = isLifetime(parsed.lifetime) ? parsed.lifetime : undefined
    const subject = typeof parsed.subject === 'string' ? parsed.subject : undefined
    const { device } = parsed
    const members = { authenticated, lifetime, subject, device, extra: extraOf(parsed) }
    return { created, until, data: mapOf(data), commits: listOf(commits), ...members }
  } catch {
    return undefined
  }
}

function mapOf(data: Record<string, Json>): SessionData {
  const map = new Map<string, Json>()
  for (const key of Object.keys(data)) map.set(key, data[key] as Json)
  return map
}

/** A list in another form proves nothing. It is left out, and the session is good without it. */
function listOf(commits: Json | undefined): string | undefined {
  return typeof commits === 'string' && /^(?:[A-Za-z0-9_-]{8})+$/.test(commits) ? commits : undefined
}

const known = new Set(['created', 'until', 'data', 'commits', 'authenticated', 'lifetime', 'subject', 'device'])
const noExtra: Readonly<Record<string, Json>> = Object.freeze({})

/** Looks first: taking an object apart costs more than most of them have in it. */
function extraOf(parsed: Record<string, Json>): Readonly<Record<string, Json>> {
  if (Object.keys(parsed).every((name) => known.has(name))) return noExtra
  const { created, until, data, commits, authenticated, lifetime, subject, device, ...extra } = parsed
  return extra
}

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function openTombstone(bytes: Uint8Array): Opened {
  if (isTombstone(bytes)) return { status: 'tombstone', revision: revisionOf(bytes) }
  // Longer than a tombstone is a record whose first byte was altered, or a later release's: neither has ended the session.
  return { status: bytes.length < tombstoneBytes ? 'corrupt' : 'unknown' }
}

function sealingKey(key: Key, identity: Identity) {
  return key.sealing(identity.sealing)
}
