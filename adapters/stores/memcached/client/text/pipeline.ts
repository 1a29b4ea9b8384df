import type { Call } from './call.ts'
import { CallQueue } from './call-queue.ts'

/**
 * The calls of one connection: sent and not answered, in the order of their replies, and behind them those held back until there
 * is room in the window, which only TLS has: see `tlsWindowBytes`.
 */
export class Pipeline {
  readonly #windowBytes: number
  readonly #sent: CallQueue = new CallQueue()
  readonly #held: CallQueue = new CallQueue()
  /** How many of those sent have not been handed to the socket yet: the youngest. */
  #unflushed = 0

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes
  }

  /** Whose reply is next. */
  get first(): Call | undefined {
    return this.#sent.first
  }

  get isEmpty(): boolean {
    return this.#sent.size + this.#held.size === 0
  }

  /** Whether nothing is waited for; what is held back goes out once something is answered, so nothing is held back then. */
  get isQuiet(): boolean {
    return this.#sent.size === 0
  }

  /** Whether the call may be written now. */
  mayFollow(call: Call): boolean {
    return this.#held.size === 0 && this.#hasRoom(call)
  }

  /** It was written, and how large it is on the wire is known. */
  sent(call: Call): void {
    this.#sent.push(call)
    this.#unflushed++
  }

  hold(call: Call): void {
    this.#held.push(call)
  }

  /** All that were written are with the socket. */
  flushed(): void {
    this.#unflushed = 0
  }

  answered(): void {
    this.#sent.shift()
  }

  /** The next of those held back for which there is room now. An aborted call was not sent and never is. */
  release(): Call | undefined {
    for (let call = this.#held.first; call && (call.isSettled || this.#hasRoom(call)); call = this.#held.first) {
      this.#held.shift()
      if (!call.isSettled) return call
    }
    return undefined
  }

  /** All that are held back: none of them was sent. */
  takeHeld(): readonly Call[] {
    return this.#held.drain()
  }

  isLate(time: number): boolean {
    return this.#sent.earliestDeadline() <= time
  }

  /** The next of those held back for too long: the server answers, only too slowly for all that was asked of it. */
  giveUp(time: number): Call | undefined {
    const call = this.#held.first
    return call && call.deadline <= time ? this.#held.shift() : undefined
  }

  /** `Infinity` where it is empty. */
  earliestDeadline(): number {
    return Math.min(this.#sent.earliestDeadline(), this.#held.earliestDeadline())
  }

  /** All of them, oldest first, each with whether any byte of it may have left; empty afterwards. */
  drain(): readonly (readonly [call: Call, hasLeft: boolean])[] {
    const left = this.#sent.size - this.#unflushed
    return [...this.#sent.drain(), ...this.#held.drain()].map((call, at) => [call, at < left])
  }

  #hasRoom(call: Call): boolean {
    if (this.#sent.bytes === 0 || this.#windowBytes === Number.POSITIVE_INFINITY) return true
    // Key, value, and the most that command words and numbers take.
    return this.#sent.bytes + call.key.length + (call.value?.byteLength ?? 0) + 80 <= this.#windowBytes
  }
}
