import { isLifetime, need, refuseUnknown, wholeNumber } from '../checks.ts'
import { tombstoneMarginSeconds } from '../record/tombstone.ts'
import { maxTtlSeconds } from '../store.ts'

/** The times of sessions of one kind, such as those of users who want to be remembered. What is left out is as without it. */
export interface LifetimeOptions {
  /** Ends a session that was not read or written for this long; at most its `absoluteSeconds`. */
  readonly idleSeconds?: number | undefined
  /** Ends a session however active it is; at most 400 days. */
  readonly absoluteSeconds?: number | undefined
  /** Keep the cookie when the browser closes. */
  readonly persistent?: boolean | undefined
}

/** Checked times with their defaults. */
export interface Times {
  readonly idleSeconds: number
  /** The longest a record is kept without being used: `idleSeconds`, but a tombstone must still outlive it in every store. */
  readonly recordSeconds: number
  readonly tombstoneSeconds: number
  readonly absoluteSeconds: number
  readonly persistent: boolean
}

/** The times of the option `lifetimes`, by their names. */
export type Lifetimes = Readonly<Record<string, Times>>

/** The name of the times that a session has without any other. */
export const defaultLifetime = 'default'

/** Checks the times of one kind of session; throws `SessionOptionsError` naming the first that is wrong, after `prefix`. */
export function checkTimes(prefix: string, options: LifetimeOptions, byDefault: Times): Times {
  const whole = (name: 'idleSeconds' | 'absoluteSeconds', given: number) =>
    wholeNumber(prefix + name, options[name], given, 1, maxTtlSeconds)
  const absoluteSeconds = whole('absoluteSeconds', byDefault.absoluteSeconds)
  const idleSeconds = whole('idleSeconds', Math.min(byDefault.idleSeconds, absoluteSeconds))
  const { persistent = byDefault.persistent } = options
  need(
    idleSeconds <= absoluteSeconds,
    `${prefix}idleSeconds must not exceed ${prefix}absoluteSeconds, which is ${absoluteSeconds}: set both`,
  )
  need(typeof persistent === 'boolean', `${prefix}persistent must be true or false`)
  const recordSeconds = Math.min(idleSeconds, maxTtlSeconds - tombstoneMarginSeconds)
  const tombstoneSeconds = recordSeconds + tombstoneMarginSeconds
  return { idleSeconds, recordSeconds, tombstoneSeconds, absoluteSeconds, persistent }
}

/** Checks the option `lifetimes`; throws `SessionOptionsError` naming what is wrong. */
export function checkLifetimes(option: unknown, byDefault: Times): Lifetimes {
  const lifetimes: Record<string, Times> = Object.create(null)
  if (option === undefined) return lifetimes
  need(typeof option === 'object' && option !== null && !Array.isArray(option), 'lifetimes must be an object')
  for (const [key, times] of Object.entries(option as object)) {
    if (times === undefined) continue
    need(isLifetime(key), 'the names of lifetimes must be 1-32 of A-Za-z0-9._-')
    need(key !== defaultLifetime, 'lifetimes.default is what idleSeconds and absoluteSeconds are for')
    refuseUnknown(times, ['idleSeconds', 'absoluteSeconds', 'persistent'], `option lifetimes.${key}.`)
    lifetimes[key] = checkTimes(`lifetimes.${key}.`, times, byDefault)
  }
  return lifetimes
}
