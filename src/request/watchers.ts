import type { SessionEvent, SessionEventHandler } from '../events.ts'

/** Who is told of what happens: the option `onEvent`, and whoever has begun to watch since. Of a process, not of a request. */
export class Watchers {
  readonly #handlers: Set<SessionEventHandler>
  /** Tells all of them. Undefined where there is nobody: then no event is made. */
  tell: SessionEventHandler | undefined

  constructor(onEvent: SessionEventHandler | undefined) {
    this.#handlers = new Set(onEvent ? [onEvent] : [])
    this.#choose()
  }

  /** Each call is a watcher of its own, also with a handler that watches already. */
  add(handler: SessionEventHandler): () => void {
    const own: SessionEventHandler = (event) => handler(event)
    this.#handlers.add(own)
    this.#choose()
    return () => {
      this.#handlers.delete(own)
      this.#choose()
    }
  }

  #choose(): void {
    this.tell = this.#handlers.size > 0 ? (event) => this.#tellAll(event) : undefined
  }

  #tellAll(event: SessionEvent): void {
    for (const handler of this.#handlers) {
      // Watching a request must not fail it, nor end the process; said in the doc comment of SessionEventHandler.
      try {
        const answer: unknown = handler(event)
        if (answer instanceof Promise) answer.catch(noop)
      } catch {}
    }
  }
}

const noop = () => {}
