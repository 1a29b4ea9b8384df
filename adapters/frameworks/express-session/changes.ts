import { copyJson, equalJson, type Json } from '../../../src/record/json.ts'
import { plain } from './plain.ts'
import { isOwnName, type View } from './view.ts'

/** What a session holds. */
export type Data = Readonly<Record<string, Json>>

/** What was changed since then, by key; undefined for what is gone. Throws `SessionValueError` for what cannot be stored. */
export function changesOf(base: Data, view: View | undefined): ReadonlyMap<string, Json | undefined> {
  const changes = new Map<string, Json | undefined>()
  const now: Readonly<Record<string, unknown>> = { ...view }
  for (const key of new Set([...Object.keys(base), ...Object.keys(now)])) {
    if (isOwnName(key)) continue
    const form = plain(now[key])
    // Refused here, with its path: compared as text, a Map would be an empty object.
    const value = form === undefined ? undefined : copyJson(form, key)
    if (!equalJson(base[key], value)) changes.set(key, value)
  }
  return changes
}

/** Puts what was written in the place of what differs from it: what others had appended. */
export function show(view: View | undefined, written: ReadonlyMap<string, Json | undefined>): void {
  if (!view) return
  for (const [key, value] of written)
    if (!equalJson(plain(Reflect.get(view, key)) as Json, value)) Reflect.set(view, key, structuredClone(value))
}
