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

/** One operation, in place; throws before anything changed where a recipe throws or its result cannot be stored. */
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

/** The recipe's result, checked and copied; the current value is handed out frozen. */
function runRecipe(recipe: Recipe, key: string, current: Json | undefined): Json | undefined {
  const next = recipe(freezeJson(current))
  return next === undefined ? undefined : copyJson(next, key)
}

/** Whether what a reader of `key` sees still depends on the stored data, or only on operations of this request. */
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

/**
 * Remembers which keys a request has seen and then overwritten: exactly those must not have changed under it.
 *
 * Reading alone never conflicts, nor does writing what was not read, nor `update`, whose recipe runs again.
 */
export class Guard {
  readonly #seen = new Set<string>()
  readonly #guarded = new Set<string>()
  #seenAll = false
  #guardedAll = false

  /** Whether this request has read a value and removed it: nobody else may have. */
  hasTaken = false

  see(key: string): void {
    this.#seen.add(key)
  }

  seeAll(): void {
    this.#seenAll = true
  }

  overwrite(key: string): void {
    if (this.#seenAll || this.#seen.has(key)) this.#guarded.add(key)
  }

  overwriteAll(): void {
    for (const key of this.#seen) this.#guarded.add(key)
    if (this.#seenAll) this.#guardedAll = true
  }

  /** Whether newer data still shows every guarded key as it was seen. */
  holds(seen: SessionData, newer: SessionData): boolean {
    if (this.#guardedAll) return equalData(seen, newer)
    for (const key of this.#guarded) if (!equalJson(seen.get(key), newer.get(key))) return false
    return true
  }
}
