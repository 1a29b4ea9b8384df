import type { ServerResponse } from 'node:http'

const changing = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const

/**
 * While its answer is held a response is as one that has begun to leave: its headers are sent and cannot be changed, and after
 * `end` it has ended. So a handler that answers twice fails as it would without a session.
 */
export class Pretence {
  readonly #res: ServerResponse
  readonly #own: (readonly [name: string, property: PropertyDescriptor | undefined])[]
  /** Who waits for 'drain'. Compression hands listeners on to a stream of its own, where an event of the response is not heard. */
  readonly #waiting: ((...args: unknown[]) => void)[] = []

  constructor(res: ServerResponse, hasEnded: () => boolean) {
    const { on } = res
    const waiting = this.#waiting
    const pretended: Record<string, PropertyDescriptor> = {
      headersSent: { get: () => true },
      writableEnded: { get: hasEnded },
      on: {
        value(type: string, listener: (...args: unknown[]) => void) {
          if (type === 'drain') waiting.push(listener)
          return on.call(this, type, listener)
        },
      },
    }
    for (const name of changing) pretended[name] = { value: refuse }
    this.#res = res
    this.#own = Object.keys(pretended).map((name) => [name, Object.getOwnPropertyDescriptor(res, name)])
    for (const [name, { value, get }] of Object.entries(pretended))
      Object.defineProperty(res, name, { configurable: true, ...(get ? { get } : { value, writable: true }) })
  }

  end(): void {
    for (const [name, property] of this.#own) {
      Reflect.deleteProperty(this.#res, name)
      if (property) Object.defineProperty(this.#res, name, property)
    }
  }

  /** Whoever was told to wait may go on. */
  drain(): void {
    const heard = this.#res.rawListeners('drain')
    this.#res.emit('drain')
    for (const listener of this.#waiting) if (!heard.includes(listener)) listener.call(this.#res)
  }
}

/** As Node refuses it. */
export function refuse(): never {
  const error = new Error('Cannot set headers after they are sent to the client')
  throw Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' })
}
