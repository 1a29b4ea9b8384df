import { equalData, type SessionData } from './journal.ts'
import { equalJson } from './json.ts'

/**
 * Remembers which keys a request has seen and then overwritten. Exactly those must not have been changed by another meanwhile.
 *
 * Reading alone never conflicts, nor does writing what was not read, nor `update`, whose recipe runs again.
 */
export class Guard {
  readonly #seen = new Set<string>()
  readonly #guarded = new Set<string>()
  #seenAll = false
  #guardedAll = false

  /** Whether this request has taken a value by `pull`: no other request may take it, too. */
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
