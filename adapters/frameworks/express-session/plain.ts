/**
 * What JSON makes of a value, as express-session stores it: dates and what else has a `toJSON` by that, class instances by their
 * members, without functions and members that are undefined. What JSON would lose (Map, Set, NaN) is left for the check to refuse.
 */
export function plain(value: unknown, depth = 0): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null || depth > maxDepth) return value
  if (hasForm(value)) return plain(value.toJSON(), depth + 1)
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1) ?? null)
  if (value instanceof Map || value instanceof Set) return value
  const pairs = Object.entries(value).map(([name, member]) => [name, plain(member, depth + 1)] as const)
  return Object.fromEntries(pairs.filter(([, member]) => member !== undefined))
}

/** Beyond it the check refuses the value anyway, and one that contains itself comes to an end. */
const maxDepth = 40

const hasForm = (value: object): value is { toJSON(): unknown } =>
  typeof (value as { toJSON?: unknown }).toJSON === 'function'
