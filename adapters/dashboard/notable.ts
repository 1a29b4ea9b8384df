import type { SessionEvent } from '../../src/events.ts'
import { losses } from './columns.ts'

/** Something that an operator may want to know of. From closed lists, but for the node and the ref. */
export interface Notable {
  /** Milliseconds since 1970, of the last time. */
  readonly at: number
  readonly type: string
  readonly reason?: string | undefined
  readonly node?: string | undefined
  /** Of the last session it happened to: 8 characters for logs, never the id. */
  readonly ref?: string | undefined
  readonly bytes?: number | undefined
  /** How often it happened within a few seconds. */
  readonly count: number
}

export const mostNotable = 100
/** The same again within this time is told with the first: a flood of one kind does not push everything else out. */
const togetherMs = 10_000

/** The last hundred. */
export class NotableEvents {
  readonly #list: Notable[] = []

  get list(): readonly Notable[] {
    return this.#list
  }

  note(event: Omit<Notable, 'count'>): void {
    const at = this.#list.findLastIndex((one) => isSame(one, event))
    const [earlier] = at < 0 ? [] : this.#list.splice(at, 1)
    this.#list.push({ ...event, count: (earlier?.count ?? 0) + 1 })
    if (this.#list.length > mostNotable) this.#list.shift()
  }
}

const isSame = (one: Notable, other: Omit<Notable, 'count'>) =>
  one.type === other.type &&
  one.reason === other.reason &&
  one.node === other.node &&
  Math.abs(other.at - one.at) < togetherMs

/** A cookie that is used after its session was ended is worth a look; a session that has come to its end is not. */
const notableAbsences: readonly string[] = [...losses, 'logged-out', 'revoked', 'regenerated']
const plain: readonly string[] = ['load', 'commit']

/**
 * What of an event is shown, or undefined where it is nothing notable. Names are taken one by one, so that what is added to events later
 * is not shown by accident: neither the names of keys nor messages are.
 */
export function notableOf(event: SessionEvent, at: number): Omit<Notable, 'count'> | undefined {
  const { type, ref } = event
  if (event.type === 'load' && !event.hit && notableAbsences.includes(event.reason))
    return { at, type: 'no-session', reason: event.reason, ref }
  if (plain.includes(type) || (event.type === 'legacy' && event.outcome === 'imported')) return undefined
  const reason = event.type === 'legacy' ? event.outcome : 'reason' in event ? event.reason : undefined
  const node = 'node' in event ? event.node : undefined
  const bytes = 'bytes' in event ? event.bytes : undefined
  return { at, type, reason, node, ref, bytes }
}
