/** Somebody who has the page open, on a stream of server-sent events. */
type Viewer = ReadableStreamDefaultController<Uint8Array>

/** The page is told what is new this often. */
const everyMs = 1000
/**
 * A stream ends after this, and the browser opens the next one at once: so whoever may not look any more sees nothing further, and a server
 * that stops, which waits for what it is answering, does not wait for long.
 */
const streamMs = 3000
/** A few operators; more are turned away, so that nobody fills the process with streams. */
export const mostViewers = 20
/** What a viewer that does not read may have waiting. */
const mostWaiting = 3

/** Tells all viewers the same, every second, and costs nothing while there are none. */
export class Viewers {
  readonly #look: () => Promise<object>
  readonly #viewers = new Set<Viewer>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isLooking = false

  constructor(look: () => Promise<object>) {
    this.#look = look
  }

  get isFull(): boolean {
    return this.#viewers.size >= mostViewers
  }

  open(): ReadableStream<Uint8Array> {
    let own: Viewer | undefined
    return new ReadableStream<Uint8Array>(
      {
        start: (viewer) => {
          own = viewer
          viewer.enqueue(encode(`retry: ${retryMs}\n\n`))
          this.#add(viewer)
        },
        cancel: () => {
          if (own) this.#remove(own)
        },
      },
      { highWaterMark: mostWaiting },
    )
  }

  #add(viewer: Viewer): void {
    this.#viewers.add(viewer)
    const end = setTimeout(() => this.#end(viewer), streamMs)
    if (typeof end === 'object') end.unref()
    if (!this.#isLooking) void this.#tell()
  }

  #remove(viewer: Viewer): void {
    this.#viewers.delete(viewer)
  }

  #end(viewer: Viewer): void {
    if (!this.#viewers.has(viewer)) return
    this.#remove(viewer)
    viewer.close()
  }

  /** Tells all, then waits for the rest of the second; stops where nobody is left. */
  async #tell(): Promise<void> {
    clearTimeout(this.#timer)
    if (this.#viewers.size === 0) return
    this.#isLooking = true
    const began = performance.now()
    const message = await this.#look().then(
      (view) => encode(`data: ${JSON.stringify(view)}\n\n`),
      () => undefined,
    )
    for (const viewer of this.#viewers) if (message && (viewer.desiredSize ?? 0) > 0) viewer.enqueue(message)
    this.#isLooking = false
    this.#timer = setTimeout(() => void this.#tell(), Math.max(100, everyMs - (performance.now() - began)))
    if (typeof this.#timer === 'object') this.#timer.unref()
  }
}

/** How soon a browser opens the next stream. */
const retryMs = 100
const encoder = new TextEncoder()
const encode = (text: string) => encoder.encode(text)
