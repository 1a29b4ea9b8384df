import { SessionValueError } from '../errors.ts'

/** What a session can hold: JSON, nothing that would change on the way. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Deeper nesting is refused on write and on read: 5,000 levels make JSON.stringify throw, 200,000 parse (measured). */
export const maxDepth = 32

/** UTF-16 halves without their partner have no UTF-8 form and would come back as U+FFFD. */
const isWellFormed = (text: string) => text.isWellFormed()

/**
 * A deep copy of a value that survives JSON unchanged.
 *
 * Throws `SessionValueError` naming the path for anything else: Date, Map, bigint, function, NaN, cycles, class instances,
 * `undefined` in an array, lone surrogates, `__proto__` as a key (it would turn into a prototype in a careless merge).
 * Members that are `undefined` are left out, as JSON does.
 */
export function copyJson(value: unknown, path: string, depth = 0): Json {
  switch (typeof value) {
    case 'string':
      if (!isWellFormed(value)) refuse(path, 'is not well-formed text (a lone surrogate)')
      return value
    case 'number':
      if (!Number.isFinite(value)) refuse(path, `is ${value}, which JSON cannot hold`)
      return value === 0 ? 0 : value // -0 would come back as 0
    case 'boolean':
      return value
    case 'object':
      return value === null ? null : copyContainer(value, path, depth + 1)
    default:
      return refuse(
        path,
        `is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}, which JSON cannot hold`,
      )
  }
}

function copyContainer(value: object, path: string, depth: number): Json {
  if (depth > maxDepth) refuse(path, `is nested deeper than ${maxDepth} levels, or contains itself`)
  // Array.from reads holes as undefined, which is refused below: JSON would turn them into null.
  if (Array.isArray(value)) return Array.from(value, (item, at) => copyJson(item, `${path}[${at}]`, depth))
  if (!isPlain(value)) refuse(path, `is ${nameOf(value)}, not a plain object: store its JSON form instead`)
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(path, 'has symbols as keys')
  const copy: Record<string, Json> = {}
  for (const [key, member] of Object.entries(value)) {
    assertName(key, `${path}.${key}`)
    if (member !== undefined) copy[key] = copyJson(member, `${path}.${key}`, depth)
  }
  return copy
}

/** Throws unless the text can be a key at any level. */
export function assertName(key: unknown, path: string = String(key)): asserts key is string {
  if (typeof key !== 'string') refuse(path, 'is not a string and cannot be a key')
  if (key === '__proto__') refuse(path, 'is not allowed as a key')
  if (!isWellFormed(key)) refuse(path, 'is not well-formed text (a lone surrogate)')
}

/** Plain objects of any realm: their prototype is null or has none above it. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function nameOf(value: object): string {
  return `a ${value.constructor?.name ?? 'class instance'}`
}

function refuse(path: string, why: string): never {
  throw new SessionValueError('invalid-value', `session value ${path} ${why}`)
}

/** Whether parsed JSON stays within `maxDepth` levels below this value; never recurses deeper than that. */
export function isShallow(value: unknown, depth: number = maxDepth): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth === 0) return false
  // Loops: every read of a session pays for this.
  if (Array.isArray(value)) {
    for (const item of value) if (!isShallow(item, depth - 1)) return false
    return true
  }
  for (const name in value) if (!isShallow((value as Record<string, unknown>)[name], depth - 1)) return false
  return true
}

/** Freezes parsed or copied JSON through and through, once. */
export function freezeJson<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) freezeJson(member)
  }
  return value
}

/** Equal as JSON; undefined equals only undefined. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
