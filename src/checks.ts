import { SessionOptionsError } from './errors.ts'

/** Throws `SessionOptionsError` with what is wrong unless the condition holds. */
export function need(condition: boolean, why: string): void {
  if (!condition) throw new SessionOptionsError(why)
}

/** The value if it is a whole number of this range, the default where none is given; throws otherwise. */
export function wholeNumber(name: string, given: unknown, byDefault: number, min: number, max: number): number {
  const value = given === undefined ? byDefault : given
  const isInRange = Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
  need(isInRange, `${name} must be a whole number from ${min} to ${max}`)
  return value as number
}

/** Throws for a name that is not known: a misspelt option must not be a silent default. */
export function refuseUnknown(options: unknown, known: readonly string[], what: string): void {
  const all = what.replace(/[.:]$/, '').replace(/^option($| of)/, 'the options$1')
  need(typeof options === 'object' && options !== null, `${all} must be an object`)
  const unknown = Object.keys(options as object).find((name) => !known.includes(name))
  need(unknown === undefined, `unknown ${what}${what.endsWith('.') ? '' : ' '}${unknown}`)
}

/** Whether the value is a point in time. */
export const isDate = (value: unknown): value is Date => value instanceof Date && !Number.isNaN(value.getTime())

/** Short, since it stands in every token. */
const lifetime = /^[A-Za-z0-9._-]{1,32}$/

/** Whether the value can be the name of a lifetime. */
export const isLifetime = (value: unknown): value is string => typeof value === 'string' && lifetime.test(value)
