import { Guard } from '../record/guard.ts'
import { apply, dependsOnBase, type Operation, type SessionData } from '../record/journal.ts'
import { freezeJson, type Json } from '../record/json.ts'

const nothing: SessionData = new Map()

/** What reading a key gives. */
export interface Seen {
  readonly value: Json | undefined
  /** Whether it is what was loaded, and nothing this request has set. */
  readonly isStored: boolean
}

/** What all calls of `regenerate` of a request ask for together. */
export interface Regenerated {
  readonly reauthenticated: boolean
  readonly lifetime: string | undefined
  readonly subject: string | undefined
  readonly device: Json | undefined
}

/**
 * What a request does to its session, in the order of its calls.
 *
 * Each call sees the data as of its place in that order. Calls made before the load wait for it, writes too: a `pull` before a `set`
 * takes what is stored, however late the load comes.
 */
export class Calls {
  /** The changes so far, to be replayed on newer data. */
  readonly operations: Operation[] = []
  readonly guard: Guard = new Guard()
  readonly #waiting: (() => void)[] = []
  #hasBlind = false
  #view: SessionData | undefined
  /** The view, once there is a change: what was loaded stays as it is, for the comparison at the end. */
  #own: Map<string, Json> | undefined

  /** Whether anything is to be stored, as far as that is known without a load. */
  get hasChanges(): boolean {
    return this.#hasBlind || this.operations.length > 0
  }

  /** The data as this request sees it now; empty before the load. */
  get view(): SessionData {
    return this.#view ?? nothing
  }

  /** The data has come: the calls that wait for it run, in their order. */
  start(data: SessionData): void {
    this.#view = data
    this.#hasBlind = false
    for (const call of this.#waiting.splice(0)) call()
  }

  /** Runs this now where the data is there, otherwise in its place among those that wait. */
  take(call: () => void): void {
    if (this.#view) call()
    else this.#waiting.push(call)
  }

  /** Journals a change that needs no data. */
  write(operation: Operation): void {
    this.announce()
    this.take(() => this.change(operation))
  }

  /** Notes that a change is on its way: where its load fails, the commit must fail, too. */
  announce(): void {
    if (!this.#view) this.#hasBlind = true
  }

  /** Applies a change and journals it; a recipe that throws leaves no trace. Only when the data is there. */
  change(operation: Operation): void {
    if (this.#view) {
      this.#own ??= new Map(this.#view)
      this.#view = this.#own
      apply(this.#own, operation)
    }
    if (operation.type === 'set' || operation.type === 'delete') this.guard.overwrite(operation.key)
    if (operation.type === 'clear') this.guard.overwriteAll()
    this.operations.push(operation)
  }

  /** Looks at a key, which is then guarded. Only when the data is there. */
  look(key: string): Seen {
    const isStored = dependsOnBase(this.operations, key)
    if (isStored) this.guard.see(key)
    return { value: freezeJson(this.#view?.get(key)), isStored }
  }

  lookAtAll(): Record<string, Json> {
    this.guard.seeAll()
    return freezeJson(Object.fromEntries(this.view))
  }
}
