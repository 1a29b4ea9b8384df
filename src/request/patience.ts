/** A timer that is later than this was not merely crowded out: the process was frozen, or a handler kept the event loop busy. */
const standstillMs = 20
/** How often it looks; most calls of a store are answered before the first time. */
const beatMs = 50

/**
 * Waits for so many milliseconds in which this process runs.
 *
 * A time in which nothing could run here is not the store's: the longest one is not counted. And when the time is up a turn of the
 * event loop passes first, since after a handler that kept it busy timers run before sockets are read: the answer may lie there.
 */
export class Patience {
  readonly #onEnd: () => void
  #endsAt: number
  #dueAt: number = 0
  #longestMs = 0
  #isOver: boolean = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ms: number, onEnd: () => void) {
    this.#onEnd = onEnd
    const now = performance.now()
    this.#endsAt = now + ms
    this.#wait(now)
  }

  /** Ends the waiting; the longest time in which nothing ran, in milliseconds. */
  stop(): number {
    this.#look(performance.now())
    this.#isOver = true
    clearTimeout(this.#timer)
    return this.#longestMs
  }

  #wait(now: number): void {
    const ms = Math.min(beatMs, this.#endsAt - now)
    this.#dueAt = now + ms
    this.#timer = setTimeout(() => this.#beat(), ms)
  }

  #beat(): void {
    const now = performance.now()
    this.#look(now)
    if (now < this.#endsAt) this.#wait(now)
    else letTurnPass(() => this.#end())
  }

  #look(now: number): void {
    const lateMs = now - this.#dueAt
    if (lateMs < standstillMs || lateMs <= this.#longestMs) return
    this.#endsAt += lateMs - this.#longestMs
    this.#longestMs = lateMs
  }

  #end(): void {
    if (!this.#isOver) this.#onEnd()
  }
}

/** Whatever lies in the sockets is read first. Workers and browsers have no `setImmediate`, there a second timer does. */
function letTurnPass(work: () => void): void {
  if (typeof setImmediate === 'function') setImmediate(work)
  else setTimeout(work, 0)
}
