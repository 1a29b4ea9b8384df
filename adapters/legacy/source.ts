import { need, refuseUnknown, wholeNumber } from '../../src/checks.ts'
import type { LegacySessions } from '../../src/request/exchange.ts'
import { maxTtlSeconds } from '../../src/store.ts'
import { adopt, end, outlive } from './adopting.ts'
import type { Legacy, LegacySource } from './contract.ts'

export type { LegacySessions } from '../../src/request/exchange.ts'
export type { LegacyCall, LegacyCookie, LegacySource } from './contract.ts'

/** What every `from...()` takes beside what its library needs. */
export interface LegacyOptions {
  /**
   * Ends an old session as soon as it has come over: for when no server runs the old code any more. Default false: it lives on beside
   * the new one by its own rules, until `destroy()` or `regenerate()` ends both.
   */
  readonly takeOver?: boolean | undefined
  /** The longest that an old cookie can be good; default 1209600, 14 days. So long it cannot bring back what was logged out here. */
  readonly lifeSeconds?: number | undefined
  /** Makes what the new session holds of what the old one held; undefined, where it is not to come over. */
  readonly map?: ((data: Readonly<Record<string, unknown>>) => object | undefined) | undefined
  /** Where the old cookie is set, so that a logout can clear it; default `{ path: '/' }`. */
  readonly place?: { readonly path?: string | undefined; readonly domain?: string | undefined } | undefined
}

/** The options that every `from...()` takes. */
export const legacyOptions = ['takeOver', 'lifeSeconds', 'map', 'place'] as const

/** A day less than what a store takes: a tombstone outlives it by a minute. */
const maxLifeSeconds = maxTtlSeconds - 86_400

/**
 * The option `legacy` for the sessions of any library, from a source of your own. Throws `SessionOptionsError`.
 *
 * Where a request has no claim check of a session that lives, the cookie is verified, and only if it is genuine the stores are asked:
 * first whether that session has come over already, then the old one. It comes over once, also where many requests bring it at once
 * to several processes: its id is made of the old one's, and is added only where there is none.
 */
export function legacySessions(source: LegacySource, options: LegacyOptions = {}): LegacySessions {
  refuseUnknown(options, legacyOptions, 'option of legacySessions:')
  const legacy = checked(source, options)
  return {
    cookieNames: legacy.cookieNames,
    lifeSeconds: legacy.lifeSeconds,
    adopt: (exchange, loaded, claims) => adopt(legacy, exchange, loaded, claims),
    end: (exchange, others) => end(legacy, exchange, others),
    outlive: (exchange, claim) => outlive(exchange, claim),
  }
}

function checked(source: LegacySource, options: LegacyOptions): Legacy {
  const { takeOver = false, map = (data) => data, place = {} } = options
  const verbs = ['verify', 'read', 'remove'] as const
  need(
    verbs.every((verb) => typeof source?.[verb] === 'function'),
    `a legacy source needs ${verbs.join(', ')}`,
  )
  need(typeof source.name === 'string' && source.name !== '', 'name of a legacy source must be a text')
  const isNames = Array.isArray(source.cookieNames) && source.cookieNames.length > 0
  need(isNames && source.cookieNames.every(isToken), 'cookieName must be the name of the old cookie')
  need(typeof takeOver === 'boolean', 'takeOver must be true or false')
  need(typeof map === 'function', 'map must be a function')
  refuseUnknown(place, ['path', 'domain'], 'option place.')
  const { path = '/', domain } = place
  for (const part of [path, domain ?? '']) need(/^[^;,\s]*$/.test(part), 'place must hold no ; no , and no spaces')
  return {
    name: source.name,
    cookieNames: source.cookieNames,
    verify: (value) => source.verify(value),
    read: (cookie, call) => source.read(cookie, call),
    remove: (cookie, call) => source.remove(cookie, call),
    ...{ takeOver, map },
    lifeSeconds: wholeNumber('lifeSeconds', options.lifeSeconds, 1_209_600, 1, maxLifeSeconds),
    place: `; Path=${path}${domain === undefined ? '' : `; Domain=${domain}`}`,
  }
}

const isToken = (name: unknown) => typeof name === 'string' && /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)

/** The options that all have in common, out of those of one library. */
export function commonOf(options: LegacyOptions, own: readonly string[], name: string): LegacyOptions {
  refuseUnknown(options, [...own, ...legacyOptions], `option of ${name}:`)
  const { takeOver, lifeSeconds, map, place } = options
  return { takeOver, lifeSeconds, map, place }
}
