/**
 * One timer for many deadlines: it knows the earliest it was told of, asks `judge` when that has come, and gets the next.
 *
 * It does not follow calls that are answered meanwhile: it fires once per deadline length, not once per call. Nothing of
 * it keeps the process alive; the socket does while somebody waits.
 */
export class Deadline {
  readonly #judge: (time: number) => number
  readonly #fire: () => void
  #timer: NodeJS.Timeout | undefined
  #due: number = Number.POSITIVE_INFINITY

  /** `judge` ends what was due by `time`, and returns the earliest deadline that is left, or `Infinity`. By `performance.now()`. */
  constructor(judge: (time: number) => number) {
    this.#judge = judge
    this.#fire = () => {
      // After a stall of this process timers run before sockets are read; the reply may lie there. One turn lets it in.
      // A stall within that turn must not count either: so the time is taken here.
      const time = performance.now()
      setImmediate(() => this.#look(time))
    }
  }

  /** Something is due at this time. */
  noteBy(time: number): void {
    if (time >= this.#due) return
    clearTimeout(this.#timer)
    this.#due = time
    this.#timer = setTimeout(this.#fire, Math.max(1, Math.ceil(time - performance.now())))
    this.#timer.unref()
  }

  clear(): void {
    clearTimeout(this.#timer)
    this.#due = Number.NEGATIVE_INFINITY // nothing is ever due earlier: it stays silent
  }

  #look(time: number): void {
    if (this.#due === Number.NEGATIVE_INFINITY) return
    this.#due = Number.POSITIVE_INFINITY
    const next = this.#judge(time)
    if (next !== Number.POSITIVE_INFINITY) this.noteBy(next)
  }
}
