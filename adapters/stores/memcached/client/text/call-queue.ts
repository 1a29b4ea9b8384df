import type { Call } from './call.ts'

/** Room for this many calls at first: more than most connections ever have in flight. A power of two. */
const firstSlots = 64

/**
 * Calls in the order in which they were made, which is the order of their replies (memcached answers a connection's requests
 * one after the other).
 *
 * A ring: `Array.shift` moves every element once an array is long.
 */
export class CallQueue {
  #slots: (Call | undefined)[] = new Array<Call | undefined>(firstSlots)
  #head = 0
  size: number = 0
  /** What the calls here take on the wire, together. */
  bytes: number = 0

  get first(): Call | undefined {
    return this.#slots[this.#head]
  }

  push(call: Call): void {
    if (this.size === this.#slots.length) this.#grow()
    this.#slots[(this.#head + this.size) & (this.#slots.length - 1)] = call
    this.size++
    this.bytes += call.bytes
  }

  shift(): Call | undefined {
    const call = this.#slots[this.#head]
    if (call === undefined) return undefined
    this.#slots[this.#head] = undefined
    this.#head = (this.#head + 1) & (this.#slots.length - 1)
    this.size--
    this.bytes -= call.bytes
    return call
  }

  /** All of them, oldest first; empty afterwards. */
  drain(): Call[] {
    const calls: Call[] = []
    for (let call = this.shift(); call; call = this.shift()) calls.push(call)
    return calls
  }

  /** `Infinity` where it is empty. */
  earliestDeadline(): number {
    let earliest = Number.POSITIVE_INFINITY
    for (const call of this.#slots) if (call && call.deadline < earliest) earliest = call.deadline
    return earliest
  }

  #grow(): void {
    const calls = this.#slots
    const { length } = calls
    this.#slots = new Array<Call | undefined>(2 * length)
    for (let at = 0; at < length; at++) this.#slots[at] = calls[(this.#head + at) & (length - 1)]
    this.#head = 0
  }
}
