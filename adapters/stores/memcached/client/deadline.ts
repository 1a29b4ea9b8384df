/** A timer that is later than this was not merely crowded out: the process stood still, and maybe its machine and the server. */
const standstillMs = 20
/** What a standstill gives back at most: longer than this after it, the server is at fault. */
const longestGraceMs = 250

/** Options of a deadline. */
export interface DeadlineOptions {
  /** Whether what it waits for keeps the process alive; default no, the socket does. */
  readonly keepsAlive?: boolean
}

/**
 * One timer for many deadlines: it knows the earliest it was told of, asks `judge` when that has come, and gets the next.
 *
 * It does not follow calls that are answered meanwhile: it fires once per deadline length, not once per call. A standstill of
 * this process is not the server's fault: a deadline that came in one is waited for again as long as it was late.
 */
export class Deadline {
  readonly #judge: (time: number) => number
  readonly #keepsAlive: boolean
  readonly #fire: () => void
  #timer: NodeJS.Timeout | undefined
  #due: number = Number.POSITIVE_INFINITY
  /** In the one grace period after a stall. */
  #isGrace: boolean = false

  /** `judge` ends what was due by `time`, and returns the earliest deadline that is left, or `Infinity`. By `performance.now()`. */
  constructor(judge: (time: number) => number, { keepsAlive = false }: DeadlineOptions = {}) {
    this.#judge = judge
    this.#keepsAlive = keepsAlive
    this.#fire = () => {
      const time = performance.now()
      const lateMs = time - this.#due
      if (lateMs > standstillMs && !this.#isGrace) this.#wait(Math.min(lateMs, longestGraceMs), true)
      // After a shorter stall timers run before sockets are read, too; the reply may lie there. One turn lets it in.
      // A stall within that turn must not count either: so the time is taken here.
      else setImmediate(() => this.#look(time))
    }
  }

  /** Something is due at this time. */
  noteBy(time: number): void {
    if (time >= this.#due) return
    this.#due = time
    this.#wait(time - performance.now(), false)
  }

  /** Nothing is due any more. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#due = Number.POSITIVE_INFINITY
  }

  #wait(ms: number, isGrace: boolean): void {
    clearTimeout(this.#timer)
    this.#isGrace = isGrace
    this.#timer = setTimeout(this.#fire, Math.max(1, Math.ceil(ms)))
    if (!this.#keepsAlive) this.#timer.unref()
  }

  #look(time: number): void {
    if (this.#due === Number.POSITIVE_INFINITY) return
    this.#due = Number.POSITIVE_INFINITY
    const next = this.#judge(time)
    if (next !== Number.POSITIVE_INFINITY) this.noteBy(next)
  }
}
