import { equalJson, type Json } from '../../../src/record/json.ts'

type Value = Json | undefined
type Members = Readonly<Record<string, Json>>

/** The outcome of two changes of one value: what both made of it, or that only one of them can be. */
export type Merged = { readonly value: Value } | undefined

/**
 * What two requests made of one value together: `mine` and `theirs`, both from `base`.
 *
 * Where only one has changed it, that one's. Where both have only appended to lists (messages, flash messages by kind, a cart), theirs
 * and then mine, also where there was none. Else there is no such value.
 */
export function merge(base: Value, mine: Value, theirs: Value): Merged {
  if (equalJson(base, theirs)) return { value: mine }
  if (equalJson(base, mine)) return { value: theirs }
  const value = appends(base, mine) && appends(base, theirs) ? together(base, mine, theirs) : undefined
  return value === undefined ? undefined : { value }
}

const isList = (value: Value): value is readonly Json[] => Array.isArray(value)
const isObject = (value: Value): value is Members => typeof value === 'object' && value !== null && !isList(value)

/** Whether all that was changed are lists that have become longer at their ends, at any depth. */
function appends(base: Value, value: Value): boolean {
  if (equalJson(base, value)) return true
  if (isList(value)) return isList(base ?? []) && equalJson(base ?? [], value.slice(0, lengthOf(base)))
  if (!isObject(value) || !isObject(base ?? {})) return false
  const before = membersOf(base)
  return (
    Object.keys(before).every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, member]) => appends(before[name], member))
  )
}

/** Of two that have appended; undefined where one has begun a list and the other an object. */
function together(base: Value, mine: Value, theirs: Value): Value {
  if (equalJson(base, mine)) return theirs
  if (equalJson(base, theirs)) return mine
  if (isList(mine) && isList(theirs)) return [...theirs, ...mine.slice(lengthOf(base))]
  if (!isObject(mine) || !isObject(theirs)) return undefined
  const before = membersOf(base)
  const names = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])]
  const pairs = names.map((name) => [name, together(before[name], mine[name], theirs[name])] as const)
  return pairs.some(([, value]) => value === undefined) ? undefined : (Object.fromEntries(pairs) as Members)
}

const lengthOf = (list: Value) => (isList(list) ? list.length : 0)
const membersOf = (value: Value): Members => (isObject(value) ? value : {})
