import { copyJson, equalJson, freezeJson, type Json } from './json.ts'

/** The data of a session: top-level keys to JSON values. A Map, so that no key can reach a prototype. */
export type SessionData = ReadonlyMap<string, Json>

/** Computes a key's next value from its current one; `undefined` removes it. Runs again on newer data: keep it pure. */
export type Recipe = (current: Json | undefined) => unknown

/** One change, as it was asked for: it can be applied again to newer data. */
export type Operation =
  | { readonly type: 'set'; readonly key: string; readonly value: Json }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'clear' }
  | { readonly type: 'keep'; readonly keys: readonly string[] }
  | { readonly type: 'update'; readonly key: string; readonly recipe: Recipe }

/** The data after the operations, in order; the base stays as it is. */
export function replay(base: SessionData, operations: readonly Operation[]): Map<string, Json> {
  const data = new Map(base)
  for (const operation of operations) apply(data, operation)
  return data
}

/** Applies one operation in place. A recipe that throws, or whose result cannot be stored, throws before anything changes. */
export function apply(data: Map<string, Json>, operation: Operation): void {
  switch (operation.type) {
    case 'set':
      data.set(operation.key, operation.value)
      return
    case 'delete':
      data.delete(operation.key)
      return
    case 'clear':
      data.clear()
      return
    case 'keep':
      for (const key of [...data.keys()]) if (!operation.keys.includes(key)) data.delete(key)
      return
    case 'update': {
      const next = runRecipe(operation.recipe, operation.key, data.get(operation.key))
      if (next === undefined) data.delete(operation.key)
      else data.set(operation.key, next)
    }
  }
}

/**
 * What a login that joins does to the session that another one has begun. That one has dropped already what `keep` does not name, and its
 * session may have got more since: so only this request's own changes lose what they would have lost.
 */
export function joiningOperations(operations: readonly Operation[]): readonly Operation[] {
  let joining: readonly Operation[] = []
  for (const operation of operations) {
    if (operation.type === 'keep') joining = joining.filter((one) => 'key' in one && operation.keys.includes(one.key))
    else joining = [...joining, operation]
  }
  return joining
}

/** The recipe's result, checked and copied; the current value is handed out frozen. */
function runRecipe(recipe: Recipe, key: string, current: Json | undefined): Json | undefined {
  const next = recipe(freezeJson(current))
  return next === undefined ? undefined : copyJson(next, key)
}

/** Whether a reader of `key` sees something of the stored data. False where this request's own operations decide alone. */
export function dependsOnBase(operations: readonly Operation[], key: string): boolean {
  return !operations.some((operation) => overwrites(operation, key))
}

function overwrites(operation: Operation, key: string): boolean {
  if (operation.type === 'clear') return true
  if (operation.type === 'keep') return !operation.keys.includes(key)
  return operation.type !== 'update' && operation.key === key
}

/** Same keys, same values; the order of keys does not count. */
export function equalData(a: SessionData, b: SessionData): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a) if (!b.has(key) || !equalJson(value, b.get(key))) return false
  return true
}
