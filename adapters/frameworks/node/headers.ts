import type { OutgoingHttpHeader, ServerResponse } from 'node:http'
import type { HeaderMap } from '../../../src/request/response-headers.ts'

/** The headers of a response of Node, as a session writes them; nothing of the others is copied or changed. */
export class ResponseHeaders implements HeaderMap {
  readonly #res: ServerResponse

  constructor(res: ServerResponse) {
    this.#res = res
  }

  has(name: string): boolean {
    return this.#res.hasHeader(name)
  }

  get(name: string): string | null {
    return this.has(name) ? this.#values(name).join(', ') : null
  }

  getSetCookie(): string[] {
    return this.#values('Set-Cookie')
  }

  set(name: string, value: string): void {
    this.#res.setHeader(name, value)
  }

  /** On one line, except for cookies, which have no other way. */
  append(name: string, value: string): void {
    const isCookie = name.toLowerCase() === 'set-cookie'
    const values = [...this.#values(name), value]
    this.#res.setHeader(name, isCookie ? values : values.join(', '))
  }

  delete(name: string): void {
    this.#res.removeHeader(name)
  }

  #values(name: string): string[] {
    const value = this.#res.getHeader(name)
    return value === undefined ? [] : [value].flat().map(String)
  }
}

/** The arguments of `writeHead`. */
export type HeadArguments = readonly [status: number, ...rest: readonly unknown[]]

/**
 * Moves the headers that `writeHead` was given onto the response, where they can be looked at and added to; what is left of the
 * arguments. They outrank those that were set before, and a list may name one several times, as Node has it.
 */
export function takeHeaders(res: ServerResponse, [status, ...rest]: HeadArguments): HeadArguments {
  const [reason] = rest
  const headers = typeof reason === 'string' ? rest[1] : (rest[1] ?? reason)
  const pairs = pairsOf(headers)
  for (const [name] of pairs) res.removeHeader(name)
  for (const [name, value] of pairs) res.appendHeader(name, value)
  return typeof reason === 'string' ? [status, reason] : [status]
}

type Pair = readonly [name: string, value: string | readonly string[]]

/** Of an object, a flat list of names and values, or a list of pairs. */
function pairsOf(headers: unknown): readonly Pair[] {
  if (typeof headers !== 'object' || headers === null) return []
  if (!Array.isArray(headers)) return Object.entries(headers).filter(([, value]) => value !== undefined) as Pair[]
  if (Array.isArray(headers[0])) return headers as Pair[]
  return headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1]] as const] : []))
}

/** The headers that a response had at one time. */
export type Snapshot = Readonly<Record<string, OutgoingHttpHeader | undefined>>

/** Takes back all that was set since then, status and reason too: the answer that was given will not leave. */
export function resetTo(res: ServerResponse, before: Snapshot): void {
  for (const name of res.getHeaderNames()) res.removeHeader(name)
  for (const [name, value] of Object.entries(before)) if (value !== undefined) res.setHeader(name, value)
  res.statusCode = 200
  // HTTP/2 has none, and warns.
  if (res.req.httpVersionMajor === 1) res.statusMessage = ''
}

const needed = ['writeHead', 'flushHeaders', 'write', 'end', 'getHeaders', 'setHeader', 'removeHeader', 'on'] as const

/** Whether this is a response that can be held; where a WebSocket is upgraded there is none, or something with a few of its methods. */
export function isResponse(res: ServerResponse): boolean {
  return needed.every((name) => typeof res[name] === 'function')
}
