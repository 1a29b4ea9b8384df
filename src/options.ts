import { type Cookie, type CookieOptions, checkCookie } from './claim/cookie.ts'
import { checkSecrets, type Secret } from './crypto/keys.ts'
import { SessionOptionsError } from './errors.ts'
import type { SessionEventHandler } from './events.ts'
import { frameBytes, tombstoneMarginSeconds } from './record/record.ts'
import type { Store } from './store.ts'
import { maxTtlSeconds } from './store.ts'

/** Everything a session layer can be told; unknown names are refused. */
export interface SessionOptions {
  /** Where records are kept. */
  readonly store: Store
  /** One secret, or several: the first signs, all verify. Rotate by `[old]`, `[old, new]`, `[new, old]`, `[new]`. */
  readonly secret: Secret | readonly (Secret | undefined)[] | undefined
  /** Keeps applications on one store apart; part of every key and token. 1-64 of `A-Za-z0-9._-`, default `session`. */
  readonly namespace?: string | undefined
  readonly cookie?: CookieOptions | undefined
  /** Ends a session that was not read or written for so long; default 1800, at most `absoluteSeconds`: for more set both. */
  readonly idleSeconds?: number | undefined
  /** Ends a session however active it is; default 28800, at most 400 days. Only `reauthenticated` moves it. */
  readonly absoluteSeconds?: number | undefined
  /** Limit for the JSON of a session; default 65536, at most 999960: sealed it is what every store holds. */
  readonly maxBytes?: number | undefined
  /** For all store work of one request together, in milliseconds; default 500. */
  readonly requestMs?: number | undefined
  /**
   * What a request does while the store is down. `fail` (default): 503. `anonymous`: reads give undefined, writes throw,
   * the cookie is left alone.
   */
  readonly onUnavailable?: 'fail' | 'anonymous' | undefined
  readonly onEvent?: SessionEventHandler | undefined
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** What is needed to verify a token, checked. */
export interface TokenSettings {
  readonly secrets: readonly Uint8Array[]
  readonly namespace: string
  readonly cookie: Cookie
  /** Whole milliseconds of `clock`. */
  readonly now: () => number
  readonly clock: () => number
}

/** Checked options with their defaults. */
export interface Settings extends TokenSettings {
  readonly store: Store
  readonly idleSeconds: number
  /** The longest a record is kept without being used: `idleSeconds`, but a tombstone must still outlive it in every store. */
  readonly recordSeconds: number
  readonly tombstoneSeconds: number
  readonly absoluteSeconds: number
  readonly maxBytes: number
  readonly requestMs: number
  readonly onUnavailable: 'fail' | 'anonymous'
  readonly onEvent: SessionEventHandler | undefined
}

/** The options that make and verify tokens. */
export const tokenOptions: readonly (keyof SessionOptions)[] = ['secret', 'namespace', 'cookie', 'now']

const names = [
  ...tokenOptions,
  ...['store', 'idleSeconds', 'absoluteSeconds', 'maxBytes', 'requestMs', 'onUnavailable', 'onEvent'],
]
/** The longest value that the contract of stores allows. */
const maxRecordBytes = 1_000_000
const cookieNames = ['name', 'sameSite', 'domain', 'path', 'partitioned', 'persistent', 'insecure']

/** Checks every option at once, before the first request; throws `SessionOptionsError` naming the first that is wrong. */
export function checkOptions(options: SessionOptions): Settings {
  refuseUnknown(options, names, 'option')
  const { store, onUnavailable = 'fail', onEvent } = options
  need(isStore(store), 'store must be a store, for example memoryStore() of claimcheck/memory')
  need(['fail', 'anonymous'].includes(onUnavailable), "onUnavailable must be 'fail' or 'anonymous'")
  need(onEvent === undefined || typeof onEvent === 'function', 'onEvent must be a function')
  const absoluteSeconds = whole('absoluteSeconds', options.absoluteSeconds, 28_800, maxTtlSeconds)
  const idleSeconds = whole('idleSeconds', options.idleSeconds, Math.min(1800, absoluteSeconds), maxTtlSeconds)
  need(
    idleSeconds <= absoluteSeconds,
    `idleSeconds must not exceed absoluteSeconds, which is ${absoluteSeconds}: set both`,
  )
  const recordSeconds = Math.min(idleSeconds, maxTtlSeconds - tombstoneMarginSeconds)
  return {
    store,
    ...checkTokenOptions(options),
    idleSeconds,
    recordSeconds,
    tombstoneSeconds: recordSeconds + tombstoneMarginSeconds,
    absoluteSeconds,
    maxBytes: whole('maxBytes', options.maxBytes, 65_536, maxRecordBytes - frameBytes),
    requestMs: whole('requestMs', options.requestMs, 500, 60_000),
    onUnavailable,
    onEvent,
  }
}

/** Checks the options that make and verify tokens, and only those; throws `SessionOptionsError`. */
export function checkTokenOptions(
  options: Pick<SessionOptions, 'secret' | 'namespace' | 'cookie' | 'now'>,
): TokenSettings {
  const { secret, namespace = 'session', cookie = {}, now = Date.now } = options
  const isName = typeof namespace === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(namespace)
  need(isName, 'namespace must be 1-64 of A-Za-z0-9._-')
  refuseUnknown(cookie, cookieNames, 'option cookie.')
  need(typeof now === 'function', 'now must be a function')
  const secrets = checkSecrets(secret)
  return { secrets, namespace, cookie: checkCookie(cookie), now: () => Math.floor(now()), clock: now }
}

/** Whether two configurations are one, so that a middleware mounted twice can be told from two that disagree. */
export function sameSettings(a: Settings, b: Settings): boolean {
  const plain = (settings: Settings) => {
    const { store, onEvent, now, clock, secrets, ...rest } = settings
    return JSON.stringify({ ...rest, secrets: secrets.join(';') })
  }
  return a.store === b.store && a.onEvent === b.onEvent && a.clock === b.clock && plain(a) === plain(b)
}

/** Throws for a name that is not known: a misspelt option must not be a silent default. */
export function refuseUnknown(options: unknown, known: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null)
    throw new SessionOptionsError(`${what.replace(/[.:]$/, '')} must be an object`)
  const unknown = Object.keys(options).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new SessionOptionsError(`unknown ${what}${what.endsWith('.') ? '' : ' '}${unknown}`)
}

function whole(name: string, given: unknown, byDefault: number, max: number): number {
  const value = given === undefined ? byDefault : given
  need(
    Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= max,
    `${name} must be a whole number, 1-${max}`,
  )
  return value as number
}

function need(condition: boolean, why: string): void {
  if (!condition) throw new SessionOptionsError(why)
}

function isStore(value: unknown): value is Store {
  const verbs = ['read', 'create', 'update', 'delete'] as const
  return (
    typeof value === 'object' && value !== null && verbs.every((verb) => typeof (value as Store)[verb] === 'function')
  )
}
