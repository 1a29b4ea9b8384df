import { need, refuseUnknown, wholeNumber } from './checks.ts'
import { type CookieOptions, checkCookie } from './claim/cookie.ts'
import type { TokenSettings } from './claim/signer.ts'
import type { SigningOptions } from './claim/signing.ts'
import { checkJwks } from './crypto/jwk.ts'
import { checkLivingSecrets, type SecretProvider, type Secrets } from './crypto/secrets.ts'
import type { SessionEventHandler } from './events.ts'
import { frameBytes } from './record/record.ts'
import type { LegacySessions, Settings } from './request/exchange.ts'
import { checkLifetimes, checkTimes, type LifetimeOptions } from './request/lifetime.ts'
import type { Store } from './store.ts'

/** Everything a session layer can be told; unknown names are refused. */
export interface SessionOptions {
  /** Where records are kept. */
  readonly store: Store
  /**
   * One secret, or several: the first signs, all verify. Rotate by `[old]`, `[old, new]`, `[new, old]`, `[new]`. Or a function that gives
   * them, asked at start and every `refreshSeconds`.
   */
  readonly secret: Secrets | SecretProvider
  /** Signs tokens by keys of their own, so that others can verify them without the secret (`claimcheck/verify`). */
  readonly signing?: SigningOptions | undefined
  /** How often `secret` and `signing.keys` are asked, where they are functions: 1 to 86400, default 300. */
  readonly refreshSeconds?: number | undefined
  /** Keeps applications on one store apart; part of every key and token. 1-64 of `A-Za-z0-9._-`, default `session`. */
  readonly namespace?: string | undefined
  readonly cookie?: CookieOptions | undefined
  /**
   * `header`: also takes tokens by `Authorization: Bearer`, of native apps, and answers those in `tokenHeader`. Default `cookie`. A request that
   * has the header is never looked at for cookies.
   */
  readonly transport?: 'cookie' | 'header' | undefined
  /** The response header of a new token, with `transport: 'header'`; default `Session-Token`. `<name>-Rev` is the receipt, both ways. */
  readonly tokenHeader?: string | undefined
  /** Ends a session that was not read or written for this long. Default 1800; at most `absoluteSeconds`, so for more set both. */
  readonly idleSeconds?: number | undefined
  /** Ends a session however active it is; default 28800, at most 400 days. Only `reauthenticated` moves it. */
  readonly absoluteSeconds?: number | undefined
  /**
   * Other times, by a name of 1-32 of `A-Za-z0-9._-`, for sessions that `regenerate({ lifetime })` gives it to: those of users who want to
   * be remembered.
   */
  readonly lifetimes?: Readonly<Record<string, LifetimeOptions | undefined>> | undefined
  /** Sessions of one subject; with a login beyond it the oldest ends. 1 to 1000, default 50. */
  readonly maxSessions?: number | undefined
  /** Limit for the JSON of a session; default 65536, at most 999960: sealed it is what every store holds. */
  readonly maxBytes?: number | undefined
  /** Tells the event `large` of a record that has more bytes than this; default 4096. It is written all the same. */
  readonly budgetBytes?: number | undefined
  /** For all store work of one request together, in milliseconds; default 500. */
  readonly requestMs?: number | undefined
  /**
   * What a request does while the store is down. `fail` (default): 503. `anonymous`: reads give undefined, writes throw,
   * the cookie is left alone.
   */
  readonly onUnavailable?: 'fail' | 'anonymous' | undefined
  /** Sessions of another library, of `claimcheck/legacy`: who has its cookie and no claim check keeps the session. Default none. */
  readonly legacy?: LegacySessions | undefined
  readonly onEvent?: SessionEventHandler | undefined
  /** The clock, in milliseconds since 1970; default `Date.now`. */
  readonly now?: (() => number) | undefined
}

/** The options that make and verify tokens. */
export const tokenOptions: readonly (keyof SessionOptions)[] = [
  ...([
    'secret',
    'signing',
    'refreshSeconds',
    'namespace',
    'cookie',
    'transport',
    'tokenHeader',
    'onEvent',
    'now',
  ] as const),
]

const names = [
  ...tokenOptions,
  ...['store', 'idleSeconds', 'absoluteSeconds', 'lifetimes', 'maxSessions', 'maxBytes', 'budgetBytes'],
  ...['requestMs', 'onUnavailable', 'legacy'],
]
const usualTimes = { idleSeconds: 1800, absoluteSeconds: 28_800, recordSeconds: 0, tombstoneSeconds: 0 }
/** The longest value that the contract of stores allows. */
const maxRecordBytes = 1_000_000
const cookieNames = ['name', 'sameSite', 'domain', 'path', 'partitioned', 'persistent', 'insecure']

/** Checks every option at once, before the first request; throws `SessionOptionsError` naming the first that is wrong. */
export function checkOptions(options: SessionOptions): Settings {
  refuseUnknown(options, names, 'option')
  const { store, onUnavailable = 'fail', legacy } = options
  need(isStore(store), 'store must be a store, for example memoryStore() of claimcheck/memory')
  need(['fail', 'anonymous'].includes(onUnavailable), "onUnavailable must be 'fail' or 'anonymous'")
  const token = checkTokenOptions(options)
  need(legacy === undefined || typeof legacy?.adopt === 'function', 'legacy must be of claimcheck/legacy')
  need(!legacy?.cookieNames.includes(token.cookie.name), 'cookie.name is that of legacy, too')
  const { persistent } = token.cookie
  const { idleSeconds, absoluteSeconds } = options
  const times = checkTimes('', { idleSeconds, absoluteSeconds }, { ...usualTimes, persistent })
  return {
    store,
    ...token,
    ...times,
    lifetimes: checkLifetimes(options.lifetimes, times),
    maxSessions: wholeNumber('maxSessions', options.maxSessions, 50, 1, 1000),
    maxBytes: wholeNumber('maxBytes', options.maxBytes, 65_536, 1, maxRecordBytes - frameBytes),
    budgetBytes: wholeNumber('budgetBytes', options.budgetBytes, 4096, 1, maxRecordBytes),
    requestMs: wholeNumber('requestMs', options.requestMs, 500, 1, 60_000),
    onUnavailable,
    legacy,
  }
}

/** Checks the options that make and verify tokens, and only those; throws `SessionOptionsError`. */
export function checkTokenOptions(options: Omit<SessionOptions, 'store'>): TokenSettings {
  const { namespace = 'session', cookie = {}, onEvent, now = Date.now } = options
  const isName = typeof namespace === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(namespace)
  need(isName, 'namespace must be 1-64 of A-Za-z0-9._-')
  refuseUnknown(cookie, cookieNames, 'option cookie.')
  need(typeof now === 'function', 'now must be a function')
  need(onEvent === undefined || typeof onEvent === 'function', 'onEvent must be a function')
  const keys = { ...keysOf(options), cookie: checkCookie(cookie), tokenHeader: tokenHeaderOf(options) }
  return { ...keys, namespace, onEvent, now: () => Math.floor(now()), clock: now }
}

/** What is no header of others: those that this library, caches and browsers look at among them. */
const isOwnHeader = (name: unknown) =>
  typeof name === 'string' &&
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(name) &&
  !/^(set-cookie|cookie|authorization|vary|cache-control|age|etag|expires|date|location|content-.*|access-.*|transfer-.*|connection)$/i.test(
    name,
  )

function tokenHeaderOf({ transport = 'cookie', tokenHeader }: Omit<SessionOptions, 'store'>): string | undefined {
  need(['cookie', 'header'].includes(transport), "transport must be 'cookie' or 'header'")
  if (transport === 'header') {
    const { name = 'Session-Token' } = { name: tokenHeader }
    need(isOwnHeader(name), 'tokenHeader must be the name of a header of its own')
    return name
  }
  need(tokenHeader === undefined, "tokenHeader is for transport: 'header'")
  return undefined
}

function keysOf(options: Omit<SessionOptions, 'store'>): Pick<Settings, 'secrets' | 'signing'> {
  const { secret, signing, refreshSeconds } = options
  const refreshMs = wholeNumber('refreshSeconds', refreshSeconds, 300, 1, 86_400) * 1000
  if (signing !== undefined) refuseUnknown(signing, ['keys'], 'option signing.')
  const isAsked = typeof secret === 'function' || typeof signing?.keys === 'function'
  need(refreshSeconds === undefined || isAsked, 'refreshSeconds is for a secret, or signing.keys, that is a function')
  return {
    secrets: typeof secret === 'function' ? { ask: secret, refreshMs } : checkLivingSecrets(secret),
    signing:
      signing &&
      (typeof signing.keys === 'function' ? { ask: signing.keys, refreshMs } : checkJwks(signing.keys, 'signing.keys')),
  }
}

/** Whether two configurations are the same: a middleware that is mounted twice is one session, two that disagree are an error. */
export function sameSettings(a: Settings, b: Settings): boolean {
  const plain = (settings: Settings) => {
    const { store, onEvent, now, clock, secrets, legacy, ...rest } = settings
    return JSON.stringify({
      ...rest,
      secrets: 'ask' in secrets ? secrets : secrets.map(({ bytes, endsAt }) => `${endsAt}:${bytes}`),
    })
  }
  const ask = (keys: Settings['secrets' | 'signing']) => (keys && 'ask' in keys ? keys.ask : undefined)
  const isAsked = ask(a.secrets) === ask(b.secrets) && ask(a.signing) === ask(b.signing)
  const isSame = a.store === b.store && a.onEvent === b.onEvent && a.clock === b.clock && isAsked
  return isSame && a.legacy === b.legacy && plain(a) === plain(b)
}

function isStore(value: unknown): value is Store {
  const verbs = ['read', 'create', 'update', 'delete'] as const
  return (
    typeof value === 'object' && value !== null && verbs.every((verb) => typeof (value as Store)[verb] === 'function')
  )
}
