/** Rarely enough to cost nothing. */
const beatMs = 500
/** A busy event loop is late by milliseconds, seldom by hundreds; taken for a standstill, that costs one connection. */
const stillMs = 1250

/**
 * Notices that this process stood still: a frozen Lambda, a paused container, a laptop that slept. Its connections may have died
 * meanwhile without a word (a NAT gateway of AWS forgets them after 350 s), and a write that is lost on one is a 503.
 *
 * By the wall clock: the monotonic one of a frozen machine stands still with it. A clock that is set forward looks the same.
 */
export class Pulse {
  readonly #onStandstill: () => void
  readonly #timer: ReturnType<typeof setInterval>
  #lastAt: number = Date.now()

  constructor(onStandstill: () => void) {
    this.#onStandstill = onStandstill
    this.#timer = setInterval(() => this.check(), beatMs)
    if (typeof this.#timer === 'object') this.#timer.unref()
  }

  /** Also before anything is sent: after a thaw that may come before the timer. */
  check(): void {
    const now = Date.now()
    const stood = now - this.#lastAt
    this.#lastAt = now
    if (stood > stillMs) this.#onStandstill()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
